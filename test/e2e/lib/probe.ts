import { resources } from '../../../src/api/resources.ts'
import { stringAt, type JsonObject } from '../../../src/base/json.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { loadImage } from './manifests.ts'
import { nameOf, podsOf } from './objects.ts'

/** A request of somebody inside the cluster who looks at all of the answer. */
export interface Question {
  readonly url: string
  /** Default GET. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  /** 0: there was no answer. */
  readonly status: number
  /** By lower-case name; what came several times in one list. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
}

/** Asks one after the other, each on a new connection, and prints a line for each. */
const program = `
const http = require('node:http')
const ask = ({ url, method = 'GET', headers = {} }) => new Promise((resolve) => {
  const end = (status, headers, body) => resolve({ status, headers, body })
  http.request(url, { method, headers, agent: false, timeout: 20000 }, (response) => {
    let body = ''
    response.setEncoding('utf8').on('data', (text) => { body += text }).on('end', () => end(response.statusCode, response.headersDistinct, body)).on('error', (error) => end(0, {}, String(error)))
  }).on('error', (error) => end(0, {}, String(error))).on('timeout', function () { this.destroy() }).end()
})
;(async () => { for (const question of JSON.parse(process.env.QUESTIONS)) console.log(JSON.stringify(await ask(question))) })()
`

let count = 0

/** The answers, in the order of the questions, from a pod that is not injected. */
export async function ask(namespace: string, questions: readonly Question[]): Promise<readonly Reply[]> {
  count += 1
  const name = `probe-${process.pid}-${count}`
  await cluster().create(resources.pods, podOf(namespace, name, questions))
  return eventually(`${questions.length} answers to ${namespace}/${name}`, async () => {
    const { body } = await cluster().request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/${name}/log`, query: { container: 'probe' } })
    const lines = body.split('\n').filter((line) => line.startsWith('{'))
    return lines.length === questions.length && lines.map((line) => JSON.parse(line) as Reply)
  })
}

const podOf = (namespace: string, name: string, questions: readonly Question[]): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { role: 'probe' } },
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'probe',
        image: loadImage,
        imagePullPolicy: 'IfNotPresent',
        command: ['/usr/local/bin/node', '-e', program],
        env: [{ name: 'QUESTIONS', value: JSON.stringify(questions) }],
        resources: { requests: { cpu: '50m', memory: '64Mi' } },
        securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
      },
    ],
  },
})

/** The sum of a counter over the sidecars of a workload's pods, of those series whose labels are as asked for. */
export async function sidecarCount(namespace: string, app: string, metric: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const pods = await podsOf(namespace, `app=${app}`)
  const addresses = pods.flatMap((pod) => stringAt(pod, 'status', 'podIP') ?? [])
  if (addresses.length === 0) throw new Error(`no pod of ${namespace}/${app} has an address: ${pods.map(nameOf).join(', ')}`)
  const scrapes = await ask(namespace, addresses.map((address) => ({ url: `http://${address}:14082/metrics` })))
  const lines = scrapes.flatMap(({ body }) => body.split('\n')).filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
  const wanted = lines.filter((line) => Object.entries(labels).every(([name, value]) => line.includes(`${name}="${value}"`)))
  return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
