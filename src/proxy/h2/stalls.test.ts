import { connect, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from '../deadlines.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { untilAsync } from '../testing/until.ts'
import type { Peer } from '../testing/peer.ts'
import { startFrameApp } from './testing/frame-app.ts'
import { block, frame, uint32, type Frame } from './testing/frames.ts'
import { say, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'
import { flag, frameType } from './wire.ts'

describe('(28) a stream that stands still', () => {
  let answer: (stream: ServerHttp2Stream) => void
  let app: Http2App
  let rig: Rig
  let client: ClientHttp2Session
  beforeEach(async () => {
    answer = say('ok')
    app = await startHttp2App((stream, head) => (head[':path'] === '/other' ? say('other')(stream) : answer(stream)))
    rig = await startRig(app.port, { limits: { bodyTimeoutMs: 300, responseTimeoutMs: 600 } })
    client = await openHttp2(rig.route)
  })
  afterEach(async () => {
    client.destroy()
    await rig.close()
    app.close()
  })

  it('because its client does not take the answer is given up; the other streams of the connection go on', async () => {
    answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(300_000))
    }
    const slow = connect(`http://127.0.0.1:${rig.route}`, { settings: { initialWindowSize: 1000 } })
    slow.on('error', () => undefined)
    const stream = slow.request({ ':path': '/big' })
    stream.on('error', () => undefined)
    // Nobody reads: the window stays closed.
    const closed = new Promise((resolve) => stream.on('close', () => resolve(stream.rstCode)))
    expect((await request(slow, { ':path': '/other' })).body.toString()).toBe('other')
    expect(await closed).toBe(8)
    expect((await request(slow, { ':path': '/other' })).body.toString()).toBe('other')
    await untilAsync('nothing under way', async () => (await rig.stats()).requestsInFlight === 0)
    expect((await rig.stats()).clientAborted).toBe(1)
    slow.destroy()
  })

  it('because its body does not come is answered 408', async () => {
    const stream = client.request({ ':method': 'POST', ':path': '/body' })
    const answered = answerOf(stream)
    answer = () => undefined
    stream.write('some')
    expect(await answered).toMatchObject({ status: 408 })
    expect((await request(client, { ':path': '/other' })).body.toString()).toBe('other')
  })

  it('because its app does not take the body is waited for', async () => {
    answer = (stream) => {
      stream.pause()
      setTimeout(() => {
        stream.resume()
        say('at last')(stream)
      }, 2000)
    }
    const rigged = await startRig(app.port, { limits: { bodyTimeoutMs: 1000, responseTimeoutMs: 60_000 } })
    const patient = await openHttp2(rigged.route)
    expect((await request(patient, { ':method': 'POST', ':path': '/body' }, Buffer.alloc(2_000_000))).body.toString()).toBe('at last')
    patient.destroy()
    await rigged.close()
  })

  it('is left alone where it is a call: its caller may be silent', async () => {
    answer = (stream) => {
      stream.resume()
      stream.on('end', () => {
        if (!stream.destroyed) stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true })
      })
    }
    const stream = client.request(grpcHead())
    const answered = answerOf(stream)
    stream.write('some')
    // A stream of another kind, begun after it, is over before.
    const other = client.request({ ':method': 'POST', ':path': '/body' })
    const late = answerOf(other)
    other.write('some')
    expect((await late).status).toBe(408)
    stream.end('more')
    expect((await answered).headers).toMatchObject({ 'grpc-status': '0' })
  })

  it('nearly, because its body drips, is answered 408 where a rate is asked for', async () => {
    const strict = await startRig(app.port, { limits: { minBodyRate: 1000 } })
    const dripping = await openHttp2(strict.route)
    answer = (taker) => void taker.resume()
    const stream = dripping.request({ ':method': 'POST', ':path': '/body' })
    const answered = answerOf(stream)
    const drip = setInterval(() => !stream.closed && stream.write('x'), 50)
    expect(await answered).toMatchObject({ status: 408 })
    clearInterval(drip)
    dripping.destroy()
    await strict.close()
  })

  it('because its client does not take the answer leaves nothing behind that other streams would have to make up for', async () => {
    answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(60_000))
    }
    for (let round = 0; round < 2; round += 1) {
      const stuck = connect(`http://127.0.0.1:${rig.route}`, { settings: { initialWindowSize: 0 } })
      stuck.on('error', () => undefined)
      await Promise.all(Array.from({ length: 200 }, () => answerOf(stuck.request({ ':path': '/stuck' }))))
      stuck.destroy()
    }
    answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(300_000))
    }
    const slow = connect(`http://127.0.0.1:${rig.route}`, { settings: { initialWindowSize: 1000 } })
    slow.on('error', () => undefined)
    expect((await request(slow, { ':path': '/big' })).body.length).toBe(300_000)
    slow.destroy()
  })

  it('because the rest of its request does not come, though it is answered, ends; the app hears of it', async () => {
    const sparse = await startFrameApp({ onFrames: answerHeads })
    const rigged = await startRig(sparse.port, { limits: { bodyTimeoutMs: 300 } })
    const asking = await openHttp2(rigged.route)
    const stream = asking.request({ ':method': 'POST', ':path': '/body' })
    const answered = answerOf(stream)
    stream.write('some')
    expect(await answered).toMatchObject({ status: 200, code: 0 })
    await sparse.hears('the end', ({ type }) => type === frameType.rstStream)
    asking.destroy()
    await rigged.close()
    sparse.close()
  })

  it('because the app does not take the rest of a request that it has answered ends there', async () => {
    const sparse = await startFrameApp({ settings: frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(1000)])), onFrames: answerHeads })
    const deadlines = new Deadlines()
    const rigged = await startRig(sparse.port, { limits: { bodyTimeoutMs: 300 }, change: { deadlines } })
    const asking = await openHttp2(rigged.route)
    // The app's window is known by the second.
    await request(asking, { ':path': '/' })
    expect((await request(asking, { ':method': 'POST', ':path': '/body' }, Buffer.alloc(50_000))).status).toBe(200)
    // When its connection is looked at again.
    deadlines.now += 10_000
    await sparse.hears('the end', ({ type }) => type === frameType.rstStream)
    asking.destroy()
    await rigged.close()
    sparse.close()
  })

  it('because its app has answered and gone ends as answered', async () => {
    const sparse = await startFrameApp({ onFrames: answerHeads })
    const rigged = await startRig(sparse.port)
    const asking = await openHttp2(rigged.route)
    const stream = asking.request({ ':method': 'POST', ':path': '/body' })
    const answered = answerOf(stream)
    await new Promise((resolve) => stream.once('response', resolve))
    sparse.connections[0]?.socket.destroy()
    expect(await answered).toMatchObject({ status: 200, code: 0 })
    asking.destroy()
    await rigged.close()
    sparse.close()
  })
})

