import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from '../deadlines.ts'
import type { Peer } from '../testing/peer.ts'
import { startRawServer, type RawServer } from '../testing/raw-server.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { heardFrames } from './testing/heard-frames.ts'
import { sayGrpc, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { answerOf, grpcHead, openHttp2, request } from './testing/http2-client.ts'
import { frameType, preface } from './wire.ts'

const lookMs = 11_000
const frames = (connection: Peer) => heardFrames(connection, preface.length)

describe('a call that a peer of another node serves', () => {
  let deadlines: Deadlines
  let finish: (() => void) | undefined
  let app: Http2App
  let silent: RawServer
  let peer: Rig
  let rig: Rig
  beforeEach(async () => {
    deadlines = new Deadlines()
    finish = undefined
    app = await startHttp2App((stream, head) => {
      finish = () => sayGrpc('0')(stream)
      if (head['x-now'] === 'yes') finish()
    })
    silent = await startRawServer()
    peer = await startRig(app.port, { table: { self: 'canary' } })
    rig = await startRig(app.port, { change: { deadlines } })
  })
  afterEach(async () => {
    await rig.close()
    await peer.close()
    silent.close()
    app.close()
  })
  const toCanary = (port: number) => rig.setTable({ canaryWeightPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port }] } })
  /** So long that every deadline was looked at, and what it caused is over. */
  const pass = async (ms: number): Promise<void> => {
    deadlines.now += ms
    const from = deadlines.now
    await until('some sweeps', () => deadlines.now > from + 500)
  }

  it('ends when that node has died: asked once, it says nothing', async () => {
    await toCanary(silent.port)
    const client = await openHttp2(rig.route)
    const call = request(client, grpcHead(), Buffer.from('hello'))
    const connection = await silent.connection(0)
    const pings = () => frames(connection).filter(({ type }) => type === frameType.ping).length
    await connection.hears('hello')
    await pass(lookMs)
    await pass(lookMs)
    expect(pings()).toBe(1)
    await pass(lookMs)
    // UNAVAILABLE
    expect((await call).headers['grpc-status']).toBe('14')
    expect(await rig.count('canary', 'weight', 'reset')).toBe(1)
    client.destroy()
  })

  it('goes on for as long as it likes while the peer answers', async () => {
    await toCanary(peer.direct)
    const client = await openHttp2(rig.route)
    const answer = answerOf(client.request(grpcHead(), { endStream: true }))
    await until('the call', () => finish !== undefined)
    for (let looks = 0; looks < 6; looks += 1) await pass(lookMs)
    finish?.()
    expect((await answer).trailers['grpc-status']).toBe('0')
    expect((await request(client, grpcHead({ 'x-now': 'yes' }))).trailers['grpc-status']).toBe('0')
    expect(await rig.count('canary', 'weight', '2xx')).toBe(2)
    client.destroy()
  })

  it('is not asked about where it is the app next door’s', async () => {
    const own = await startRig(silent.port, { change: { deadlines } })
    const client = await openHttp2(own.route)
    const stream = client.request(grpcHead(), { endStream: true })
    stream.on('error', () => undefined)
    const connection = await silent.connection(0)
    await until('the call', () => frames(connection).some(({ type }) => type === frameType.headers))
    for (let looks = 0; looks < 4; looks += 1) await pass(lookMs)
    expect(connection.isClosed || connection.hasEnded).toBe(false)
    client.destroy()
    await own.close()
  })
})
