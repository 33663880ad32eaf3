import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ask, get, openClient } from '../../src/proxy/testing/raw-client.ts'
import { until } from '../../src/proxy/testing/until.ts'
import { localTable } from '../../src/routing/routes.ts'
import { startEchoApp, type EchoApp } from './lib/echo-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { peerFile, run } from './lib/tools.ts'
import { megabytes, openFiles } from './lib/watch.ts'

let app: EchoApp
let sidecars: Sidecar[]
beforeEach(async () => {
  app = await startEchoApp()
  sidecars = []
})
afterEach(async () => {
  for (const each of sidecars) await each.stop()
  app.close()
})
const start = async (...args: Parameters<typeof startSidecar>): Promise<Sidecar> => {
  const sidecar = await startSidecar(...args)
  sidecars.push(sidecar)
  return sidecar
}

/** A file with a table that sends every other request to the canary. */
function halfToCanary({ direct }: Sidecar): string {
  const routes = join(mkdtempSync(join(tmpdir(), 'kinglet-faults-')), 'routes.json')
  writeFileSync(routes, JSON.stringify({ ...localTable, canary: 'test/app', generation: 2, canaryWeightPercent: 50, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: direct }] } }))
  return routes
}
async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = (await once(stream.resume(), 'response')) as [IncomingHttpHeaders & { readonly ':status': number }]
  return headers[':status']
}

describe('ten thousand connections', () => {
  it('are served, twice each, and leave nothing behind', async () => {
    const sidecar = await start(app.port, ['--max-connections', '10000', '--upstream-idle-ms', '500'])
    const before = openFiles(sidecar)
    const ran = await run('bash', ['-c', 'ulimit -n 20000 && exec "$@"', 'bash', 'node', peerFile('many-connections.mjs'), String(sidecar.route), '10000'], { timeoutMs: 110_000 })
    expect(ran).toEqual({ code: 0, stdout: '20000\n', stderr: '' })
    await expect.poll(async () => (await sidecar.stats()).openConnections, { timeout: 20_000 }).toBe(0)
    await expect.poll(() => openFiles(sidecar), { timeout: 20_000 }).toBeLessThanOrEqual(before + 2)
    console.log(`${Math.round(megabytes(sidecar))} MB after 10,000 connections`)
  })
})

describe('a limit of file descriptors', () => {
  it('that is reached cuts nobody off who is connected, is told to the others, and is over when they leave', async () => {
    const sidecar = await start(app.port, [], { maxFiles: 120 })
    expect(sidecar.output()).toContain('the limit of descriptors')
    const early = await openClient(sidecar.route)
    early.send(get('/bytes/5'))
    expect((await early.response()).status).toBe(200)
    const crowd = await Promise.all(Array.from({ length: 200 }, () => openClient(sidecar.route)))
    await until('refusals', () => crowd.some(({ received, hasEnded }) => hasEnded && received.startsWith('HTTP/1.1 503 ')))
    // The kubelet, and whoever is connected, are answered all the time.
    expect((await fetch(`http://127.0.0.1:${sidecar.admin}/readyz`)).status).toBe(200)
    early.send(get('/bytes/5'))
    expect((await early.response()).status).toBe(200)
    for (const { socket } of crowd) socket.destroy()
    await expect.poll(async () => (await ask(sidecar.route, get('/bytes/5'))).status, { timeout: 20_000 }).toBe(200)
    early.send(get('/bytes/5'))
    expect((await early.response()).status).toBe(200)
    expect(sidecar.hasExited()).toBe(false)
    early.socket.destroy()
  })
})

describe('a sidecar without descriptors for another connection', () => {
  it('charges no version for what it could not ask', async () => {
    const canary = await start(app.port)
    const sidecar = await start(app.port, ['--routes', halfToCanary(canary)])
    const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(sidecar.route)))
    const session = connectHttp2(`http://127.0.0.1:${sidecar.route}`)
    await once(session, 'remoteSettings')
    await expect.poll(async () => (await sidecar.stats()).openConnections).toBe(11)
    // None of them has a connection to the app or the canary yet, and from now on none can be opened.
    const limit = (to: string): Promise<unknown> => run('prlimit', [`--nofile=${to}`, '--pid', String(sidecar.pid)])
    await limit('3:20000')
    for (const client of clients) client.send(get('/bytes/5'))
    const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status))
    for (let count = 0; count < 10; count += 1) statuses.push(await statusOf(session.request({ ':path': '/bytes/5' })))
    await limit('20000:20000')
    expect(statuses).toEqual(Array(20).fill(503))
    await expect.poll(async () => (await ask(sidecar.route, get('/bytes/5'))).status, { timeout: 20_000 }).toBe(200)
    const { requests, proxyErrors } = await sidecar.stats()
    expect(requests.filter(({ outcome }) => outcome !== '2xx')).toEqual([])
    expect(proxyErrors).toBe(20)
    session.destroy()
    for (const { socket } of clients) socket.destroy()
  })
})

describe('a canary pod that dies in the middle of requests', () => {
  it('costs those that it had taken; all others are served', async () => {
    const canary = await start(app.port)
    const primary = await start(app.port, ['--routes', halfToCanary(canary)])
    const statuses: number[] = []
    let isOver = false
    const clients = Array.from({ length: 10 }, async () => {
      while (!isOver) statuses.push((await ask(primary.route, get('/bytes/1000'))).status)
    })
    await until('some answers', () => statuses.length > 200)
    canary.signal('SIGKILL')
    const at = statuses.length
    await until('more answers', () => statuses.length > at + 1000, () => statuses.length, 60_000)
    isOver = true
    await Promise.all(clients)
    // 0: cut in the middle of the answer. Ten clients have at most ten requests under way.
    const failed = statuses.filter((status) => status !== 200)
    expect(failed.length).toBeLessThanOrEqual(10)
    const { requests } = await primary.stats()
    const charged = requests.filter(({ track, outcome }) => track === 'canary' && outcome === 'refused').reduce((sum, { count }) => sum + count, 0)
    expect(charged).toBeGreaterThan(100)
    expect(requests.filter(({ track, outcome }) => track === 'primary' && outcome !== '2xx')).toEqual([])
  })
})
