import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

/** A silent app: each test says what it answers. */
let app: RawServer
let rig: Rig
const start = async (limits: NonNullable<Parameters<typeof startRig>[1]>['limits'] = {}): Promise<void> => {
  app = await startRawServer()
  rig = await startRig(app.port, { limits: { lingerMs: 200, ...limits } })
}
const stop = async (): Promise<void> => {
  await rig.close()
  app.close()
}

const post = (length: number, ...lines: readonly string[]): string => ['POST /x HTTP/1.1', 'Host: app', `Content-Length: ${length}`, ...lines, '', ''].join('\r\n')
const track = async (): Promise<Record<string, number>> => {
  const { requests } = await rig.stats()
  return Object.fromEntries(requests.map(({ outcome, count }) => [outcome, count]))
}
/** Waits for counts that are written when a connection's end is noticed. */
const aborts = async (count: number): Promise<void> => {
  let seen = -1
  const read = async (): Promise<void> => {
    seen = (await rig.stats()).clientAborted
  }
  await expect.poll(async () => {
    await read()
    return seen
  }).toBe(count)
}

describe('(31) a client that gives up', () => {
  beforeEach(() => start())
  afterEach(stop)

  it('before the response: the app’s connection closes, and no track is charged', async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.destroy()
    await upstream.closes()
    await aborts(1)
    expect(await track()).toEqual({})
  })

  it('by a reset', async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await aborts(1)
  })

  it('in the middle of the response', async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc')
    await client.hears('abc')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await aborts(1)
    expect(await track()).toEqual({})
  })

  it('with another request already waiting', async () => {
    const client = await openClient(rig.route)
    client.send(get('/') + get('/next'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await aborts(1)
  })

  it('in the middle of its body', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(100)}abc`)
    const upstream = await app.connection(0)
    await upstream.hears('abc')
    client.socket.end()
    await upstream.closes()
    await aborts(1)
  })
})

describe('(17) a client that only closes its side', () => {
  beforeEach(() => start())
  afterEach(stop)

  it.each([
    ['HTTP/1.1', get('/')],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ])('gets its answer in %s, at once or late', async (_version, request) => {
    for (const [index, delayMs] of [0, 130].entries()) {
      const client = await openClient(rig.route)
      client.socket.end(request)
      const upstream = await app.connection(index)
      await upstream.hears('\r\n\r\n')
      setTimeout(() => upstream.send(respond('late', '200 OK', 'Connection: close')), delayMs)
      const response = await client.response()
      expect([response.status, response.body]).toEqual([200, 'late'])
      await client.closes()
      await upstream.closes()
    }
    expect((await rig.stats()).clientAborted).toBe(0)
  })
})

describe('(17) a client that closes its side during the response', () => {
  beforeEach(() => start({ halfClosedMs: 800 }))
  afterEach(stop)

  const begin = async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
    await client.hears('1\r\na')
    client.socket.end()
    return { client, upstream }
  }

  it('gets the rest while it comes', async () => {
    const { client, upstream } = await begin()
    // Longer than the limit in all, shorter between two pieces.
    for (let round = 0; round < 4; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      upstream.send('1\r\nb\r\n')
    }
    upstream.send('0\r\n\r\n')
    expect(await client.hears('0\r\n\r\n')).toContain('1\r\nb\r\n'.repeat(4))
    expect(await track()).toEqual({ '2xx': 1 })
  })

  it('is given up when nothing comes', async () => {
    const { upstream } = await begin()
    await upstream.closes()
    await aborts(1)
  })
})

describe('a client that reads slowly', () => {
  beforeEach(() => start({ lingerMs: 100 }))
  afterEach(stop)

  it('gets all of its last response, though the connection ends with it', async () => {
    const client = await openClient(rig.route)
    client.socket.pause()
    client.send(get('/', 'Connection: close'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    const body = 'x'.repeat(8_000_000)
    upstream.send(respond(body))
    await new Promise((resolve) => setTimeout(resolve, 600))
    client.socket.resume()
    expect((await client.response()).body.length).toBe(body.length)
  })
})

describe('(11, 27) an app that fails', () => {
  beforeEach(() => start({ responseTimeoutMs: 200 }))
  afterEach(stop)

  const fail = async (request: string, how: (upstream: Awaited<ReturnType<RawServer['connection']>>) => void) => {
    const client = await openClient(rig.route)
    client.send(request)
    const upstream = await app.connection(0)
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
    expect(await track()).toEqual({ reset: 1 })
  })

  it('with a malformed chunk resets the client', async () => {
    const client = await fail(get('/'), (upstream) => upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'))
    await client.closes()
    expect(client.wasReset).toBe(true)
  })

  it('by a reset in a body without framing resets the client', async () => {
    const client = await fail(get('/'), (upstream) => upstream.send('HTTP/1.1 200 OK\r\n\r\nabc'))
    await client.hears('abc')
    app.connections[0]?.socket.resetAndDestroy()
    await client.closes()
    expect(client.wasReset).toBe(true)
  })

  it('before its answer: 502, charged as a reset', async () => {
    const client = await fail(get('/'), (upstream) => upstream.socket.destroy())
    const response = await client.response()
    expect([response.status, field(response.head, 'x-kinglet-error')]).toEqual([502, 'reset'])
    expect(await track()).toEqual({ reset: 1 })
  })

  it('by silence: 504, charged as a time-out, its connection closed', async () => {
    const client = await fail(get('/'), () => undefined)
    expect((await client.response()).status).toBe(504)
    await app.connections[0]?.closes()
    expect(await track()).toEqual({ timeout: 1 })
  })

  it('by not being there: 503 after which the connection goes on, charged as refused', async () => {
    app.close()
    const client = await openClient(rig.route)
    for (let round = 1; round <= 2; round += 1) {
      client.send(get('/'))
      const response = await client.response()
      expect([response.status, field(response.head, 'x-kinglet-error'), field(response.head, 'retry-after')]).toEqual([503, 'refused', '1'])
      expect(await track()).toEqual({ refused: round })
    }
  })
})

describe('(15) a response that comes before the request is complete', () => {
  // Their own time to be idle shall not close connections that ought to be closed at once.
  beforeEach(() => start({ upstreamIdleMs: 60_000 }))
  afterEach(stop)

  it('is passed on at once, the rest of the body is thrown away, both connections end', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(1000)}abc`)
    const upstream = await app.connection(0)
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
    expect(await track()).toEqual({ '4xx': 1 })
  })

  it('may be an echo: both bodies flow at the same time', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(6)}abc`)
    const upstream = await app.connection(0)
    await upstream.hears('abc')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nABC')
    await client.hears('ABC')
    client.send('def')
    await upstream.hears('def')
    upstream.send('DEF')
    await client.hears('ABCDEF')
    await client.hearsEnd()
    expect(await track()).toEqual({ '2xx': 1 })
  })
})

describe('(22) Expect: 100-continue', () => {
  beforeEach(() => start({ continueTimeoutMs: 300 }))
  afterEach(stop)

  it('holds the body until the app wants it', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(3, 'Expect: 100-continue')}abc`)
    const upstream = await app.connection(0)
    expect(await upstream.hears('\r\n\r\n')).toMatch(/Expect: 100-continue[^]*\r\n\r\n$/)
    upstream.send('HTTP/1.1 100 Continue\r\n\r\n')
    await client.hears('HTTP/1.1 100 Continue\r\n\r\n')
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
  })

  it('sends it anyway when the app says nothing', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(3, 'Expect: 100-continue')}abc`)
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
  })

  it('never sends it after a final answer', async () => {
    const client = await openClient(rig.route)
    client.send(post(3, 'Expect: 100-continue'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(respond('no', '401 Unauthorized'))
    const response = await client.response()
    expect([response.status, field(response.head, 'connection')]).toEqual([401, 'close'])
    await upstream.closes()
    expect(upstream.received.endsWith('\r\n\r\n')).toBe(true)
  })
})

describe('(28) a body that stops', () => {
  beforeEach(() => start({ bodyTimeoutMs: 150 }))
  afterEach(stop)

  it('is answered 408, and charged to no track', async () => {
    const client = await openClient(rig.route)
    client.send(`${post(100)}abc`)
    expect((await client.response()).status).toBe(408)
    await app.connections[0]?.closes()
    expect(await track()).toEqual({})
    expect((await rig.stats()).refusedRequests).toEqual({ 408: 1 })
  })
})

describe('(28) an idle client connection', () => {
  beforeEach(() => start({ idleTimeoutMs: 100 }))
  afterEach(stop)

  it('is closed without a word', async () => {
    const client = await openClient(rig.route)
    expect(await client.hearsEnd()).toBe('')
  })
})

describe('a body limit', () => {
  beforeEach(() => start({ maxBodyBytes: 10 }))
  afterEach(stop)

  it.each([
    ['Content-Length: 11', 'abcdefghijk'],
    ['Transfer-Encoding: chunked', 'b\r\nabcdefghijk\r\n0\r\n\r\n'],
  ])('refuses what is longer (%s)', async (line, body) => {
    expect((await ask(rig.route, `POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${body}`)).status).toBe(413)
  })
})

describe('connections to the app', () => {
  beforeEach(() => start({ upstreamIdleMs: 60_000 }))
  afterEach(stop)

  const exchange = async (client: Awaited<ReturnType<typeof openClient>>, index: number, path: string, answer = respond(path)) => {
    client.send(get(path))
    const upstream = await app.connection(index)
    await upstream.hears(`GET ${path} `)
    upstream.send(answer)
    return client.response()
  }

  it('serve one request after the other', async () => {
    const client = await openClient(rig.route)
    for (const path of ['/1', '/2', '/3']) expect((await exchange(client, 0, path)).body).toBe(path)
    expect(app.connections).toHaveLength(1)
  })

  it('are shared by clients, the one used last first', async () => {
    const [a, b] = [await openClient(rig.route), await openClient(rig.route)]
    a.send(get('/a'))
    await (await app.connection(0)).hears('/a')
    b.send(get('/b'))
    await (await app.connection(1)).hears('/b')
    app.connections[0]?.send(respond('a'))
    await a.response()
    app.connections[1]?.send(respond('b'))
    await b.response()
    expect((await exchange(a, 1, '/last')).body).toBe('/last')
  })

  it('(12) are not used again after bytes that nobody asked for', async () => {
    const client = await openClient(rig.route)
    expect((await exchange(client, 0, '/1', `${respond('/1')}${respond('poison')}`)).body).toBe('/1')
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
    await app.connections[0]?.closes()
  })

  it('(12) are destroyed when they speak while idle', async () => {
    const client = await openClient(rig.route)
    await exchange(client, 0, '/1')
    app.connections[0]?.send(respond('poison'))
    await app.connections[0]?.closes()
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
  })

  it.each(['Connection: close', 'Keep-Alive: timeout=1'])('(30) are not used again after %s', async (line) => {
    const client = await openClient(rig.route)
    await exchange(client, 0, '/1', respond('/1', '200 OK', line))
    await app.connections[0]?.closes()
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
  })

  const closeOnSecond = async (request: string) => {
    const client = await openClient(rig.route)
    await exchange(client, 0, '/1')
    client.send(request)
    await app.connections[0]?.hears('/second')
    app.connections[0]?.socket.destroy()
    return client
  }

  it('(26) that die under a repeatable request are replaced, and nobody notices', async () => {
    const client = await closeOnSecond(get('/second'))
    const upstream = await app.connection(1)
    await upstream.hears('/second')
    upstream.send(respond('again'))
    expect((await client.response()).body).toBe('again')
    expect(await track()).toEqual({ '2xx': 2 })
  })

  it('(26) that die under a repeatable request with a body are replaced with it', async () => {
    const client = await closeOnSecond('PUT /second HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')
    const upstream = await app.connection(1)
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('again'))
    expect((await client.response()).body).toBe('again')
  })

  it('(26) that die under a POST are not: it may have been carried out', async () => {
    const client = await closeOnSecond('POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    expect((await client.response()).status).toBe(502)
    expect(app.connections).toHaveLength(1)
  })
})

describe('(30) an idle limit', () => {
  beforeEach(() => start({ upstreamIdleMs: 100 }))
  afterEach(stop)

  it('closes connections to the app before the app does', async () => {
    const client = await openClient(rig.route)
    client.send(get('/1'))
    const upstream = await app.connection(0)
    await upstream.hears('/1')
    upstream.send(respond('1'))
    await client.response()
    await upstream.closes()
  })
})

describe('(16) pipelined requests', () => {
  beforeAll(() => start())
  afterAll(stop)

  it('are served in order, one at a time', async () => {
    const client = await openClient(rig.route)
    client.send(`${get('/1')}${post(3)}abc${get('/3')}`)
    const upstream = await app.connection(0)
    await upstream.hears('GET /1 ')
    expect(upstream.received).not.toContain('POST')
    upstream.send(respond('one'))
    await upstream.hears('\r\n\r\nabc')
    expect(upstream.received).not.toContain('GET /3')
    upstream.send(respond('two'))
    await upstream.hears('GET /3')
    upstream.send(respond('three'))
    for (const body of ['one', 'two', 'three']) expect((await client.response()).body).toBe(body)
  })

  it('wait in the client’s own buffers while one is served', async () => {
    const client = await openClient(rig.route)
    const sent = get('/first') + get('/next').repeat(500_000)
    client.send(sent)
    const upstream = await app.connection(0)
    await upstream.hears('GET /first ')
    // The same amount unsent, seen again and again, is what a full window looks like.
    let unsent = Number.POSITIVE_INFINITY
    for (let round = 0; round < 20; round = client.socket.writableLength === unsent ? round + 1 : 0) {
      unsent = client.socket.writableLength
      await rig.stats()
    }
    expect(unsent).toBeGreaterThan(sent.length / 2)
    client.socket.destroy()
  })

  it('wait for a client that does not read: its answers would all be kept here', async () => {
    // Each in one piece, so that none waits for its own end.
    const size = 30_000
    const requests = 2000
    let served = 0
    const origin = await startRawServer(
      answering(() => {
        served += 1
        return respond('x'.repeat(size))
      }),
    )
    const other = await startRig(origin.port, { limits: { idleTimeoutMs: 60_000 } })
    const client = await openClient(other.route)
    client.countsOnly = true
    client.socket.pause()
    client.send(get('/').repeat(requests))
    let last = -1
    let since = performance.now()
    await until('a standstill', () => {
      if (served !== last) since = performance.now()
      last = served
      return last > 0 && performance.now() - since > 300
    })
    expect(served).toBeLessThan(requests / 2)
    client.socket.resume()
    await until('all answers', () => served === requests && client.receivedBytes > requests * size, () => `${served} served, ${client.receivedBytes} bytes`)
    await other.close()
    origin.close()
  })

  it('end with a client that reads none of the answers', async () => {
    const origin = await startRawServer(answering(() => respond('x'.repeat(30_000))))
    const other = await startRig(origin.port, { limits: { idleTimeoutMs: 60_000, bodyTimeoutMs: 200 } })
    const client = await openClient(other.route)
    client.socket.pause()
    client.send(get('/').repeat(2000))
    await until('an answer', () => origin.connections.some(({ received }) => received !== ''))
    await expect.poll(async () => (await other.stats()).openConnections, { timeout: 8000 }).toBe(0)
    client.socket.destroy()
    await other.close()
    origin.close()
  })

  it('may be many', async () => {
    const origin = await startRawServer(answering((head) => respond(head.split(' ')[1] ?? '')))
    const other = await startRig(origin.port)
    const client = await openClient(other.route)
    client.send(Array.from({ length: 500 }, (_, index) => get(`/${index}`)).join(''))
    for (let index = 0; index < 500; index += 1) expect((await client.response()).body).toBe(`/${index}`)
    await other.close()
    origin.close()
  })
})
