import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from './deadlines.ts'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { respond, type RawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import { post, startBesideSilentApp, type SilentApp } from './testing/silent-app.ts'
import { until } from './testing/until.ts'

let scene: SilentApp

describe('(11, 27) an app that fails', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ responseTimeoutMs: 1000 })
  })
  afterEach(() => scene.stop())

  const fail = async (request: string, how: (upstream: Awaited<ReturnType<RawServer['connection']>>) => void) => {
    const client = await openClient(scene.rig.route)
    client.send(request)
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    how(upstream)
    return client
  }

  it.each<[how: string, text: string]>([
    ['a length that is not reached', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
    ['chunks without the last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('in the middle of %s resets the client, never ends it cleanly', async (_how, text) => {
    const client = await fail(get('/'), (upstream) => upstream.socket.end(text))
    await client.closes()
    expect(client.wasReset).toBe(true)
    expect(await scene.track()).toEqual({ reset: 1 })
  })

  it('with a malformed chunk resets the client', async () => {
    const client = await fail(get('/'), (upstream) => upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'))
    await client.closes()
    expect(client.wasReset).toBe(true)
  })

  it('by a reset in a body without framing resets the client', async () => {
    const client = await fail(get('/'), (upstream) => upstream.send('HTTP/1.1 200 OK\r\n\r\nabc'))
    await client.hears('abc')
    scene.app.connections[0]?.socket.resetAndDestroy()
    await client.closes()
    expect(client.wasReset).toBe(true)
  })

  it('before its answer: 502, charged as a reset', async () => {
    const client = await fail(get('/'), (upstream) => upstream.socket.destroy())
    const response = await client.response()
    expect([response.status, field(response.head, 'x-kinglet-error')]).toEqual([502, 'reset'])
    expect(await scene.track()).toEqual({ reset: 1 })
  })

  it('by silence: 504, charged as a time-out, its connection closed', async () => {
    const client = await fail(get('/'), () => undefined)
    expect((await client.response()).status).toBe(504)
    await scene.app.connections[0]?.closes()
    expect(await scene.track()).toEqual({ timeout: 1 })
  })

  it('by silence alone: not where its answer has come while this process stood still', async () => {
    const deadlines = new Deadlines()
    const rig = await startRig(scene.app.port, { limits: { responseTimeoutMs: 60_000 }, change: { deadlines } })
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    // From here on timers come first.
    await turn()
    // All of its time but a tick has passed, and the answer lies in the socket.
    deadlines.now += 60_000
    upstream.send(respond('in time'))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    expect((await client.response()).body).toBe('in time')
    client.socket.destroy()
    await rig.close()
  })

  it('by not being there: 503 after which the connection goes on, charged as refused', async () => {
    scene.app.close()
    const client = await openClient(scene.rig.route)
    for (let round = 1; round <= 2; round += 1) {
      client.send(get('/'))
      const response = await client.response()
      expect([response.status, field(response.head, 'x-kinglet-error'), field(response.head, 'retry-after')]).toEqual([503, 'refused', '1'])
      expect(await scene.track()).toEqual({ refused: round })
    }
  })
})

describe('(15) a response that comes before the request is complete', () => {
  // Their own time to be idle shall not close connections that ought to be closed at once.
  beforeEach(async () => {
    scene = await startBesideSilentApp({ upstreamIdleMs: 60_000 })
  })
  afterEach(() => scene.stop())

  it('is passed on at once, the rest of the body is thrown away, both connections end', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(1000)}abc`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('abc')
    upstream.send(respond('too long', '413 Payload Too Large'))
    const response = await client.response()
    expect([response.status, response.body, field(response.head, 'connection')]).toEqual([413, 'too long', 'close'])
    client.send('d'.repeat(900))
    await client.hearsEnd()
    await upstream.closes()
    expect(upstream.received).not.toContain('ddd')
    client.socket.end()
    await client.closes()
    expect(client.error).toBeUndefined()
    expect(await scene.track()).toEqual({ '4xx': 1 })
  })

  const refuseEarly = async () => {
    const client = await openClient(scene.rig.route)
    client.send(post(50_000_000))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(respond('too long', '413 Payload Too Large'))
    expect((await client.response()).status).toBe(413)
    return client
  }

  it('ends the connection of a client that goes on sending, after a megabyte', async () => {
    await scene.stop()
    scene = await startBesideSilentApp({ lingerMs: 600_000 })
    const client = await refuseEarly()
    for (let sent = 0; sent < 20 && !client.isClosed; sent += 1) client.send('x'.repeat(500_000))
    await until('the cut', () => client.isClosed)
    expect(client.error).toBeDefined()
  })

  it('ends the connection of a client that says nothing more, after a while', async () => {
    await refuseEarly()
    await expect.poll(async () => (await scene.rig.stats()).openConnections).toBe(0)
  })

  it('may be an echo: both bodies flow at the same time', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(6)}abc`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('abc')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nABC')
    await client.hears('ABC')
    client.send('def')
    await upstream.hears('def')
    upstream.send('DEF')
    await client.hears('ABCDEF')
    await client.hearsEnd()
    expect(await scene.track()).toEqual({ '2xx': 1 })
  })
})

