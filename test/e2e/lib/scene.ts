import { afterAll, beforeAll, onTestFailed } from 'vitest'
import { defaultNamespace } from '../../../src/api/keys.ts'
import { resources } from '../../../src/api/resources.ts'
import { objectAt, stringAt } from '../../../src/base/json.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { conditionsOf, eventsOf } from './objects.ts'

/** A namespace of a suite's own. It exists from the suite's first test to its last. */
export interface Scene {
  readonly namespace: string
  /** Call at the begin of a test: if the test fails, what a person would look at is printed. */
  readonly explainOnFailure: (canary?: string) => void
}

/** To be called in a `describe`. `labels` are the namespace's. */
export function scene(name: string, labels: Readonly<Record<string, string>> = {}): Scene {
  const namespace = `${name}-${Math.random().toString(36).slice(2, 7)}`
  beforeAll(async () => {
    await cluster().create(resources.namespaces, { metadata: { name: namespace, labels: { 'e2e': name, ...labels } } })
    await eventually(`the service account of ${namespace}`, () => cluster().find(resources.serviceAccounts, { namespace, name: 'default' }))
  })
  afterAll(async () => {
    // Canaries first: a namespace in deletion waits for their finalizer, and their Deployments vanish under them.
    const canaries = await cluster().list(resources.canaries, { namespace }).catch(() => [])
    for (const canary of canaries) {
      const at = { namespace, name: stringAt(canary, 'metadata', 'name') ?? '' }
      await cluster().delete(resources.canaries, at).catch(() => undefined)
    }
    await cluster().delete(resources.namespaces, { name: namespace }).catch(() => undefined)
  })
  return {
    namespace,
    explainOnFailure: (canary = 'podinfo') => {
      onTestFailed(async () => {
        process.stderr.write(`${await describeScene(namespace, canary)}\n`)
      })
    },
  }
}

async function describeScene(namespace: string, canary: string): Promise<string> {
  const found = await cluster().find(resources.canaries, { namespace, name: canary }).catch(() => undefined)
  const events = await eventsOf(namespace, canary).catch(() => [])
  const pods = await cluster().list(resources.pods, { namespace }).catch(() => [])
  return [
    `--- ${namespace}/${canary}: ${JSON.stringify({ ...objectAt(found, 'status'), conditions: undefined })}`,
    ...conditionsOf(found).map((condition) => `condition ${condition.type}=${condition.status} ${condition.reason}: ${condition.message}`),
    ...events.slice(-25).map((event) => `event ${event.type} ×${event.count} ${event.kind}: ${event.message}`),
    ...(await controllerLines(namespace).catch(() => ['the controller has no log to read'])),
    ...pods.map((pod) => `pod ${stringAt(pod, 'metadata', 'name')} ${stringAt(pod, 'status', 'phase')}${stringAt(pod, 'metadata', 'deletionTimestamp') === undefined ? '' : ' (terminating)'}`),
  ].join('\n')
}

/** What the controllers have logged about this namespace or complained of, the last lines of each. */
async function controllerLines(namespace: string): Promise<readonly string[]> {
  const pods = await cluster().list(resources.pods, { namespace: defaultNamespace, labelSelector: 'app.kubernetes.io/component=controller' })
  const read = async (name: string): Promise<readonly string[]> => {
    const { body } = await cluster().request({ method: 'GET', path: `/api/v1/namespaces/${defaultNamespace}/pods/${name}/log`, query: { container: 'controller', tailLines: '2000' } })
    const lines = body.split('\n').filter((line) => line !== '' && (line.includes(`${namespace}/`) || /"level":"(warn|error)"/.test(line) || !line.startsWith('{')))
    return lines.slice(-40).map((line) => `${name}: ${line}`)
  }
  return (await Promise.all(pods.map((pod) => read(stringAt(pod, 'metadata', 'name') ?? '')))).flat()
}
