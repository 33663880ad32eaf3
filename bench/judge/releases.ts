import { resources } from '../../src/api/resources.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, type JsonObject } from '../../src/base/json.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { Failure, Line } from '../../test/e2e/client/tally.ts'
import { canary, deployment, loadImage, service } from '../../test/e2e/lib/manifests.ts'

/** Releases of a bad version on a cluster, one after the other, under a client at a constant rate. */
export interface Trial {
  readonly namespace: string
  readonly requestsPerSecond: number
  readonly failingPercent: number
  readonly basePercent: number
  readonly releases: number
  /** Of the Canary; its metrics are the reference manifest's. */
  readonly analysis: JsonObject & { readonly interval: string; readonly threshold: number }
}

/** What one release cost: answers of the bad version that were no answers. */
export interface Cost {
  readonly outcome: 'rolled back' | 'promoted'
  readonly failedRequests: number
  /** What failed meanwhile and was no answer of either version, by kind. */
  readonly others: Readonly<Record<string, number>>
  readonly firstToLastSeconds: number
  /** From when the canary got its weight to the last failed request. */
  readonly fromWeightSeconds: number
  /** What the client managed. */
  readonly sentPerSecond: number
  readonly explanation: string
}

export async function releaseRepeatedly(client: KubeClient, trial: Trial, onCost: (cost: Cost) => void = () => undefined): Promise<readonly Cost[]> {
  const { namespace } = trial
  await client.create(resources.namespaces, { metadata: { name: namespace } })
  try {
    await until('the service account', async () => (await client.find(resources.serviceAccounts, { namespace, name: 'default' })) !== undefined)
    const { interval, threshold, ...strategy } = trial.analysis
    const objects = [
      [resources.deployments, app(namespace, trial.basePercent)],
      [resources.services, service({ namespace })],
      [resources.canaries, canary({ namespace, interval, threshold, strategy })],
      [resources.pods, loadPod(namespace, trial.requestsPerSecond)],
    ] as const
    for (const [resource, object] of objects) await client.create(resource, object)
    await until('phase Initialized', async () => (await statusOf(client, namespace))['phase'] === 'Initialized')
    await until('users at the primary', async () => (await readLines(client, namespace)).at(-1)?.streams['users'] !== undefined)
    const costs: Cost[] = []
    for (let release = 1; release <= trial.releases; release += 1) {
      const cost = await releaseOnce(client, trial, `bad-${release}`)
      costs.push(cost)
      onCost(cost)
      if (cost.outcome === 'promoted') break
    }
    return costs
  } finally {
    await client.delete(resources.canaries, { namespace, name: 'podinfo' }).catch(() => undefined)
    await client.delete(resources.namespaces, { name: namespace }).catch(() => undefined)
  }
}

async function releaseOnce(client: KubeClient, { namespace, failingPercent }: Trial, version: string): Promise<Cost> {
  const { spec } = app(namespace, failingPercent, version)
  const releasedAt = Date.now()
  await client.patch(resources.deployments, { namespace, name: 'podinfo' }, { type: 'strategic', body: { spec: { template: objectAt({ spec }, 'spec', 'template') } } })
  await until('phase Progressing', async () => (await statusOf(client, namespace))['phase'] === 'Progressing')
  const status = await until('the end of the analysis', async () => {
    const found = await statusOf(client, namespace)
    return (found['phase'] === 'Failed' || found['phase'] === 'Succeeded') && found
  })
  const endedAt = Date.now()
  // Of a version that never got a weight there is none, and what it cost is counted from its release on.
  const weightedAt = numberAt(status, 'kinglet', 'weightedAt') ?? releasedAt
  const lines = await until('the client’s last seconds', async () => {
    const all = await readLines(client, namespace)
    return (all.at(-1)?.second ?? 0) * 1000 > endedAt + 2000 ? all : undefined
  })
  const failures = lines.flatMap((line) => line.failures).filter(({ at }) => at > weightedAt)
  const bad = failures.filter(({ from }) => from?.version === version).map(({ at }) => at)
  const [first, last] = [Math.min(...bad), Math.max(...bad)]
  return {
    outcome: status['phase'] === 'Failed' ? 'rolled back' : 'promoted',
    failedRequests: bad.length,
    others: countsBy(failures.filter(({ from }) => from === undefined)),
    firstToLastSeconds: bad.length === 0 ? 0 : (last - first) / 1000,
    fromWeightSeconds: bad.length === 0 ? 0 : (last - weightedAt) / 1000,
    // From the release on: the time with a weight may be shorter than a line of the client's.
    sentPerSecond: rateOf(lines.filter(({ second }) => second * 1000 >= releasedAt - 1000 && second * 1000 <= endedAt)),
    explanation: messageOf(status),
  }
}

/** Ready, says who it is, and fails the given share of everything else. */
const server = (failingPercent: number): string => `const { hostname } = require('node:os'), message = process.env.PODINFO_UI_MESSAGE
require('node:http').createServer((request, response) => {
  const isFailing = request.url !== '/readyz' && Math.random() * 100 < ${failingPercent}
  response.writeHead(isFailing ? 500 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ message, hostname: hostname() }))
}).listen(8080)`

function app(namespace: string, failingPercent: number, version = 'v1'): JsonObject {
  const base = deployment({ namespace, version })
  const containers = listAt(base, 'spec', 'template', 'spec', 'containers').filter(isObject)
  const served = containers.map((container) => ({ ...container, image: loadImage, command: ['/usr/local/bin/node', '-e', server(failingPercent)] }))
  const template = objectAt(base, 'spec', 'template')
  return { ...base, spec: { ...objectAt(base, 'spec'), template: { ...template, spec: { ...objectAt(template, 'spec'), containers: served } } } }
}

const loadPod = (namespace: string, rate: number): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'load', namespace },
  spec: { restartPolicy: 'Never', containers: [{ name: 'load', image: loadImage, imagePullPolicy: 'IfNotPresent', env: [{ name: 'LOAD_STREAMS', value: JSON.stringify([{ name: 'users', url: 'http://podinfo/', rate, timeoutMs: 20_000 }]) }] }] },
})

async function readLines(client: KubeClient, namespace: string): Promise<readonly Line[]> {
  const { body } = await client.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/load/log`, query: { container: 'load' } })
  const whole = body.slice(0, body.lastIndexOf('\n') + 1).split('\n')
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
}

function rateOf(lines: readonly Line[]): number {
  const [first, last] = [lines[0], lines.at(-1)]
  return first && last && last.second > first.second ? (last.total.sent - first.total.sent) / (last.second - first.second) : 0
}

const statusOf = async (client: KubeClient, namespace: string): Promise<JsonObject> => objectAt(await client.get(resources.canaries, { namespace, name: 'podinfo' }), 'status')

function countsBy(failures: readonly Failure[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { kind, detail } of failures) {
    const of = kind === 'timeout' ? detail : kind
    counts[of] = (counts[of] ?? 0) + 1
  }
  return counts
}

const messageOf = (status: JsonObject): string => `${stringAt(status, 'analysis', 'decidedBy') ?? '?'}: ${stringAt(listAt(status, 'analysis', 'checks')[0], 'message') ?? ''}`

/** Looks four times a second, ten minutes at most. */
async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let left = 2400; left > 0; left -= 1) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`${what}: not within ten minutes`)
}
