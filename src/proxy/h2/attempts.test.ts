import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RoutePolicy } from '../../api/routing.ts'
import { Deadlines } from '../deadlines.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'

const retries = (change: Partial<NonNullable<RoutePolicy['retries']>>): RoutePolicy => ({ match: [], retries: { attempts: 1, retryOn: ['5xx'], statuses: [], ...change } })

describe('an attempt', () => {
  let answer: (stream: ServerHttp2Stream) => void
  let deadlines: Deadlines
  let app: Http2App
  let rig: Rig
  let client: ClientHttp2Session
  beforeEach(async () => {
    answer = () => undefined
    deadlines = new Deadlines()
    app = await startHttp2App((stream) => answer(stream))
    rig = await startRig(app.port, { limits: { responseTimeoutMs: 200 }, change: { deadlines } })
    client = await openHttp2(rig.route)
  })
  afterEach(async () => {
    vi.useRealTimers()
    client.destroy()
    await rig.close()
    app.close()
  })
  /** So long that every deadline was looked at. */
  const pass = async (ms: number): Promise<void> => {
    deadlines.now += ms
    const from = deadlines.now
    await until('some sweeps', () => deadlines.now > from + 300)
  }

  it('after one that was not answered in time has its own time', async () => {
    await rig.setTable({ policy: retries({}) })
    expect((await request(client, { ':path': '/' })).status).toBe(504)
    expect(app.heads).toHaveLength(2)
    expect(await rig.count('primary', 'weight', 'timeout')).toBe(2)
  })

  it('is not made when the caller’s own time is over', async () => {
    await rig.setTable({ policy: retries({}) })
    expect((await request(client, grpcHead({ 'grpc-timeout': '1m' }))).headers['grpc-status']).toBe('4')
    expect(app.heads).toHaveLength(1)
  })

  it('is not over while the next one is waited for', async () => {
    await rig.setTable({ policy: retries({ perTryTimeoutMs: 1000 }) })
    answer = (stream) => stream.respond({ ':status': app.heads.length === 1 ? 503 : 200 }, { endStream: true })
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const answered = request(client, { ':path': '/' })
    await until('the failure', () => app.heads.length === 1 && vi.getTimerCount() > 0)
    await pass(10_000)
    vi.advanceTimersByTime(1000)
    expect((await answered).status).toBe(200)
    vi.useRealTimers()
    expect(app.heads).toHaveLength(2)
    expect(await rig.count('primary', 'weight', 'timeout')).toBe(0)
  })

  it('has its time until the answer begins, also where the caller has a deadline', async () => {
    await rig.setTable({ policy: retries({ perTryTimeoutMs: 1000 }) })
    let finish: () => void = () => undefined
    answer = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      finish = () => stream.end('late')
    }
    const stream = client.request(grpcHead({ 'grpc-timeout': '1H' }), { endStream: true })
    const answered = answerOf(stream)
    await new Promise((resolve) => stream.once('response', resolve))
    await pass(10_000)
    finish()
    expect((await answered).trailers['grpc-status']).toBe('0')
  })
})
