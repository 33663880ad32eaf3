import { constants, type ClientHttp2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome, RouteTable } from '../../api/protocol.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { say, sayGrpc, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'

type Handler = (stream: ServerHttp2Stream, head: IncomingHttpHeaders) => void

const toCanary = (ports: readonly number[], change: Partial<RouteTable> = {}): Partial<RouteTable> => ({
  canaryWeightPercent: 100,
  endpoints: { primary: [], canary: ports.map((port) => ({ address: '127.0.0.1', port })) },
  ...change,
})

describe('HTTP/2 through two sidecars', () => {
  let v1Answer: Handler
  let v2Answer: Handler
  let v1: Http2App
  let v2: Http2App
  let primary: Rig
  let canary: Rig
  let client: ClientHttp2Session
  beforeEach(async () => {
    v1Answer = say('v1')
    v2Answer = say('v2')
    v1 = await startHttp2App((stream, head) => v1Answer(stream, head))
    v2 = await startHttp2App((stream, head) => v2Answer(stream, head))
    canary = await startRig(v2.port, { table: { self: 'canary' } })
    primary = await startRig(v1.port, { table: toCanary([canary.direct]) })
    client = await openHttp2(primary.route)
  })
  afterEach(async () => {
    client.destroy()
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('each stream of one connection is routed by weight, exactly, over one connection to each app', async () => {
    await primary.setTable(toCanary([canary.direct], { canaryWeightPercent: 30 }))
    const answers = await Promise.all(Array.from({ length: 200 }, () => request(client, { ':path': '/' })))
    const fromV2 = answers.filter(({ body }) => body.toString() === 'v2').length
    expect(Math.abs(fromV2 - 60)).toBeLessThanOrEqual(1)
    expect(await primary.count('canary', 'weight', '2xx')).toBe(fromV2)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(200 - fromV2)
    expect(await canary.count('canary', 'hop', '2xx')).toBe(fromV2)
    expect(v2.sessions.length).toBeLessThanOrEqual(2)
  })

  it('who matches by header, cookie or authority goes to the canary at weight 0', async () => {
    await primary.setTable(toCanary([canary.direct], { canaryWeightPercent: 0, match: [{ headers: { 'x-canary': { exact: 'always' } } }, { cookies: { stage: { regex: 'b.*' } } }, { headers: { host: { prefix: 'beta.' } } }] }))
    const bodies = []
    for (const head of [{}, { 'x-canary': 'always' }, { cookie: ['a=1', 'stage=beta'] }, { ':authority': 'beta.shop' }]) bodies.push((await request(client, { ':path': '/', ...head })).body.toString())
    expect(bodies).toEqual(['v1', 'v2', 'v2', 'v2'])
    expect(await primary.count('canary', 'match', '2xx')).toBe(3)
  })

  it('the policy of the service changes path, host and headers, gives cookies and answers preflights', async () => {
    const affinity = { canary: { name: 'cc', value: 'now', setCookie: 'cc=now; Max-Age=60' } }
    const corsPolicy = { allowOrigins: [{ exact: 'https://shop' }], allowMethods: ['PUT'], allowHeaders: [], exposeHeaders: [], allowCredentials: false }
    const policy = { match: [{ uri: { prefix: '/api/' } }], rewrite: { uri: '/', authority: 'inner' }, headers: { request: { remove: ['x-secret'], set: { 'X-Mode': 'a' } }, response: { add: { 'X-Env': 'prod' } } }, corsPolicy }
    await primary.setTable(toCanary([canary.direct], { affinity, policy }))
    const answer = await request(client, { ':path': '/api/cart', 'x-secret': 's' })
    expect(answer.headers).toMatchObject({ 'x-env': 'prod', 'set-cookie': ['cc=now; Max-Age=60'] })
    expect(v2.heads[0]).toMatchObject({ ':path': '/cart', ':authority': 'inner', 'x-mode': 'a' })
    expect(v2.heads[0]).not.toHaveProperty('x-secret')
    const preflight = await request(client, { ':path': '/api/cart', ':method': 'OPTIONS', origin: 'https://shop', 'access-control-request-method': 'PUT' })
    expect(preflight.headers).toMatchObject({ ':status': 200, 'access-control-allow-methods': 'PUT' })
    expect(v2.heads.length).toBe(1)
  })

  it('the policy of the service tries again, and ends what takes too long', async () => {
    let count = 0
    v1Answer = (stream, head) => {
      count += 1
      if (head[':path'] === '/never') return
      stream.respond({ ':status': count < 3 ? 503 : 200 }, { endStream: true })
    }
    await primary.setTable({ policy: { match: [], retries: { attempts: 2, retryOn: ['5xx'], statuses: [] } } })
    expect((await request(client, { ':path': '/' })).headers[':status']).toBe(200)
    expect(await primary.count('primary', 'weight', '5xx')).toBe(2)
    await primary.setTable({ policy: { match: [], timeoutMs: 100 } })
    expect((await request(client, { ':path': '/never' })).headers[':status']).toBe(504)
    expect(await primary.count('primary', 'weight', 'timeout')).toBe(1)
  })

  it('the policy of the service gives each attempt its time: a stream that is not answered is cancelled and tried again, with its body', async () => {
    const bodies: string[] = []
    v1Answer = (stream) => {
      const attempt = v1.heads.length
      stream.on('data', (bytes: Buffer) => bodies.push(`${attempt} ${bytes.toString()}`))
      if (attempt === 3) say('third')(stream)
    }
    await primary.setTable({ policy: { match: [], retries: { attempts: 2, perTryTimeoutMs: 100, retryOn: ['gateway-error'], statuses: [] } } })
    expect((await request(client, { ':method': 'POST', ':path': '/' }, 'once')).body.toString()).toBe('third')
    expect(bodies).toEqual(['1 once', '2 once', '3 once'])
    expect(v1.closes.slice(0, 2)).toEqual([8, 8])
    expect(await primary.count('primary', 'weight', 'timeout')).toBe(2)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(1)
  })

  it('the policy of the service gives each attempt its time, not the answer that has begun', async () => {
    v1Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('slow')
      setTimeout(() => stream.end('ly'), 500)
    }
    await primary.setTable({ policy: { match: [], retries: { attempts: 2, perTryTimeoutMs: 100, retryOn: ['gateway-error'], statuses: [] } } })
    expect((await request(client, { ':path': '/' })).body.toString()).toBe('slowly')
    expect(v1.heads.length).toBe(1)
  })

  it('the direct port serves the app next door, and believes hops alone there', async () => {
    const direct = await openHttp2(primary.direct)
    expect((await request(direct, { ':path': '/' })).body.toString()).toBe('v1')
    expect(await primary.count('primary', 'direct', '2xx')).toBe(1)
    direct.destroy()
    await request(client, { ':path': '/', 'x-kinglet-hop': '1' })
    expect(await primary.count('canary', 'weight', '2xx')).toBe(1)
  })

  it('two sidecars count as one proxy, and keep what they say to each other to themselves', async () => {
    const answer = await request(client, { ':path': '/a?b=c', 'x-forwarded-for': '9.9.9.9', 'x-kinglet-service-time': '1' })
    expect(Object.keys(answer.headers).some((name) => name.startsWith('x-kinglet'))).toBe(false)
    const head = v2.heads[0] ?? {}
    expect(Object.keys(head).some((name) => name.startsWith('x-kinglet'))).toBe(false)
    expect(head).toMatchObject({ ':path': '/a?b=c', via: '2.0 kinglet', 'x-forwarded-for': '9.9.9.9, 127.0.0.1', 'x-forwarded-proto': 'http' })
  })

  it('bodies of megabytes arrive whole, both ways at once', async () => {
    v2Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    }
    // Node's own sessions keep no more than 10 MB in memory.
    for (const [size, count] of [[5_000_000, 1], [2_000_000, 3]] as const) {
      const body = Buffer.alloc(size, 'abcdefg')
      const answers = await Promise.all(Array.from({ length: count }, () => request(client, { ':method': 'POST', ':path': '/' }, body)))
      for (const answer of answers) expect([answer.code, answer.body.length, answer.body.equals(body)]).toEqual([0, size, true])
    }
  })

  it('an app is not asked for more than a client takes, and other streams go on', async () => {
    let sent = 0
    v2Answer = (stream, head) => {
      if (head[':path'] !== '/endless') return say('v2')(stream)
      stream.respond({ ':status': 200 })
      const more = (): void => {
        while (!stream.destroyed) {
          sent += 16_384
          if (!stream.write(Buffer.alloc(16_384))) {
            stream.once('drain', more)
            return
          }
        }
      }
      more()
    }
    const slow = client.request({ ':path': '/endless' })
    slow.on('error', () => undefined)
    await new Promise((resolve) => {
      slow.once('response', resolve)
    })
    let before = -1
    await until('the app to stop', () => {
      const isSame = sent === before && sent > 0
      before = sent
      return isSame
    })
    expect(sent).toBeLessThan(4_000_000)
    expect((await request(client, { ':path': '/' })).body.toString()).toBe('v2')
    slow.close(constants.NGHTTP2_CANCEL)
    await until('the app to hear of it', () => v2.closes.includes(constants.NGHTTP2_CANCEL))
  })

  it('trailers arrive, of requests and of responses; an answer of trailers alone is one frame', async () => {
    let trailers: IncomingHttpHeaders = {}
    v2Answer = (stream) => {
      stream.on('trailers', (received) => {
        trailers = received
      })
      stream.resume()
      stream.on('end', () => sayGrpc('0')(stream))
    }
    const stream = client.request(grpcHead(), { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', authorization: 'late', 'x-forwarded-for': '9.9.9.9' }))
    stream.end('body')
    const answer = await answerOf(stream)
    expect(Object.keys(trailers)).toEqual(['x-checksum'])
    expect(answer.trailers['grpc-status']).toBe('0')
    v2Answer = (only) => only.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
    const flags: number[] = []
    const call = client.request(grpcHead(), { endStream: true })
    call.on('response', (_headers, received) => flags.push(received))
    await answerOf(call)
    expect((flags[0] ?? 0) & 1).toBe(1)
  })

  it('interim answers are passed on', async () => {
    v2Answer = (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>' })
      say('v2')(stream)
    }
    const early: IncomingHttpHeaders[] = []
    const stream = client.request({ ':path': '/' }, { endStream: true })
    stream.on('headers', (headers) => early.push(headers))
    expect((await answerOf(stream)).body.toString()).toBe('v2')
    expect(early[0]).toMatchObject({ ':status': 103, link: '</style.css>' })
  })

  it.each([constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL, constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INADEQUATE_SECURITY])('the app’s reset with code %i is the client’s, before and after the head', async (code) => {
    v2Answer = (stream, head) => {
      if (head[':path'] === '/early') stream.close(code)
      else {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.write('part', () => stream.close(code))
      }
    }
    expect((await request(client, { ':path': '/early' })).code).toBe(code)
    expect((await request(client, { ':path': '/late' })).code).toBe(code)
    expect(await primary.count('canary', 'weight', 'reset')).toBe(2)
  })

  it('the client’s cancellation is the app’s at once, and charged to nobody', async () => {
    v2Answer = () => undefined
    const stream = client.request(grpcHead())
    stream.on('error', () => undefined)
    await until('the request', () => v2.heads.length === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await until('the cancellation', () => v2.closes[0] === constants.NGHTTP2_CANCEL)
    await expect.poll(async () => (await primary.stats()).clientAborted).toBe(1)
    expect((await primary.stats()).requests).toEqual([])
  })

  it('a client that goes away cancels all of its streams', async () => {
    v2Answer = () => undefined
    const streams = [1, 2, 3].map(() => client.request(grpcHead()).on('error', () => undefined))
    await until('the requests', () => v2.heads.length === streams.length)
    client.destroy()
    await until('the cancellations', () => v2.closes.length === 3)
    await expect.poll(async () => (await primary.stats()).clientAborted).toBe(3)
  })

  it('an early answer ends the request without harm', async () => {
    v2Answer = (stream) => {
      stream.respond({ ':status': 413 })
      stream.end('too much')
    }
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    stream.write(Buffer.alloc(1000))
    const answer = await answerOf(stream)
    expect([answer.status, answer.body.toString()]).toEqual([413, 'too much'])
    expect((await request(client, { ':path': '/' })).status).toBe(413)
  })

  it.each<[status: string, outcome: Outcome]>([
    ['0', '2xx'],
    ['1', '4xx'],
    ['2', '5xx'],
    ['4', '5xx'],
    ['5', '4xx'],
    ['7', '4xx'],
    ['8', '4xx'],
    ['12', '4xx'],
    ['13', '5xx'],
    ['14', '5xx'],
    ['15', '5xx'],
    ['16', '4xx'],
    ['', '5xx'],
  ])('grpc-status "%s" counts as %s', async (status, outcome) => {
    v2Answer = status === '' ? (stream) => { stream.respond({ ':status': 200, 'content-type': 'application/grpc' }); stream.end() } : sayGrpc(status)
    await request(client, grpcHead(), 'x')
    expect(await primary.count('canary', 'weight', outcome)).toBe(1)
  })

  it('a canary that refuses connections is charged, and the app next door serves', async () => {
    await primary.setTable(toCanary([1]))
    expect((await request(client, { ':method': 'POST', ':path': '/' }, 'body')).body.toString()).toBe('v1')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(1)
  })

  it('a canary whose app is gone is charged, and the app next door serves, body and all', async () => {
    v2.close()
    v1Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    }
    expect((await request(client, grpcHead(), 'body')).body.toString()).toBe('body')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it('a stream that the canary refuses unprocessed is served elsewhere', async () => {
    v2Answer = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)
    expect((await request(client, grpcHead(), 'body')).body.toString()).toBe('v1')
    expect(v1.heads).toHaveLength(1)
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it.each<[string, Handler]>([
    ['its head', (stream) => stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: true })],
    [
      'its trailers',
      (stream) => {
        stream.respond({ ':status': 200, 'content-length': 5 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }))
        stream.end('abc')
      },
    ],
  ])('a response that ends with %s, shorter than its Content-Length, is a failure of the version', async (_case, handler) => {
    v2Answer = handler
    const answer = await request(client, { ':path': '/' })
    expect(answer.status === 502 || answer.code !== 0).toBe(true)
    expect((await primary.count('canary', 'weight', '5xx')) + (await primary.count('canary', 'weight', 'reset'))).toBe(1)
    expect(await primary.count('canary', 'weight', '2xx')).toBe(0)
  })

  it('a response to HEAD has a length and no body', async () => {
    v2Answer = (stream) => stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: true })
    expect(await request(client, { ':method': 'HEAD', ':path': '/' })).toMatchObject({ status: 200, code: 0 })
    expect(await primary.count('canary', 'weight', '2xx')).toBe(1)
  })

  it('an app that says GOAWAY gets its next stream on a new connection; the old ones end there', async () => {
    const held: ServerHttp2Stream[] = []
    v2Answer = (stream, head) => void (head[':path'] === '/hold' ? held.push(stream) : say('v2')(stream))
    const old = request(client, { ':path': '/hold' })
    await until('the stream', () => held.length === 1)
    const before = v2.sessions.length
    v2.sessions[0]?.goaway()
    await expect.poll(async () => (await request(client, { ':path': '/' })).body.toString()).toBe('v2')
    await expect.poll(async () => {
      await request(client, { ':path': '/' })
      return v2.sessions.length
    }).toBeGreaterThan(before)
    if (held[0]) say('old')(held[0])
    expect((await old).body.toString()).toBe('old')
  })

  it('a hop that is lost in the middle of a call ends it as UNAVAILABLE, and is charged', async () => {
    v2Answer = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.write('part')
    }
    const stream = client.request(grpcHead(), { endStream: true })
    const call = answerOf(stream)
    await new Promise((resolve) => {
      stream.once('response', resolve)
    })
    canary.proxy.stop().catch(() => undefined)
    const answer = await call
    expect(answer.trailers['grpc-status']).toBe('14')
    expect(await primary.count('canary', 'weight', 'reset')).toBe(1)
  })

  it('a change of the table cuts no stream', async () => {
    const held: ServerHttp2Stream[] = []
    v2Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('one ')
      held.push(stream)
    }
    const answer = request(client, { ':path': '/' })
    await until('the stream', () => held.length === 1)
    await primary.setTable({ canaryWeightPercent: 0 })
    expect((await request(client, { ':path': '/' })).body.toString()).toBe('v1')
    held[0]?.end('two')
    expect((await answer).body.toString()).toBe('one two')
  })

  it('draining says GOAWAY, and lets streams end', async () => {
    const held: ServerHttp2Stream[] = []
    v2Answer = (stream) => void held.push(stream)
    const answer = request(client, { ':path': '/' })
    await until('the stream', () => held.length === 1)
    let hasSaidGoAway = false
    client.on('goaway', () => {
      hasSaidGoAway = true
    })
    const drained = primary.proxy.drain()
    await until('GOAWAY', () => hasSaidGoAway)
    if (held[0]) say('late')(held[0])
    expect((await answer).body.toString()).toBe('late')
    await drained
    await until('the end of the connection', () => client.destroyed || client.closed)
  })

  it('a caller’s deadline is passed on; one that the canary lets pass is charged to it', async () => {
    v2Answer = () => undefined
    const stream = client.request(grpcHead({ 'grpc-timeout': '50m' }), { endStream: true })
    stream.on('error', () => undefined)
    await until('the call', () => v2.heads.length === 1)
    expect(v2.heads[0]?.['grpc-timeout']).toBe('50m')
    const startedAt = performance.now()
    await until('the deadline', () => performance.now() - startedAt > 60)
    stream.close(constants.NGHTTP2_CANCEL)
    await expect.poll(() => primary.count('canary', 'weight', 'timeout')).toBe(1)
  })

  it('a server that calls it cancelled when the time is up has let it pass; before, it is the caller’s affair', async () => {
    let answer: () => void = () => undefined
    v2Answer = (stream) => (answer = () => sayGrpc('1')(stream))
    const call = async (timeout: string, waitMs: number): Promise<unknown> => {
      const seen = v2.heads.length
      const ended = request(client, grpcHead({ 'grpc-timeout': timeout }))
      await until('the call', () => v2.heads.length === seen + 1)
      const startedAt = performance.now()
      await until('the time', () => performance.now() - startedAt >= waitMs)
      answer()
      return (await ended).headers
    }
    await call('100m', 100)
    await call('1H', 0)
    await expect.poll(() => primary.count('canary', 'weight', 'timeout')).toBe(1)
    await expect.poll(() => primary.count('canary', 'weight', '4xx')).toBe(1)
  })

  it('a caller that forgets its own deadline is told', async () => {
    v2Answer = () => undefined
    const answer = await request(client, grpcHead({ 'grpc-timeout': '1m' }))
    expect(answer.headers['grpc-status']).toBe('4')
    expect(await primary.count('canary', 'weight', 'timeout')).toBe(1)
  })
})

describe('a body longer than may be', () => {
  it('is answered 413, whether its length was said or not', async () => {
    const app = await startHttp2App(() => undefined)
    const rig = await startRig(app.port, { limits: { maxBodyBytes: 1000 } })
    const client = await openHttp2(rig.route)
    for (const head of [{}, { 'content-length': '2000' }]) expect((await request(client, { ':method': 'POST', ':path': '/', ...head }, Buffer.alloc(2000))).status).toBe(413)
    client.destroy()
    await rig.close()
    app.close()
  })
})

describe('an app that is not there', () => {
  it('is a 503, and UNAVAILABLE for a call', async () => {
    const rig = await startRig(1)
    const client = await openHttp2(rig.route)
    expect(await request(client, { ':path': '/' })).toMatchObject({ status: 503, headers: { 'x-kinglet-error': 'refused', 'retry-after': '1' } })
    expect(await request(client, grpcHead(), 'x')).toMatchObject({ status: 200, headers: { 'grpc-status': '14', 'content-type': 'application/grpc' } })
    client.destroy()
    await rig.close()
  })
})
