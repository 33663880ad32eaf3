/**
 * What a bad version costs: `npm run bench:judge`. On the cluster that KUBECONFIG leads to, with Kinglet installed and the images of
 * the end-to-end suites on its node; without KUBECONFIG on a sandbox of its own. One release with the guard, one with Flagger's checks
 * alone, the same app, load and weight. Counted is what the client saw.
 */
import { parseArgs } from 'node:util'
import { resources } from '../../src/api/resources.ts'
import { listAt, stringAt, type JsonObject } from '../../src/base/json.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConfig } from '../../src/kube/config.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import type { Line } from '../../test/e2e/client/tally.ts'
import { canary, deployment, loadImage, service } from '../../test/e2e/lib/manifests.ts'

const { values } = parseArgs({
  options: {
    rps: { type: 'string', default: '100' },
    weight: { type: 'string', default: '5' },
    /** Share of the bad version's requests that fail, percent. */
    failing: { type: 'string', default: '100' },
    /** Of the run without a guard; the reference manifest has 60. */
    'plain-interval': { type: 'string', default: '5' },
    'skip-plain': { type: 'boolean', default: false },
  },
})
const [rps, weight, failing, plainSeconds] = [Number(values.rps), Number(values.weight), Number(values.failing), Number(values['plain-interval'])]
const flaggerSeconds = 60
const threshold = 5

interface Cost {
  readonly failedRequests: number
  readonly firstToLastSeconds: number
  readonly decidedBy: string
  readonly explanation: string
}

/** Ready, and fails the given share of everything else. */
const badServer = `require('node:http').createServer((request, response) => {
  response.writeHead(request.url === '/readyz' || Math.random() * 100 >= ${failing} ? 200 : 500).end()
}).listen(8080)`

async function measure(client: KubeClient, namespace: string, guard: boolean, intervalSeconds: number): Promise<Cost> {
  await client.create(resources.namespaces, { metadata: { name: namespace } })
  try {
    await until('the service account', async () => (await client.find(resources.serviceAccounts, { namespace, name: 'default' })) !== undefined)
    const app = deployment({ namespace, version: 'v1' })
    const strategy = { stepWeight: weight, maxWeight: weight, threshold, ...(guard ? {} : { guard: { enabled: false } }) }
    for (const [resource, object] of [[resources.deployments, app], [resources.services, service({ namespace })], [resources.canaries, canary({ namespace, interval: `${intervalSeconds}s`, threshold, strategy })], [resources.pods, loadPod(namespace)]] as const) {
      await client.create(resource, object)
    }
    await phase(client, namespace, 'Initialized')
    const beganAt = Date.now()
    await client.patch(resources.deployments, { namespace, name: 'podinfo' }, { type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'podinfo', image: loadImage, command: ['/usr/local/bin/node', '-e', badServer] }] } } } } })
    await phase(client, namespace, 'Failed')
    const endedAt = Date.now()
    const lines = await until('the client’s last seconds', async () => {
      const all = await readLines(client, namespace)
      return (all.at(-1)?.second ?? 0) * 1000 > endedAt + 3000 ? all : undefined
    })
    const at = lines.flatMap(({ failures }) => failures).map((failure) => failure.at).filter((ms) => ms >= beganAt)
    const live = await client.get(resources.canaries, { namespace, name: 'podinfo' })
    const message = stringAt(listAt(live, 'status', 'analysis', 'checks')[0], 'message') ?? ''
    return { failedRequests: at.length, firstToLastSeconds: at.length === 0 ? 0 : Math.round((Math.max(...at) - Math.min(...at)) / 10) / 100, decidedBy: stringAt(live, 'status', 'analysis', 'decidedBy') ?? '?', explanation: message }
  } finally {
    await client.delete(resources.canaries, { namespace, name: 'podinfo' }).catch(() => undefined)
    await client.delete(resources.namespaces, { name: namespace }).catch(() => undefined)
  }
}

const loadPod = (namespace: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'load', namespace },
  spec: { restartPolicy: 'Never', containers: [{ name: 'load', image: loadImage, imagePullPolicy: 'IfNotPresent', env: [{ name: 'LOAD_STREAMS', value: JSON.stringify([{ name: 'users', url: 'http://podinfo/', rate: rps, timeoutMs: 20_000 }]) }] }] },
})

async function readLines(client: KubeClient, namespace: string): Promise<readonly Line[]> {
  const { body } = await client.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/load/log`, query: { container: 'load' } })
  const whole = body.slice(0, body.lastIndexOf('\n') + 1).split('\n')
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
}

const phase = (client: KubeClient, namespace: string, wanted: string): Promise<boolean> =>
  until(`phase ${wanted}`, async () => stringAt(await client.get(resources.canaries, { namespace, name: 'podinfo' }), 'status', 'phase') === wanted)

/** Looks four times a second, ten minutes at most. */
async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let left = 2400; left > 0; left -= 1) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`${what}: not within ten minutes`)
}

const sandbox = process.env['KUBECONFIG'] === undefined ? await startSandbox() : undefined
await sandbox?.installKinglet()
const kubeconfig = sandbox?.kubeconfigPath ?? process.env['KUBECONFIG'] ?? ''
const client = createClient(loadKubeConfig({ kubeconfig }), systemClock, { fieldManager: 'bench', timeoutMs: 20_000 })
try {
  const name = `judge-${process.pid}`
  process.stdout.write(`${sandbox ? 'sandbox' : 'real cluster'}: ${rps} requests/s, weight ${weight} %, v2 fails ${failing} % of its requests\n`)
  const guarded = await measure(client, `${name}-guard`, true, plainSeconds)
  process.stdout.write(`guard           ${guarded.failedRequests} failed requests, ${guarded.firstToLastSeconds} s from first to last (${guarded.decidedBy}): ${guarded.explanation}\n`)
  if (!values['skip-plain']) {
    const plain = await measure(client, `${name}-plain`, false, plainSeconds)
    const factor = flaggerSeconds / plainSeconds
    process.stdout.write(`checks alone    ${plain.failedRequests} failed requests, ${plain.firstToLastSeconds} s from first to last (${plain.decidedBy}), interval ${plainSeconds} s, threshold ${threshold}\n`)
    process.stdout.write(`  with interval 1m: about ${Math.round(plain.failedRequests * factor)} failed requests, ${Math.round(plain.firstToLastSeconds * factor)} s (${factor} times as much)\n`)
  }
} finally {
  client.connection.close()
  await sandbox?.stop()
}
