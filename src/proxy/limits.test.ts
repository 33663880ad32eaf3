import { afterEach, describe, expect, it } from 'vitest'
import { Deadlines } from './deadlines.ts'
import type { ProxyLimits } from './settings.ts'
import { field, type Peer } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

let app: RawServer
let rig: Rig
const start = async (limits: Partial<ProxyLimits>, onConnection?: (connection: Peer) => void): Promise<void> => {
  app = await startRawServer(onConnection)
  rig = await startRig(app.port, { limits: { lingerMs: 200, ...limits } })
}

describe('(29) a limit that is reached is told to the client, and holds for it alone', () => {
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  it('connections: 503 with Retry-After, until another leaves', async () => {
    await start({ maxConnections: 2 }, answering(() => respond('ok')))
    const [one, two] = [await openClient(rig.route), await openClient(rig.route)]
    one.send(get('/'))
    await one.response()
    const turnedAway = await (await openClient(rig.route)).response()
    expect([turnedAway.status, field(turnedAway.head, 'retry-after'), field(turnedAway.head, 'x-kinglet-error'), field(turnedAway.head, 'connection')]).toEqual([503, '1', 'overloaded', 'close'])
    two.send(get('/'))
    expect((await two.response()).status).toBe(200)
    // The other port has its own.
    expect((await ask(rig.direct, get('/'))).status).toBe(200)
    one.socket.destroy()
    await expect.poll(async () => (await ask(rig.route, get('/'))).status).toBe(200)
    two.socket.destroy()
  })

  it('connections: a flood of them leaves those that are there alone', async () => {
    await start({ maxConnections: 2, lingerMs: 60_000 }, answering(() => respond('ok')))
    const one = await openClient(rig.route)
    const flood = await Promise.all(Array.from({ length: 300 }, () => openClient(rig.route)))
    await until('the end of most', () => flood.filter(({ hasEnded, isClosed }) => hasEnded || isClosed).length >= 299)
    one.send(get('/'))
    expect((await one.response()).status).toBe(200)
    for (const { socket } of flood) socket.destroy()
  })

  it('requests: 503 with Retry-After while so many are under way', async () => {
    await start({ maxRequests: 2 })
    const waiting = [await openClient(rig.route), await openClient(rig.direct)]
    for (const client of waiting) client.send(get('/slow'))
    for (const index of [0, 1]) await (await app.connection(index)).hears('/slow')
    const refused = await ask(rig.route, get('/'))
    expect([refused.status, field(refused.head, 'retry-after'), field(refused.head, 'x-kinglet-error')]).toEqual([503, '1', 'overloaded'])
    for (const connection of app.connections) connection.send(respond('done'))
    for (const client of waiting) expect((await client.response()).body).toBe('done')
    expect((await rig.stats()).refusedRequests).toEqual({ 503: 1 })
    const next = await openClient(rig.route)
    next.send(get('/next'))
    await until('the next request', () => app.connections.some(({ received }) => received.includes('/next')))
  })

  it('the head of a response: 502', async () => {
    await start({ maxResponseHeadBytes: 1000 }, answering(() => respond('', '200 OK', `A: ${'b'.repeat(1000)}`)))
    expect((await ask(rig.route, get('/'))).status).toBe(502)
  })

  it.each<[what: string, body: string, status: number]>([
    ['chunk extensions, all together', '1;aaaaaaaa\r\nx\r\n1;aaaaaaaa\r\nx\r\n0\r\n\r\n', 400],
    ['trailers', '0\r\nA: bbbbbbbbbbbbb\r\n\r\n', 400],
    ['less of both', '1;aaaa\r\nx\r\n1;aaaa\r\nx\r\n0\r\nA: b\r\n\r\n', 200],
  ])('%s', async (_what, body, status) => {
    await start({ maxChunkExtraBytes: 12 }, (connection) => connection.socket.on('data', () => connection.received.includes('0\r\n') && connection.send(respond('ok'))))
    expect((await ask(rig.route, `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)).status).toBe(status)
  })

  it('a head that comes a byte at a time: 408, and others are served meanwhile', async () => {
    await start({ headTimeoutMs: 500 }, answering(() => respond('ok')))
    const slow = await openClient(rig.route)
    const drip = setInterval(() => slow.send('a'), 20)
    slow.send('GET /')
    expect((await ask(rig.route, get('/'))).status).toBe(200)
    expect((await slow.response()).status).toBe(408)
    clearInterval(drip)
    slow.socket.destroy()
  })

  it('the pace of a body: 408 for one that drips, though it never stops', async () => {
    await start({ minBodyRate: 1000 })
    const client = await openClient(rig.route)
    client.send('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 100000\r\n\r\n')
    const drip = setInterval(() => client.send('x'), 50)
    const { status } = await client.response()
    clearInterval(drip)
    expect(status).toBe(408)
    client.socket.destroy()
  })

  it('the pace of a body counts until its answer has begun: then the two take turns', async () => {
    const deadlines = new Deadlines()
    app = await startRawServer()
    rig = await startRig(app.port, { limits: { minBodyRate: 1000, bodyTimeoutMs: 60_000 }, change: { deadlines } })
    const client = await openClient(rig.route)
    client.send('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 9\r\n\r\none')
    const upstream = await app.connection(0)
    await upstream.hears('one')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nONE')
    await client.hears('ONE')
    for (const [said, answer] of [['two', 'TWO'], ['six', 'SIX']] as const) {
      // Four times the pace's grace, and a look at the deadlines.
      deadlines.now += 20_000
      const before = deadlines.now
      await until('a look', () => deadlines.now > before + 150)
      client.send(said)
      await upstream.hears(said)
      upstream.send(answer)
      await client.hears(answer)
    }
    client.socket.destroy()
  })
})