describe('(22) Expect: 100-continue', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ continueTimeoutMs: 300 })
  })
  afterEach(() => scene.stop())

  it('holds the body until the app wants it', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(3, 'Expect: 100-continue')}abc`)
    const upstream = await scene.app.connection(0)
    expect(await upstream.hears('\r\n\r\n')).toMatch(/Expect: 100-continue[^]*\r\n\r\n$/)
    upstream.send('HTTP/1.1 100 Continue\r\n\r\n')
    await client.hears('HTTP/1.1 100 Continue\r\n\r\n')
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
  })

  it('sends it anyway when the app says nothing', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(3, 'Expect: 100-continue')}abc`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
  })

  it('never sends it after a final answer', async () => {
    const client = await openClient(scene.rig.route)
    client.send(post(3, 'Expect: 100-continue'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(respond('no', '401 Unauthorized'))
    const response = await client.response()
    expect([response.status, field(response.head, 'connection')]).toEqual([401, 'close'])
    await upstream.closes()
    expect(upstream.received.endsWith('\r\n\r\n')).toBe(true)
  })
})

describe('(28) a body that stops', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ bodyTimeoutMs: 150 })
  })
  afterEach(() => scene.stop())

  it('is answered 408, and charged to no track', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(100)}abc`)
    expect((await client.response()).status).toBe(408)
    await scene.app.connections[0]?.closes()
    expect(await scene.track()).toEqual({})
    expect((await scene.rig.stats()).refusedRequests).toEqual({ 408: 1 })
  })
})

describe('(28) an idle client connection', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ idleTimeoutMs: 100 })
  })
  afterEach(() => scene.stop())

  it('is closed without a word', async () => {
    const client = await openClient(scene.rig.route)
    expect(await client.hearsEnd()).toBe('')
  })
})

describe('a body limit', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ maxBodyBytes: 10 })
  })
  afterEach(() => scene.stop())

  it.each([
    ['Content-Length: 10', 'abcdefghij'],
    ['Transfer-Encoding: chunked', 'a\r\nabcdefghij\r\n0\r\n\r\n'],
  ])('takes what is just as long (%s)', async (line, body) => {
    const client = await openClient(scene.rig.route)
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${body}`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('abcdefghij')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
  })

  it.each([
    ['Content-Length: 11', 'abcdefghijk'],
    ['Transfer-Encoding: chunked', 'b\r\nabcdefghijk\r\n0\r\n\r\n'],
  ])('refuses what is longer (%s)', async (line, body) => {
    const refused = await ask(scene.rig.route, `POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${body}`)
    expect([refused.status, field(refused.head, 'connection')]).toEqual([413, 'close'])
  })
})
