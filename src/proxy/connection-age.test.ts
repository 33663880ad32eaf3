import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { retirementOf } from './connection-age.ts'
import { Deadlines } from './deadlines.ts'
import { say, startHttp2App, type Http2App } from './h2/testing/http2-app.ts'
import { answerOf, openHttp2, request } from './h2/testing/http2-client.ts'
import { frame, get as getFrame, hello } from './h2/testing/frames.ts'
import { heardFrames } from './h2/testing/heard-frames.ts'
import { flag, frameType } from './h2/wire.ts'
import type { ProxyLimits } from './settings.ts'
import { field } from './testing/peer.ts'
import { get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

const hourMs = 3_600_000

describe('the age of a connection', () => {
  it.each([
    [0, 0.9],
    [0.5, 1],
    [0.999, 1.1],
  ])('is the flag’s, 10 % more or less: drawn %d, times %d', (drawn, share) => expect(retirementOf(hourMs, 5000, () => drawn)).toBeCloseTo(5000 + share * hourMs, -4))

  it('is any where the flag says 0', () => expect(retirementOf(0, 5000, Math.random)).toBe(Number.POSITIVE_INFINITY))
})

/** An hour at most, and 54 minutes for those that draw the least. Nothing else times out meanwhile. */
const limits: Partial<ProxyLimits> = { maxConnectionAgeMs: hourMs, idleTimeoutMs: 1e9, bodyTimeoutMs: 1e9, responseTimeoutMs: 1e9, tunnelIdleMs: 1e9 }
const beforeMs = 53 * 60_000
const afterMs = 2 * 60_000

describe('(28) a connection of HTTP/1.1 that has come of age', () => {
  let deadlines: Deadlines
  let app: RawServer
  let rig: Rig
  beforeEach(async () => {
    deadlines = new Deadlines()
    app = await startRawServer(answering((head) => (head.includes('/held') ? undefined : respond('ok'))))
    rig = await startRig(app.port, { limits, change: { deadlines, random: () => 0 } })
  })
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  it('is asked to be replaced with its next response, and not before', async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    expect(field((await client.response()).head, 'connection')).toBeUndefined()
    deadlines.now += beforeMs
    client.send(get('/'))
    expect(field((await client.response()).head, 'connection')).toBeUndefined()
    deadlines.now += afterMs
    client.send(get('/'))
    const last = await client.response()
    expect([last.status, field(last.head, 'connection')]).toEqual([200, 'close'])
    await client.closes()
    const next = await openClient(rig.route)
    next.send(get('/'))
    expect(field((await next.response()).head, 'connection')).toBeUndefined()
    next.socket.destroy()
  })

  it('is told so by an answer of the sidecar’s own too', async () => {
    const client = await openClient(rig.route)
    client.send(get('/held'))
    await (await app.connection(0)).hears('/held')
    deadlines.now += beforeMs + afterMs
    app.connections[0]?.socket.resetAndDestroy()
    const response = await client.response()
    expect([response.status, field(response.head, 'connection')]).toEqual([502, 'close'])
    client.socket.destroy()
  })

  it('ends no stream of events that is under way', async () => {
    const client = await openClient(rig.route)
    client.send(get('/held'))
    const serving = await app.connection(0)
    await serving.hears('/held')
    serving.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
    await client.hears('one')
    deadlines.now += 10 * hourMs
    serving.send('3\r\ntwo\r\n')
    await client.hears('two')
    serving.send('5\r\nthree\r\n0\r\n\r\n')
    expect((await client.response()).body).toBe('onetwothree')
    client.send(get('/'))
    expect(field((await client.response()).head, 'connection')).toBe('close')
  })

  it('ends no WebSocket', async () => {
    const client = await openClient(rig.route)
    client.send(get('/held', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'))
    const serving = await app.connection(0)
    await serving.hears('/held')
    serving.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    await client.hears('101')
    // Not as long as a tunnel may be silent.
    deadlines.now += 10 * hourMs
    client.send('ping')
    await serving.hears('ping')
    serving.send('pong')
    await client.hears('pong')
    client.socket.destroy()
  })

  it('goes on at the direct port: its client is a sidecar that chose this pod', async () => {
    const client = await openClient(rig.direct)
    deadlines.now += 10 * hourMs
    client.send(get('/'))
    expect(field((await client.response()).head, 'connection')).toBeUndefined()
    client.socket.destroy()
  })
})

describe('(28) a connection of HTTP/2 that has come of age', () => {
  let deadlines: Deadlines
  let app: Http2App
  let rig: Rig
  let finish: () => void
  beforeEach(async () => {
    deadlines = new Deadlines()
    app = await startHttp2App((stream, head) => {
      if (head[':path'] !== '/held') return say('ok')(stream)
      stream.respond({ ':status': 200 })
      stream.write('begun')
      finish = () => stream.end('ended')
    })
    rig = await startRig(app.port, { limits, change: { deadlines, random: () => 0 } })
  })
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  const hasLeft = (client: ClientHttp2Session): (() => boolean) => {
    let left = false
    client.on('goaway', () => (left = true))
    return () => left
  }

  it('hears GOAWAY, idle or not; its streams end in their time, and then it closes', async () => {
    const [idle, busy] = [await openHttp2(rig.route), await openHttp2(rig.route)]
    const [idleLeft, busyLeft] = [hasLeft(idle), hasLeft(busy)]
    expect((await request(idle, { ':path': '/' })).body.toString()).toBe('ok')
    const held = busy.request({ ':path': '/held' })
    const answer = answerOf(held)
    await new Promise((resolve) => void held.once('data', resolve))
    deadlines.now += beforeMs
    expect((await request(busy, { ':path': '/' })).body.toString()).toBe('ok')
    expect([idleLeft(), busyLeft()]).toEqual([false, false])
    deadlines.now += afterMs
    await until('both GOAWAYs', () => idleLeft() && busyLeft())
    await until('the end of the idle one', () => idle.closed || idle.destroyed)
    finish()
    expect(await answer).toMatchObject({ status: 200, code: 0 })
    await until('the end of the busy one', () => busy.destroyed)
    const next = await openHttp2(rig.route)
    expect((await request(next, { ':path': '/' })).body.toString()).toBe('ok')
    next.destroy()
  })

  it('loses no stream that was begun before the client knew', async () => {
    const client = connectHttp2(`http://127.0.0.1:${rig.route}`)
    client.on('error', () => undefined)
    expect((await request(client, { ':path': '/' })).body.toString()).toBe('ok')
    deadlines.now += beforeMs + afterMs
    const answers = await Promise.all(Array.from({ length: 20 }, () => request(client, { ':path': '/' })))
    expect(answers.map(({ status, code }) => [status, code])).toEqual(Array.from({ length: 20 }, () => [200, 0]))
    await until('the end', () => client.destroyed)
  })
})

it('a client of HTTP/2 that answers no ping is let go all the same', async () => {
  const deadlines = new Deadlines()
  const app = await startHttp2App(say('ok'))
  const rig = await startRig(app.port, { limits: { ...limits, headTimeoutMs: 300 }, change: { deadlines } })
  const client = await openClient(rig.route)
  client.socket.write(Buffer.concat([hello, getFrame(1)]))
  const frames = () => heardFrames(client)
  await until('the answer', () => frames().some(({ type, streamId, flags }) => type === frameType.data && streamId === 1 && (flags & flag.endStream) !== 0))
  client.socket.write(frame(frameType.settings, flag.ack, 0))
  deadlines.now += 2 * hourMs
  await client.closes()
  const lastStreams = frames().filter(({ type }) => type === frameType.goaway).map(({ payload }) => payload.readUInt32BE(0))
  expect(lastStreams).toEqual([0x7fffffff, 1])
  client.socket.destroy()
  await rig.close()
  app.close()
})
