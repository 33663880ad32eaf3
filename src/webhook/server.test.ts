import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import tls, { type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isObject, type JsonObject } from '../base/json.ts'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../certs/issue.ts'
import { serviceNames } from '../certs/names.ts'
import { systemClock } from '../runtime/clock.ts'
import { createLogger } from '../runtime/log.ts'
import { startWebhook, type Webhook } from './server.ts'

const names = serviceNames('kinglet-webhook', 'kinglet-system')
const day = 86_400_000

let authority: KeyedCertificate
let leaves: readonly KeyedCertificate[]
beforeAll(async () => {
  const now = Date.now()
  authority = await createAuthority({ validMs: day, now })
  leaves = await Promise.all([1, 2].map(() => issueLeaf(authority, { names, validMs: day, now })))
})

let directory: string
let stopping: AbortController
let webhook: Webhook
let logs: string[]
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'kinglet-webhook-'))
  stopping = new AbortController()
  logs = []
  webhook = await startWebhook({
    port: 0,
    healthPort: 0,
    tlsDirectory: directory,
    namespace: 'kinglet-system',
    injection: { image: 'kinglet:dev', imagePullPolicy: 'IfNotPresent', controllerAddress: 'c:14090', logLevel: 'info' },
    // Looks at the files every 10 ms instead of every half second.
    clock: { now: () => Date.now(), after: (ms, callback) => systemClock.after(ms / 50, callback) },
    log: createLogger('debug', {}, (line) => logs.push(line)),
    drainMs: 10_000,
    signal: stopping.signal,
  })
})
afterEach(async () => {
  stopping.abort()
  await webhook.stopped
})

function mount(leaf: KeyedCertificate | undefined): void {
  if (!leaf) return
  writeFileSync(path.join(directory, 'ca.crt'), authority.certPem)
  writeFileSync(path.join(directory, 'tls.crt'), leaf.certPem)
  writeFileSync(path.join(directory, 'tls.key'), leaf.keyPem)
}

const ready = (): Promise<number> =>
  new Promise((resolve, reject) => {
    http.get({ port: webhook.healthPort, path: '/readyz', agent: false }, (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject)
  })

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly connection: string | undefined
  readonly serial: string
}

