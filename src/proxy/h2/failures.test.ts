import type { ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { startFrameApp, toEachHead } from './testing/frame-app.ts'
import { reset } from './testing/frames.ts'
import { say, startHttp2App, type Handler } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'
import { startTwoSidecars, toCanary, type TwoSidecars } from './testing/two-sidecars.ts'
import { errorCode } from './wire.ts'

describe('what fails behind two sidecars, in HTTP/2,', () => {
  let pair: TwoSidecars
  beforeEach(async () => {
    pair = await startTwoSidecars()
  })
  afterEach(() => pair.close())

  it('a canary that refuses connections is charged, and the app next door serves', async () => {
    await pair.primary.setTable(toCanary([1]))
    expect((await request(pair.client, { ':method': 'POST', ':path': '/' }, 'body')).body.toString()).toBe('v1')
    expect(await pair.primary.count('canary', 'weight', 'refused')).toBe(1)
    expect(await pair.primary.count('primary', 'weight', '2xx')).toBe(1)
  })

  it('a canary whose app is gone is charged, and the app next door serves, body and all', async () => {
    pair.v2.close()
    pair.v1Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    }
    expect((await request(pair.client, grpcHead(), 'body')).body.toString()).toBe('body')
    expect(await pair.primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it('a stream that the canary refuses unprocessed is served elsewhere', async () => {
    const app = await startFrameApp({ onFrames: toEachHead((id) => [reset(id, errorCode.refusedStream)]) })
    const canary = await startRig(app.port, { table: { self: 'canary' } })
    await pair.primary.setTable(toCanary([canary.direct]))
    expect((await request(pair.client, grpcHead(), 'body')).body.toString()).toBe('v1')
    expect(pair.v1.heads).toHaveLength(1)
    expect(await pair.primary.count('canary', 'weight', 'refused')).toBe(1)
    await canary.close()
    app.close()
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
    pair.v2Answer = handler
    const answer = await request(pair.client, { ':path': '/' })
    expect(answer.status === 502 || answer.code !== 0).toBe(true)
    expect((await pair.primary.count('canary', 'weight', '5xx')) + (await pair.primary.count('canary', 'weight', 'reset'))).toBe(1)
    expect(await pair.primary.count('canary', 'weight', '2xx')).toBe(0)
  })

  it('an app that says GOAWAY gets its next stream on a new connection; the old ones end there', async () => {
    const held: ServerHttp2Stream[] = []
    pair.v2Answer = (stream, head) => void (head[':path'] === '/hold' ? held.push(stream) : say('v2')(stream))
    const old = request(pair.client, { ':path': '/hold' })
    await until('the stream', () => held.length === 1)
    const before = pair.v2.sessions.length
    pair.v2.sessions[0]?.goaway()
    await expect.poll(async () => (await request(pair.client, { ':path': '/' })).body.toString()).toBe('v2')
    await expect.poll(async () => {
      await request(pair.client, { ':path': '/' })
      return pair.v2.sessions.length
    }).toBeGreaterThan(before)
    if (held[0]) say('old')(held[0])
    expect((await old).body.toString()).toBe('old')
  })

  it('a hop that is lost in the middle of a call ends it as UNAVAILABLE, and is charged', async () => {
    pair.v2Answer = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.write('part')
    }
    const stream = pair.client.request(grpcHead(), { endStream: true })
    const call = answerOf(stream)
    await new Promise((resolve) => {
      stream.once('response', resolve)
    })
    pair.canary.proxy.stop().catch(() => undefined)
    const answer = await call
    expect(answer.trailers['grpc-status']).toBe('14')
    expect(await pair.primary.count('canary', 'weight', 'reset')).toBe(1)
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
