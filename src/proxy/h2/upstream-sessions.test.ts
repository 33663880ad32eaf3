import type { ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from '../deadlines.ts'
import { defaultLimits } from '../settings.ts'
import { startRig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { UpstreamPool } from '../upstream-pool.ts'
import { field } from './hpack/field.ts'
import type { Session } from './session.ts'
import { startFrameApp, type FrameApp } from './testing/frame-app.ts'
import { block, frame, uint32 } from './testing/frames.ts'
import { say, startHttp2App } from './testing/http2-app.ts'
import { openHttp2, request } from './testing/http2-client.ts'
import { sessionsOf } from './upstream-sessions.ts'
import { errorCode, flag, frameType } from './wire.ts'

const ok = (id: number): Buffer => frame(frameType.headers, flag.endHeaders | flag.endStream, id, block([[':status', '200']]))
const isHead = ({ type }: { readonly type: number }): boolean => type === frameType.headers
const maxStreams = (count: number): Buffer => frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(count)]))

/** Sends a request on the session that it gets, and says which that is. */
class Taker {
  session: Session | undefined
  isReused: boolean | undefined
  isRefused = false
  onSession(session: Session, isReused: boolean): void {
    this.session = session
    this.isReused = isReused
    session.open().sendHeaders([field(':method', 'GET'), field(':scheme', 'http'), field(':path', '/'), field(':authority', 'app')], true)
  }
  onNoSession(): void {
    this.isRefused = true
  }
}

describe('a connection to an endpoint', () => {
  let app: FrameApp
  let deadlines: Deadlines
  let pool: UpstreamPool
  beforeEach(async () => {
    app = await startFrameApp()
    deadlines = new Deadlines()
    deadlines.start()
    pool = new UpstreamPool('127.0.0.1', app.port, { limits: defaultLimits, deadlines, isPeer: true })
  })
  afterEach(() => {
    pool.destroyAll()
    deadlines.stop()
    app.close()
  })

  it('that opens while its endpoint leaves the table serves those who wait for it, and then closes', async () => {
    const taker = new Taker()
    sessionsOf(pool).take(taker, false)
    pool.retire()
    await until('the session', () => taker.session !== undefined || taker.isRefused)
    expect(taker.isRefused).toBe(false)
    await app.hears('the request', isHead)
    app.say([ok(1)])
    await until('the close', () => app.connections[0]?.hasEnded === true)
  })

  it('is not for those who have given up before it was open', async () => {
    const [gone, there] = [new Taker(), new Taker()]
    sessionsOf(pool).take(gone, false)
    sessionsOf(pool).take(there, false)
    sessionsOf(pool).forget(gone)
    await until('the session', () => there.session !== undefined)
    expect(gone.session).toBeUndefined()
    expect(app.connections).toHaveLength(1)
  })

  it('that is asked for anew is shared with others who ask for a new one while it opens', async () => {
    const first = new Taker()
    sessionsOf(pool).take(first, false)
    await until('the session', () => first.session !== undefined)
    const anew = [new Taker(), new Taker(), new Taker()]
    for (const taker of anew) sessionsOf(pool).take(taker, true)
    await until('the sessions', () => anew.every(({ session }) => session !== undefined))
    expect(new Set(anew.map(({ session }) => session)).size).toBe(1)
    expect(anew.map(({ isReused }) => isReused)).toEqual([false, false, false])
    expect(anew[0]?.session).not.toBe(first.session)
  })
})

describe('an app', () => {
  it('that takes no streams is not left with a connection for each that was tried', async () => {
    const app = await startFrameApp({
      settings: maxStreams(0),
      onFrames: (connection, frames) => {
        for (const { type, streamId } of frames) if (type === frameType.headers) connection.socket.write(frame(frameType.rstStream, 0, streamId, uint32(errorCode.refusedStream)))
      },
    })
    const rig = await startRig(app.port)
    const client = await openHttp2(rig.route)
    for (let count = 0; count < 10; count += 1) expect((await request(client, { ':path': '/' })).code).toBe(errorCode.refusedStream)
    await until('the connections to end', () => app.connections.filter(({ hasEnded, isClosed }) => !hasEnded && !isClosed).length <= 1)
    client.destroy()
    await rig.close()
    app.close()
  })

  it('that takes few streams on a connection is not asked for more on the next one', async () => {
    const app = await startFrameApp({
      settings: maxStreams(2),
      onFrames: (connection, frames) => {
        const open = new Set<number>()
        for (const { type, streamId } of frames) {
          if (type !== frameType.headers) continue
          open.add(streamId)
          connection.socket.write(open.size > 2 ? frame(frameType.rstStream, 0, streamId, uint32(errorCode.refusedStream)) : ok(streamId))
        }
      },
    })
    const rig = await startRig(app.port)
    const client = await openHttp2(rig.route)
    const answers = await Promise.all(Array.from({ length: 9 }, () => request(client, { ':path': '/' })))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    client.destroy()
    await rig.close()
    app.close()
  })

  it('that says GOAWAY gets the streams that it has not seen on one new connection, not on one each', async () => {
    const held: ServerHttp2Stream[] = []
    const app = await startHttp2App((stream) => void (held.length < 30 ? held.push(stream) : say('served')(stream)))
    const rig = await startRig(app.port)
    const client = await openHttp2(rig.route)
    const answers = Array.from({ length: 30 }, () => request(client, { ':path': '/' }))
    await until('the streams', () => held.length === 30)
    app.sessions[0]?.goaway(0, 1)
    const bodies = (await Promise.all(answers.slice(1))).map(({ body }) => body.toString())
    expect(new Set(bodies)).toEqual(new Set(['served']))
    expect(app.sessions.length).toBeLessThanOrEqual(3)
    client.destroy()
    await rig.close()
    app.close()
  })

  it('may answer streams that were cancelled, however many: the others of the connection go on', async () => {
    const app = await startFrameApp()
    const rig = await startRig(app.port)
    const clients = [await openHttp2(rig.route), await openHttp2(rig.route)]
    // The connection is there before, or the first of them would get several.
    const first = clients[0] && request(clients[0], { ':path': '/' })
    await app.hears('the first', isHead)
    app.say([ok(1)])
    await first
    for (const client of clients) for (let count = 0; count < 600; count += 1) client.request({ ':path': '/' }).on('error', () => undefined)
    await until('the requests', () => app.heard().filter(isHead).length === 1201, () => app.heard().length)
    for (const client of clients) client.destroy()
    await until('the cancellations', () => app.heard().filter(({ type }) => type === frameType.rstStream).length === 1200)
    const other = await openHttp2(rig.route)
    const answered = request(other, { ':path': '/other' })
    await until('the other', () => app.heard().filter(isHead).length === 1202)
    app.say([ok(3), frame(frameType.data, flag.endStream, 5, Buffer.from('late')), ok(2403)])
    expect((await answered).status).toBe(200)
    other.destroy()
    await rig.close()
    app.close()
  })
})
