import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { startFrameApp, toEachHead } from './testing/frame-app.ts'
import { block, frame, reset } from './testing/frames.ts'
import { say, sayGrpc } from './testing/http2-app.ts'
import { answerOf, grpcHead, request } from './testing/http2-client.ts'
import { startTwoSidecars, toCanary, type TwoSidecars } from './testing/two-sidecars.ts'
import { flag, frameType } from './wire.ts'

describe('an exchange of HTTP/2 through two sidecars', () => {
  let pair: TwoSidecars
  beforeEach(async () => {
    pair = await startTwoSidecars()
  })
  afterEach(() => pair.close())

  it('bodies of megabytes arrive whole, both ways at once', async () => {
    pair.v2Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    }
    // Node's own sessions keep no more than 10 MB in memory.
    for (const [size, count] of [[5_000_000, 1], [2_000_000, 3]] as const) {
      const body = Buffer.alloc(size, 'abcdefg')
      const answers = await Promise.all(Array.from({ length: count }, () => request(pair.client, { ':method': 'POST', ':path': '/' }, body)))
      for (const answer of answers) expect([answer.code, answer.body.length, answer.body.equals(body)]).toEqual([0, size, true])
    }
  })

  it('an app is not asked for more than a client takes, and other streams go on', async () => {
    let sent = 0
    pair.v2Answer = (stream, head) => {
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
    const slow = pair.client.request({ ':path': '/endless' })
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
    expect((await request(pair.client, { ':path': '/' })).body.toString()).toBe('v2')
    slow.close(constants.NGHTTP2_CANCEL)
    await until('the app to hear of it', () => pair.v2.closes.includes(constants.NGHTTP2_CANCEL))
  })

  it('trailers arrive, of requests and of responses; an answer of trailers alone is one frame', async () => {
    let trailers: IncomingHttpHeaders = {}
    pair.v2Answer = (stream) => {
      stream.on('trailers', (received) => {
        trailers = received
      })
      stream.resume()
      stream.on('end', () => sayGrpc('0')(stream))
    }
    const stream = pair.client.request(grpcHead(), { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', authorization: 'late', 'x-forwarded-for': '9.9.9.9' }))
    stream.end('body')
    const answer = await answerOf(stream)
    expect(Object.keys(trailers)).toEqual(['x-checksum'])
    expect(answer.trailers['grpc-status']).toBe('0')
    pair.v2Answer = (only) => only.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
    const flags: number[] = []
    const call = pair.client.request(grpcHead(), { endStream: true })
    call.on('response', (_headers, received) => flags.push(received))
    await answerOf(call)
    expect((flags[0] ?? 0) & 1).toBe(1)
  })

  it('trailers arrive also where the request has been on its way before them', async () => {
    pair.v2Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.on('trailers', (received) => stream.end(String(received['x-checksum'])))
      stream.resume()
    }
    const stream = pair.client.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc' }))
    const answered = answerOf(stream)
    await new Promise((resolve) => stream.once('response', resolve))
    stream.end('body')
    expect((await answered).body.toString()).toBe('abc')
  })

  it('interim answers are passed on', async () => {
    pair.v2Answer = (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>' })
      say('v2')(stream)
    }
    const early: IncomingHttpHeaders[] = []
    const stream = pair.client.request({ ':path': '/' }, { endStream: true })
    stream.on('headers', (headers) => early.push(headers))
    expect((await answerOf(stream)).body.toString()).toBe('v2')
    expect(early[0]).toMatchObject({ ':status': 103, link: '</style.css>' })
  })

  it.each([constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL, constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INADEQUATE_SECURITY])('the app’s reset with code %i is the client’s, before and after the head', async (code) => {
    const begun = (id: number): readonly Buffer[] => [frame(frameType.headers, flag.endHeaders, id, block([[':status', '200']])), frame(frameType.data, 0, id, Buffer.from('part'))]
    const app = await startFrameApp({ onFrames: toEachHead((id) => [...(id === 1 ? [] : begun(id)), reset(id, code)]) })
    const canary = await startRig(app.port, { table: { self: 'canary' } })
    await pair.primary.setTable(toCanary([canary.direct]))
    expect(await request(pair.client, { ':path': '/early' })).toMatchObject({ code, status: Number.NaN })
    expect(await request(pair.client, { ':path': '/late' })).toMatchObject({ code, status: 200 })
    expect(await pair.primary.count('canary', 'weight', 'reset')).toBe(2)
    await canary.close()
    app.close()
  })

  it('the client’s cancellation is the app’s at once, and charged to nobody', async () => {
    pair.v2Answer = () => undefined
    const stream = pair.client.request(grpcHead())
    stream.on('error', () => undefined)
    await until('the request', () => pair.v2.heads.length === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await until('the cancellation', () => pair.v2.closes[0] === constants.NGHTTP2_CANCEL)
    await expect.poll(async () => (await pair.primary.stats()).clientAborted).toBe(1)
    expect((await pair.primary.stats()).requests).toEqual([])
  })

  it('a client that goes away cancels all of its streams', async () => {
    pair.v2Answer = () => undefined
    const streams = [1, 2, 3].map(() => pair.client.request(grpcHead()).on('error', () => undefined))
    await until('the requests', () => pair.v2.heads.length === streams.length)
    pair.client.destroy()
    await until('the cancellations', () => pair.v2.closes.length === 3)
    await expect.poll(async () => (await pair.primary.stats()).clientAborted).toBe(3)
  })

  it('an early answer ends the request without harm', async () => {
    pair.v2Answer = (stream) => {
      stream.respond({ ':status': 413 })
      stream.end('too much')
    }
    const stream = pair.client.request({ ':method': 'POST', ':path': '/' })
    stream.write(Buffer.alloc(1000))
    const answer = await answerOf(stream)
    expect([answer.status, answer.body.toString()]).toEqual([413, 'too much'])
    expect((await request(pair.client, { ':path': '/' })).status).toBe(413)
  })

  it('a response to HEAD has a length and no body', async () => {
    pair.v2Answer = (stream) => stream.respond({ ':status': 200, 'content-length': 5 }, { endStream: true })
    expect(await request(pair.client, { ':method': 'HEAD', ':path': '/' })).toMatchObject({ status: 200, code: 0 })
    expect(await pair.primary.count('canary', 'weight', '2xx')).toBe(1)
  })

  it('draining says GOAWAY, and lets streams end', async () => {
    const held: ServerHttp2Stream[] = []
    pair.v2Answer = (stream) => void held.push(stream)
    const answer = request(pair.client, { ':path': '/' })
    await until('the stream', () => held.length === 1)
    let hasSaidGoAway = false
    pair.client.on('goaway', () => {
      hasSaidGoAway = true
    })
    const drained = pair.primary.proxy.drain()
    await until('GOAWAY', () => hasSaidGoAway)
    if (held[0]) say('late')(held[0])
    expect((await answer).body.toString()).toBe('late')
    await drained
    await until('the end of the connection', () => pair.client.destroyed || pair.client.closed)
  })
})