function post(target: string, body: string | Buffer, agent?: https.Agent, headers: http.OutgoingHttpHeaders = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { port: webhook.port, host: '127.0.0.1', servername: names[0], ca: authority.certPem, path: target, method: 'POST', headers, ...(agent ? { agent } : { agent: false as const }) }
    const request = https.request(options, (response) => {
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown, connection: response.headers.connection, serial }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const pod: JsonObject = { metadata: { labels: { 'kinglet.sh/inject': 'true' }, annotations: { 'kinglet.sh/app-port': '8080' } }, spec: { containers: [{ name: 'app' }] } }
const review = (object: JsonObject, more: JsonObject = {}): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u1', operation: 'CREATE', kind: { kind: 'Pod' }, object, ...more } })
const patchOf = ({ body }: Reply): string => {
  const response = isObject(body) && isObject(body['response']) ? body['response'] : {}
  return Buffer.from(typeof response['patch'] === 'string' ? response['patch'] : '', 'base64').toString()
}

describe('the webhook', () => {
  it('is unready until its certificate is there, then answers with the CA of the same Secret', async () => {
    expect(await ready()).toBe(503)
    mount(leaves[0])
    await webhook.ready
    expect(await ready()).toBe(200)
    const answer = await post('/mutate/pods', review(pod))
    expect(answer.status).toBe(200)
    expect(patchOf(answer)).toContain(JSON.stringify(authority.certPem).slice(1, -1))
  })

  it('lets the controller write Deployments and Services as it likes, and injects the pods of its dry run like anybody’s', async () => {
    mount(leaves[0])
    await webhook.ready
    const userInfo = { username: 'system:serviceaccount:kinglet-system:kinglet-controller' }
    const idle = { metadata: { annotations: { 'kinglet.sh/status': '{"phase":"idle","canary":"app","appPort":8080}' } }, spec: { replicas: 0, template: {} } }
    const scaled = { operation: 'UPDATE', kind: { kind: 'Deployment' }, oldObject: idle }
    const object = { ...idle, spec: { ...idle.spec, replicas: 2 } }
    expect(patchOf(await post('/mutate/deployments', review(object, scaled)))).not.toBe('')
    expect(patchOf(await post('/mutate/deployments', review(object, { ...scaled, userInfo })))).toBe('')
    expect(patchOf(await post('/mutate/pods', review(pod, { userInfo, dryRun: true })))).toContain('kinglet-proxy')
  })

  it('swaps the certificate without losing a connection, and keeps the old one when the new one is no good', async () => {
    mount(leaves[0])
    await webhook.ready
    const kept = new https.Agent({ keepAlive: true })
    const first = await post('/mutate/pods', review(pod), kept)
    writeFileSync(path.join(directory, 'tls.key'), 'damaged')
    await until('the fault is noticed', () => Promise.resolve(logs.some((line) => line.includes('its key is not readable'))))
    expect((await post('/mutate/pods', review(pod))).serial).toBe(first.serial)
    expect(await ready()).toBe(200)
    mount(leaves[1])
    await until('new connections see the new certificate', async () => (await post('/mutate/pods', review(pod))).serial !== first.serial)
    expect((await post('/mutate/pods', review(pod), kept)).serial).toBe(first.serial)
    kept.destroy()
  })

  it.each<[string, string, string, number]>([
    ['an unknown path', '/mutate/nodes', '{}', 404],
    ['a body that is no JSON', '/mutate/pods', '{', 400],
    ['a body that is no review', '/mutate/pods', '{"kind":"Pod"}', 400],
    ['an empty body', '/mutate/pods', '', 400],
    ['more than 8 MiB', '/mutate/pods', JSON.stringify({ x: 'x'.repeat(8 << 20) }), 413],
    ['a review as large as they come', '/mutate/pods', review({ ...pod, x: 'x'.repeat(3 << 20) }), 200],
    ['a review nested ten thousand deep', '/mutate/deployments', `{"kind":"AdmissionReview","request":{"uid":"u","object":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}}`, 200],
  ])('answers %s', async (_case, target, body, status) => {
    mount(leaves[0])
    await webhook.ready
    expect((await post(target, body)).status).toBe(status)
    expect((await post('/mutate/pods', review(pod))).status).toBe(200)
  })

  it('takes no compressed body, which would be larger than what it says', async () => {
    mount(leaves[0])
    await webhook.ready
    const body = gzipSync(review({ ...pod, x: 'x'.repeat(4 << 20) }))
    expect((await post('/mutate/pods', body, undefined, { 'content-encoding': 'gzip' })).status).toBe(415)
  })

  /** Clients that announce 8 MiB and send `bytes` of them; `closed` counts those that were cut off. */
  async function hold(clients: number, bytes: number) {
    const state = { closed: 0 }
    const sockets = await Promise.all(
      Array.from(
        { length: clients },
        () =>
          new Promise<TLSSocket>((resolve) => {
            const socket = tls.connect({ port: webhook.port, host: '127.0.0.1', servername: names[0] ?? '', ca: authority.certPem }, () => {
              socket.write(`POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 << 20}\r\n\r\n{`)
              socket.write(' '.repeat(bytes))
              resolve(socket)
            })
            socket.on('error', () => undefined)
            socket.on('close', () => void (state.closed += 1))
          }),
      ),
    )
    return { state, end: () => sockets.forEach((socket) => socket.destroy()) }
  }

  it('serves everybody while some announce much and send nothing', async () => {
    mount(leaves[0])
    await webhook.ready
    const { end } = await hold(20, 1)
    expect((await post('/mutate/pods', review(pod))).status).toBe(200)
    end()
  })

  it('turns requests away while bodies fill its memory, and takes them again afterwards', async () => {
    mount(leaves[0])
    await webhook.ready
    const { state, end } = await hold(5, 7 << 20)
    await until('there is no room', () => Promise.resolve(state.closed > 0))
    end()
    await until('there is room again', async () => (await post('/mutate/pods', review(pod)).catch(() => undefined))?.status === 200)
  })

  it('logs nothing of what is in an object', async () => {
    mount(leaves[0])
    await webhook.ready
    await post('/mutate/pods', review({ ...pod, spec: { containers: [{ name: 'app', env: [{ name: 'PASSWORD', value: 'hunter2' }] }], hostNetwork: true } }))
    await post('/mutate/pods', '{"password":"hunter2"')
    expect(logs.join('')).toContain('mutation with a warning')
    expect(logs.join('')).not.toContain('hunter2')
  })

  it('keeps idle connections longer than API servers do (90 s), and drains when it stops', async () => {
    mount(leaves[0])
    await webhook.ready
    const kept = new https.Agent({ keepAlive: true })
    expect((await post('/mutate/pods', review(pod), kept)).connection).toBe('keep-alive')
    stopping.abort()
    expect(await ready()).toBe(503)
    expect(await post('/mutate/pods', review(pod), kept)).toMatchObject({ status: 200, connection: 'close' })
    await webhook.stopped
    await expect(post('/mutate/pods', review(pod))).rejects.toThrow('ECONNREFUSED')
    kept.destroy()
  })
})
