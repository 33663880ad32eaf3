import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../api/protocol.ts'
import type { ProxyLimits } from '../settings.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { untilAsync } from '../testing/until.ts'
import { startFrameApp, toEachHead } from './testing/frame-app.ts'
import { reset } from './testing/frames.ts'
import { say, sayGrpc, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'
import { errorCode } from './wire.ts'

/** Rule 34 for HTTP/2; the canary is a sidecar with its app, as in a cluster. */
describe('a stream that is mirrored', () => {
  let v2Answer: (stream: ServerHttp2Stream) => void
  let bodiesOfV2: Buffer[]
  let v1: Http2App
  let v2: Http2App
  let primary: Rig
  let canary: Rig
  let client: ClientHttp2Session
  const start = async (limits: Partial<ProxyLimits> = {}): Promise<void> => {
    primary = await startRig(v1.port, { limits, table: { mirrorPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] } } })
    client = await openHttp2(primary.route)
  }
  const copies = (outcome: Outcome, count: number): Promise<void> => untilAsync(`${count} copies that ended as ${outcome}`, async () => (await primary.count('canary', 'mirror', outcome)) === count)
  beforeEach(async () => {
    bodiesOfV2 = []
    v2Answer = sayGrpc('0')
    v1 = await startHttp2App((stream, head) => (head['content-type'] === 'application/grpc' ? sayGrpc('0')(stream) : say('v1')(stream)))
    v2 = await startHttp2App((stream) => {
      stream.on('data', (bytes: Buffer) => bodiesOfV2.push(bytes))
      v2Answer(stream)
    })
    canary = await startRig(v2.port, { table: { self: 'canary' } })
  })
  afterEach(async () => {
    client.destroy()
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('reaches the canary as well, with its body and under another authority; each counts apart', async () => {
    v2Answer = say('v2')
    await start()
    const answers = await Promise.all(Array.from({ length: 20 }, (_none, index) => request(client, { ':method': 'POST', ':path': `/${index}`, ':authority': 'app:80' }, `body ${index}.`)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`))).toEqual(new Set(['200 v1']))
    await copies('2xx', 20)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(20)
    expect(await canary.count('canary', 'hop', '2xx')).toBe(20)
    expect(new Set(v2.heads.map((head) => head[':path']))).toEqual(new Set(Array.from({ length: 20 }, (_none, index) => `/${index}`)))
    expect(v2.heads.length).toBe(20)
    expect(new Set(v2.heads.map((head) => `${head[':authority']} for ${String(head['x-forwarded-host'])}`))).toEqual(new Set(['app-shadow:80 for app:80']))
    expect(new Set(Buffer.concat(bodiesOfV2).toString().split('.'))).toEqual(new Set(['', ...Array.from({ length: 20 }, (_none, index) => `body ${index}`)]))
    expect(v2.sessions.length).toBe(1)
  })

  it('is judged by its grpc-status, and its caller hears the primary alone', async () => {
    v2Answer = sayGrpc('13')
    await start()
    const answer = await request(client, grpcHead(), Buffer.from('call'))
    expect(answer.trailers).toMatchObject({ 'grpc-status': '0' })
    await copies('5xx', 1)
  })

  it('is answered while the canary resets it', async () => {
    const app = await startFrameApp({ onFrames: toEachHead((id) => [reset(id, errorCode.internalError)]) })
    await canary.close()
    canary = await startRig(app.port, { table: { self: 'canary' } })
    await start()
    expect((await request(client, grpcHead(), Buffer.from('call'))).trailers).toMatchObject({ 'grpc-status': '0' })
    await copies('reset', 1)
    app.close()
  })

  it('is answered while the canary never answers', async () => {
    v2Answer = () => undefined
    await start({ mirrorTimeoutMs: 300 })
    expect((await request(client, grpcHead(), Buffer.from('call'))).trailers).toMatchObject({ 'grpc-status': '0' })
    await copies('timeout', 1)
    expect((await primary.stats()).mirrorsInFlight).toBe(0)
  })

  it('is answered while the canary is not there', async () => {
    await start()
    await canary.proxy.stop()
    expect((await request(client, { ':path': '/' })).body.toString()).toBe('v1')
    await copies('refused', 1)
  })

  it('is not copied where the call goes on after its answer has begun, or its body is too long', async () => {
    await start({ maxMirrorBytes: 1000 })
    const stream = client.request(grpcHead())
    const answer = answerOf(stream)
    stream.write('first')
    await new Promise((resolve) => stream.once('response', resolve))
    stream.end('last')
    await answer
    const { promise: hasAnswer, resolve } = Promise.withResolvers<undefined>()
    v2Answer = () => resolve(undefined)
    await request(client, { ':method': 'POST', ':path': '/' }, Buffer.alloc(1001))
    const { droppedMirrors, mirrorsInFlight } = await primary.stats()
    expect({ droppedMirrors, mirrorsInFlight }).toEqual({ droppedMirrors: { busy: 0, body: 2 }, mirrorsInFlight: 0 })
    await request(client, { ':path': '/whole' })
    await hasAnswer
    expect(v2.heads.map((head) => head[':path'])).toEqual(['/whole'])
  })
})
