import { AppError } from '../../base/errors.ts'
import { stringAt } from '../../base/json.ts'
import type { PodAccess, Store } from '../contract.ts'
import type { Container } from './container.ts'
import type { Pod } from './pod.ts'

/** Logs and addresses of the running pods, for the API server's subresources. `running` is by uid. */
export function createPodAccess(store: Store, running: ReadonlyMap<string, Pod>): PodAccess {
  const find = (namespace: string, name: string): Pod | undefined => {
    const object = store.get('/pods', namespace, name)
    return object && running.get(stringAt(object, 'metadata', 'uid') ?? '')
  }
  return {
    address: (namespace, name) => find(namespace, name)?.address,
    logs: async function* (namespace, name, options, signal) {
      const pod = find(namespace, name)
      if (!pod) throw new AppError('NOT_FOUND', `pods "${name}" not found`)
      const container = pick(pod, name, options.container)
      const log = options.previous === true ? container.previousLog : container.log
      if (!log) throw new AppError('BAD_REQUEST', `previous terminated container "${container.name}" in pod "${name}" not found`)
      if (container.containerId === '') {
        const reason = container.state.is === 'waiting' ? container.state.waiting.reason : 'ContainerCreating'
        throw new AppError('BAD_REQUEST', `container "${container.name}" in pod "${name}" is waiting to start: ${reason}`)
      }
      for await (const line of log.read({ follow: options.follow, tailLines: options.tailLines }, signal)) {
        yield options.timestamps === true ? `${line.at.toISOString()} ${line.text}\n` : `${line.text}\n`
      }
    },
  }
}

/** The container by name; without a name the only one, as the API server picks. */
function pick(pod: Pod, podName: string, name: string | undefined): Container {
  const regular = pod.containers.filter(({ kind }) => kind === 'app')
  if (name === undefined) {
    if (regular.length === 1 && regular[0]) return regular[0]
    const names = regular.map((container) => container.name).join(' ')
    throw new AppError('BAD_REQUEST', `a container name must be specified for pod ${podName}, choose one of: [${names}]`)
  }
  const named = pod.containers.find((container) => container.name === name)
  if (!named) throw new AppError('BAD_REQUEST', `container ${name} is not valid for pod ${podName}`)
  return named
}