/** Answers at once, and says nothing about the rest of the request. */
const answerHeads = (connection: Peer, frames: readonly Frame[]): void => {
  for (const { type, streamId } of frames) if (type === frameType.headers) connection.socket.write(frame(frameType.headers, flag.endHeaders | flag.endStream, streamId, block([[':status', '200']])))
}

describe('a request that is refused', () => {
  const long = `/${'a'.repeat(9000)}`
  let app: Http2App
  let rig: Rig
  let client: ClientHttp2Session
  beforeEach(async () => {
    app = await startHttp2App((stream) => {
      stream.resume()
      stream.on('end', () => stream.respond({ ':status': 204 }, { endStream: true }))
    })
    rig = await startRig(app.port, { limits: { bodyTimeoutMs: 300 } })
    client = connect(`http://127.0.0.1:${rig.route}`, { settings: { initialWindowSize: 0 } })
    client.on('error', () => undefined)
  })
  afterEach(async () => {
    client.destroy()
    await rig.close()
    app.close()
  })

  it('and whose client does not take the answer is given up', async () => {
    expect(await answerOf(client.request({ ':path': long }, { endStream: true }))).toMatchObject({ status: 414, code: 8 })
  })

  it('costs its connection nothing of its window, whatever body comes with it', async () => {
    const refused = Array.from({ length: 90 }, () => {
      const stream = client.request({ ':method': 'POST', ':path': long })
      stream.on('error', () => undefined)
      stream.write(Buffer.alloc(65_000))
      return stream
    })
    expect(refused).toHaveLength(90)
    expect((await request(client, { ':method': 'POST', ':path': '/' }, Buffer.alloc(2_000_000))).status).toBe(204)
  })

  it('because its app is not there costs nothing of the window either', async () => {
    const alone = await startRig(1)
    const asking = connect(`http://127.0.0.1:${alone.route}`, { settings: { initialWindowSize: 0 } })
    asking.on('error', () => undefined)
    const stream = asking.request({ ':method': 'POST', ':path': '/' })
    stream.on('error', () => undefined)
    await new Promise((resolve) => stream.once('response', resolve))
    await new Promise((resolve) => stream.write(Buffer.alloc(300_000), resolve))
    asking.destroy()
    await alone.close()
  })

  it('is answered without a body where it asks for a head alone', async () => {
    const full = await startRig(app.port, { limits: { maxRequests: 0 } })
    const asking = await openHttp2(full.route)
    expect(await request(asking, { ':method': 'HEAD', ':path': '/' })).toMatchObject({ status: 503, code: 0 })
    asking.destroy()
    await full.close()
  })
})
