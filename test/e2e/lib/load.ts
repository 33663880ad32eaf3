import { resources } from '../../../src/api/resources.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import type { Stream } from '../client/load.ts'
import type { Failure, Line } from '../client/tally.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { loadImage } from './manifests.ts'

/** A load client in a pod of its own: not injected, it knows the apex Service alone. */
export interface LoadPod {
  /** All its seconds so far, oldest first. */
  lines(): Promise<readonly Line[]>
  failures(): Promise<readonly Failure[]>
  /** Resolves when `count` more requests than now have ended. */
  more(count: number): Promise<void>
  /** All its seconds once everything sent before this call has ended, by its time-out at the latest. */
  settled(): Promise<readonly Line[]>
}

/** Far beyond what an answer takes, even by a slow version on a machine that does ten other things: who waits for longer waits forever. */
export const timeoutMs = 20_000
const urlOf = (service: string): string => `http://${service}/`

/** Sixty requests a second on kept-alive connections, and ten on a new connection each. */
export const usersOf = (service = 'podinfo'): readonly Stream[] => [
  { name: 'users', url: urlOf(service), rate: 60, timeoutMs },
  { name: 'newcomers', url: urlOf(service), rate: 10, connections: 'fresh', timeoutMs },
]

/** Starts a client and waits until it gets answers. */
export async function startLoad(namespace: string, streams: readonly Stream[] = usersOf(), name = 'load'): Promise<LoadPod> {
  await cluster().create(resources.pods, podOf(namespace, name, streams))
  const lines = async (): Promise<readonly Line[]> => parseLines(await readLog(namespace, name))
  const answered = async (): Promise<number> => (await lines()).at(-1)?.total.answered ?? 0
  const ended = async (): Promise<number> => {
    const total = (await lines()).at(-1)?.total
    return total ? total.answered + total.failed : 0
  }
  await eventually(`answers to the load of ${namespace}/${name}`, async () => (await answered()) > 0)
  return {
    lines,
    failures: async () => (await lines()).flatMap((line) => line.failures),
    more: async (count) => {
      const goal = (await ended()) + count
      await eventually(`${count} more requests by ${namespace}/${name}`, async () => (await ended()) >= goal)
    },
    settled: async () => {
      const calledAt = Date.now()
      return eventually(`the end of what ${namespace}/${name} had sent`, async () => {
        const now = await lines()
        const last = now.at(-1)
        return last !== undefined && (last.second * 1000 > calledAt + timeoutMs || (last.second * 1000 > calledAt && last.total.inFlight === 0)) && now
      })
    },
  }
}

async function readLog(namespace: string, name: string): Promise<string> {
  const { body } = await cluster().request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/${name}/log`, query: { container: 'load' } })
  return body
}

/** The log as lines; an unfinished last line is left for the next look. */
function parseLines(log: string): readonly Line[] {
  const whole = log.slice(0, log.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
}

function podOf(namespace: string, name: string, streams: readonly Stream[]): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { role: 'load' } },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'load',
          image: loadImage,
          imagePullPolicy: 'IfNotPresent',
          env: [{ name: 'LOAD_STREAMS', value: JSON.stringify(streams) }],
          resources: { requests: { cpu: '50m', memory: '64Mi' } },
          securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
        },
      ],
    },
  }
}

/** A failure in words for an assertion. */
export const failureText = (failure: Failure): string =>
  `${new Date(failure.at).toISOString()} ${failure.stream}: ${failure.kind}${failure.status === undefined ? '' : ` ${failure.status}`}${failure.from ? ` by ${failure.from.version}@${failure.from.workload}` : ''} ${failure.detail}`

/** podinfo's random errors: a bare 500, 400 or 409. Whatever else fails is not the bad version's own doing. */
export const isOwnFault = (failure: Failure): boolean => failure.kind === 'status' && [500, 400, 409].includes(failure.status ?? 0) && failure.detail === ''
