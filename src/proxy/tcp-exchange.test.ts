import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import { createAuthority, issueLeaf } from '../certs/issue.ts'
import type { Peer } from './testing/peer.ts'
import { openClient } from './testing/raw-client.ts'
import { startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

const greet = (text: string) => (connection: Peer) => connection.send(text)

describe('an app whose server speaks first, with protocol tcp', () => {
  let v1: RawServer
  let v2: RawServer
  let primary: Rig
  let canary: Rig
  const toCanary = (canaryWeightPercent: number, change: Partial<RouteTable> = {}): Partial<RouteTable> => ({
    protocol: 'tcp',
    canaryWeightPercent,
    endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] },
    ...change,
  })
  beforeEach(async () => {
    v1 = await startRawServer(greet('v1'))
    v2 = await startRawServer(greet('v2'))
    canary = await startRig(v2.port, { table: { self: 'canary', protocol: 'tcp' } })
    primary = await startRig(v1.port, { table: toCanary(100) })
  })
  afterEach(async () => {
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('connections are shared exactly by weight, and counted with their bytes', async () => {
    await primary.setTable(toCanary(25))
    let fromV2 = 0
    for (let round = 0; round < 40; round += 1) {
      const client = await openClient(primary.route)
      client.send('hello')
      await client.hears('v')
      await until('two letters', () => client.received.length === 2)
      if (client.received === 'v2') fromV2 += 1
      client.socket.end()
    }
    expect(Math.abs(fromV2 - 10)).toBeLessThanOrEqual(1)
    expect(await primary.count('canary', 'weight', '2xx')).toBe(fromV2)
    const metrics = await (await fetch(`http://127.0.0.1:${primary.admin}/metrics`)).text()
    expect(metrics).toContain(`kinglet_requests_total{track="canary",reason="weight",outcome="2xx",protocol="tcp"} ${fromV2}`)
    expect(metrics).toContain(`kinglet_tcp_bytes_total{track="canary",direction="from_server"} ${2 * fromV2}`)
    // The greeting may have come before what its client says was read.
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${primary.admin}/metrics`)).text()).toContain(`kinglet_tcp_bytes_total{track="canary",direction="from_client"} ${5 * fromV2}\n`)
  })

  it('what a service asks of requests is not about it: weights count, no time-out cuts it, nothing is tried again', async () => {
    const policy = { match: [{ uri: { prefix: '/' } }], timeoutMs: 50, retries: { attempts: 3, retryOn: ['5xx', 'connect-failure', 'reset'], statuses: [] } } as const
    await primary.setTable(toCanary(50, { policy: { ...policy, match: [...policy.match], retries: { ...policy.retries, retryOn: [...policy.retries.retryOn] } } }))
    const clients = await Promise.all(Array.from({ length: 4 }, () => openClient(primary.route)))
    for (const client of clients) await client.hears('v')
    await until('all greetings', () => clients.every(({ received }) => received.length === 2))
    expect(clients.filter(({ received }) => received === 'v2').length).toBe(2)
    // Others are closed and counted meanwhile, several looks at the deadlines long.
    for (let round = 0; round < 5; round += 1) {
      const other = await openClient(primary.route)
      await other.hears('v')
      other.socket.destroy()
      await new Promise((resolve) => void setTimeout(resolve, 60))
    }
    const servers = [...v1.connections, ...v2.connections]
    for (const [index, client] of clients.entries()) client.send(`still ${index}`)
    for (const index of clients.keys()) await until('what was said late', () => servers.some(({ received }) => received.includes(`still ${index}`)))
    expect((await primary.stats()).retriedRequests).toBe(0)
  })

  it('a canary that refuses is charged, and the app next door serves', async () => {
    await primary.setTable(toCanary(100, { endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: 1 }] } }))
    await (await openClient(primary.route)).hears('v1')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it('a reset by the app is the client’s, and charged; also later', async () => {
    const client = await openClient(primary.route)
    await client.hears('v2')
    const server = await v2.connection(0)
    server.socket.resetAndDestroy()
    await client.closes()
    expect(client.wasReset).toBe(true)
    await expect.poll(() => primary.count('canary', 'weight', 'reset')).toBe(1)
  })

  it('a client that goes away is charged to nobody', async () => {
    v2.close()
    v2 = await startRawServer()
    await canary.close()
    canary = await startRig(v2.port, { table: { self: 'canary', protocol: 'tcp' } })
    await primary.setTable(toCanary(100))
    const client = await openClient(primary.route)
    await v2.connection(0)
    client.socket.resetAndDestroy()
    await expect.poll(async () => (await primary.stats()).clientAborted).toBe(1)
    expect((await primary.stats()).requests).toEqual([])
  })

  it('a connection that is cut before anybody has said a byte is charged to nobody', async () => {
    const silent = await startRawServer()
    const rig = await startRig(silent.port, { table: { protocol: 'tcp' }, limits: { tunnelIdleMs: 100 } })
    const client = await openClient(rig.route)
    await client.closes()
    expect(client.wasReset).toBe(true)
    await until('the cut at the app', () => silent.connections[0]?.isClosed === true)
    expect(await rig.stats()).toMatchObject({ openTunnels: 0, requestsInFlight: 0, requests: [] })
    await rig.close()
    silent.close()
  })

  it.each([
    ['of the primary', { primary: true, canary: false }, 'hop'],
    ['of the canary', { primary: false, canary: true }, 'hop'],
    ['that the table does not name', { primary: false, canary: false }, 'direct'],
  ] as const)('a connection to the direct port is from another sidecar where it comes from a pod %s', async (_which, named, reason) => {
    const pods = (isNamed: boolean) => (isNamed ? [{ address: '127.0.0.1', port: 1 }] : [{ address: '127.0.0.9', port: 1 }])
    await canary.setTable({ self: 'canary', protocol: 'tcp', endpoints: { primary: pods(named.primary), canary: pods(named.canary) } })
    await (await openClient(canary.direct)).hears('v2')
    await expect.poll(async () => (await canary.stats()).requests).toMatchObject([{ reason, outcome: '2xx', count: 1 }])
  })

  it('an open connection survives a change of weight', async () => {
    const client = await openClient(primary.route)
    await client.hears('v2')
    await primary.setTable(toCanary(0))
    const server = await v2.connection(0)
    client.send('still')
    await server.hears('still')
    await (await openClient(primary.route)).hears('v1')
  })
})

describe('TLS that the app itself ends', () => {
  let certificates: { readonly key: string; readonly cert: string }
  const servers: Server[] = []
  const rigs: Rig[] = []
  const start = (text: string): Promise<number> =>
    new Promise((resolve) => {
      const server = createTlsServer(certificates, (socket) => {
        socket.on('error', () => undefined)
        socket.end(text)
      })
      server.on('tlsClientError', () => undefined)
      servers.push(server)
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    })
  const ask = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = ''
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      socket.on('data', (chunk: Buffer) => void (text += chunk.toString()))
      socket.on('end', () => resolve(text))
      socket.on('error', reject)
    })
  beforeEach(async () => {
    const authority = await createAuthority({ validMs: 86_400_000, now: Date.now() })
    const leaf = await issueLeaf(authority, { names: ['localhost'], validMs: 86_400_000, now: Date.now() })
    certificates = { key: leaf.keyPem, cert: leaf.certPem }
  })
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.close()
    for (const server of servers.splice(0)) server.close()
  })

  it('goes by weight, each connection as a whole', async () => {
    const canary = await startRig(await start('v2'), { table: { self: 'canary' } })
    const primary = await startRig(await start('v1'), { table: { canaryWeightPercent: 50, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] } } })
    rigs.push(primary, canary)
    const answers = []
    for (let round = 0; round < 10; round += 1) answers.push(await ask(primary.route))
    expect(answers.filter((text) => text === 'v2')).toHaveLength(5)
    await expect.poll(() => primary.count('canary', 'weight', '2xx')).toBe(5)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(5)
  })

  it('is served where requests are mirrored, and no copy is made of what nobody can read', async () => {
    const canary = await startRig(await start('v2'), { table: { self: 'canary' } })
    const primary = await startRig(await start('v1'), { table: { mirrorPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] } } })
    rigs.push(primary, canary)
    expect(await ask(primary.route)).toBe('v1')
    await expect.poll(() => primary.count('primary', 'weight', '2xx')).toBe(1)
    expect(await primary.stats()).toMatchObject({ mirrorsInFlight: 0, droppedMirrors: { busy: 0, body: 0 } })
    expect((await canary.stats()).openConnections).toBe(0)
  })

  it('is a failure where the app ends it without a byte', async () => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined)
      socket.resume().end()
    })
    servers.push(server)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const rig = await startRig((server.address() as AddressInfo).port)
    rigs.push(rig)
    expect(await ask(rig.route).catch(() => '')).toBe('')
    await expect.poll(() => rig.count('primary', 'weight', 'reset')).toBe(1)
  })

  it.each<[string, (client: Peer) => unknown]>([
    ['an end', ({ socket }) => socket.end()],
    ['a reset', ({ socket }) => socket.resetAndDestroy()],
  ])('is charged to nobody where its client gives up by %s before the app has said a byte', async (_case, giveUp) => {
    const app = await startRawServer(() => undefined, { forgets: true })
    const rig = await startRig(app.port)
    rigs.push(rig)
    const client = await openClient(rig.route)
    client.send('\x16\x03\x01\x00\x05hello')
    await (await app.connection(0)).hears('hello')
    giveUp(client)
    await expect.poll(async () => (await rig.stats()).clientAborted).toBe(1)
    await until('the close at the app', () => app.connections.length === 0)
    expect((await rig.stats()).requests).toEqual([])
    app.close()
  })
})
