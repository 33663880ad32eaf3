import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { resources } from '../api/resources.ts'
import { listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { applyManifest } from '../kube/apply.ts'
import { createClient, type KubeClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/config.ts'
import { systemClock } from '../runtime/clock.ts'
import { startSandbox, type Sandbox } from './sandbox.ts'

/** The whole cluster through its API, as a user has it. */
let sandbox: Sandbox
let client: KubeClient

beforeAll(async () => {
  sandbox = await startSandbox()
  client = createClient(loadKubeConfig({ kubeconfig: sandbox.kubeconfigPath }), systemClock)
})
afterAll(async () => {
  client.connection.close()
  await sandbox.stop()
})

const until = async <T>(what: string, look: () => Promise<T | undefined | false>, ms = 20_000): Promise<T> => {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  throw new Error(`waited in vain for: ${what}`)
}

const at = (name: string) => ({ namespace: 'default', name })
const deployment = (tag: string, replicas = 2): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'podinfo', image: `podinfo:${tag}`, command: ['./podinfo', '--port=8080'], ports: [{ name: 'http', containerPort: 8080 }], readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 } }] },
    },
  },
})
const isRolledOut = async (replicas: number) => {
  const now = await client.get(resources.deployments, at('web'))
  const { status } = now
  return (
    (numberAt(status, 'observedGeneration') ?? 0) >= (numberAt(now, 'metadata', 'generation') ?? 1) &&
    ['replicas', 'updatedReplicas', 'availableReplicas'].every((count) => numberAt(status, count) === replicas)
  )
}
const log = async (pod: string, query: Record<string, string> = {}): Promise<readonly string[]> => {
  const { body } = await client.request({ method: 'GET', path: `/api/v1/namespaces/default/pods/${pod}/log`, query })
  return body.split('\n').filter((line) => line !== '')
}
// A new connection for each request: one that is kept may be closed by its server at the moment of the next request, in any cluster.
const asks = (url: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client' },
  spec: { containers: [{ name: 'client', image: 'node:24', command: ['node', '-e', `setInterval(() => require('http').get('${url}', { agent: false }, async (r) => console.log(r.statusCode, JSON.parse((await r.toArray()).join('')).version)).on('error', (e) => console.log('failed', e.code)), 20)`] }] },
})

describe('a sandbox', () => {
  it('runs a Deployment behind a Service, rolls it without a failed request, scales it, and restarts what dies', async () => {
    await applyManifest(client, deployment('1.0.0'))
    await applyManifest(client, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } })
    await until('the first version', () => isRolledOut(2))
    await applyManifest(client, asks('http://web/version'))
    await until('answers', async () => (await log('client').catch((): string[] => [])).includes('200 1.0.0'))

    await applyManifest(client, deployment('2.0.0'))
    await until('the second version', () => isRolledOut(2))
    await until('its answers', async () => (await log('client')).at(-1) === '200 2.0.0')
    await applyManifest(client, deployment('2.0.0', 1))
    await until('one pod', () => isRolledOut(1))
    expect(new Set(await log('client'))).toEqual(new Set(['200 1.0.0', '200 2.0.0']))

    const pods = await client.list(resources.pods, { namespace: 'default', labelSelector: 'app=web' })
    const name = stringAt(pods.find((pod) => stringAt(pod, 'metadata', 'deletionTimestamp') === undefined), 'metadata', 'name') ?? ''
    // podinfo's own way to die.
    await client.request({ method: 'GET', path: `/api/v1/namespaces/default/pods/${name}:8080/proxy/panic` }).catch(() => undefined)
    const restarted = await until('a restart', async () => {
      const [status] = listAt(await client.get(resources.pods, at(name)), 'status', 'containerStatuses')
      return (numberAt(status, 'restartCount') ?? 0) > 0 && objectAt({ status }, 'status')
    })
    expect(restarted).toMatchObject({ lastState: { terminated: { exitCode: 255, reason: 'Error' } } })
    expect((await log(name, { previous: 'true' }))[0]).toContain('Starting podinfo')
  })

  it('lets pods talk to its API by the credentials that they find', async () => {
    const code = "const fs = require('fs'); const dir = '/var/run/secrets/kubernetes.io/serviceaccount/'; const read = (file) => fs.readFileSync(dir + file, 'utf8'); require('https').get({ host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT, path: '/api/v1/namespaces/' + read('namespace') + '/pods', ca: read('ca.crt'), headers: { authorization: 'Bearer ' + read('token') } }, (r) => { console.log(r.statusCode); r.resume() }).on('error', (e) => console.log(e.message)); require('https').get({ host: 'kubernetes.default.svc', path: '/healthz', ca: read('ca.crt') }, (r) => { console.log(r.statusCode); r.resume() }).on('error', (e) => console.log(e.message))"
    await applyManifest(client, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'api' }, spec: { restartPolicy: 'Never', containers: [{ name: 'api', image: 'node', command: ['node', '-e', code] }] } })
    await until('the end of the pod', async () => stringAt(await client.get(resources.pods, at('api')), 'status', 'phase') === 'Succeeded')
    // Known, and without any rights.
    expect((await log('api')).toSorted()).toEqual(['200', '403'])
  })
})

describe('a sandbox that is killed', () => {
  it('leaves no process and no file behind', async () => {
    const child = spawn(process.execPath, [new URL('../bin/kinglet.ts', import.meta.url).pathname, 'sandbox', '--no-kinglet'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    onTestFinished(() => void child.kill('SIGKILL'))
    const kubeconfig = await until('its kubeconfig', () => Promise.resolve(/KUBECONFIG=(\S+)/.exec(output)?.[1]))
    const other = createClient(loadKubeConfig({ kubeconfig }), systemClock)
    // Neither a signal nor a busy loop saves it.
    await applyManifest(other, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'busy' }, spec: { containers: [{ name: 'busy', image: 'node', command: ['node', '-e', "process.on('SIGTERM', () => {}); console.log(process.pid); setTimeout(() => { const end = Date.now() + 20000; while (Date.now() < end); }, 200)"] }] } })
    const pid = Number(await until('its pid', async () => (await other.request({ method: 'GET', path: '/api/v1/namespaces/default/pods/busy/log' }).catch(() => ({ body: '' }))).body.trim() || undefined))
    other.connection.close()
    expect(isAlive(pid)).toBe(true)
    child.kill('SIGKILL')
    await until('the end of its pod', () => Promise.resolve(!isAlive(pid)))
    await until('the end of its folder', () => Promise.resolve(!existsSync(dirname(kubeconfig))))
  })
})

/** A process that has ended and that nobody has buried has no command line any more. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0
  } catch {
    return false
  }
}
