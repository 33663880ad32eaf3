import { connect, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRig, type Rig } from '../testing/rig.ts'
import { untilAsync } from '../testing/until.ts'
import { say, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'

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
})
