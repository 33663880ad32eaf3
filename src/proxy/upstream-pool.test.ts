import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from './deadlines.ts'
import { defaultLimits } from './settings.ts'
import { get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import { startDeafServer } from './testing/deaf-server.ts'
import { until } from './testing/until.ts'
import { UpstreamPool, type UpstreamUser } from './upstream-pool.ts'

/** Somebody who only notes what happens. */
function user(): UpstreamUser & { readonly heard: string[] } {
  const heard: string[] = []
  const note = (what: string) => () => void heard.push(what)
  return { heard, onUpstreamOpen: note('open'), onUpstreamData: note('data'), onUpstreamDrain: note('drain'), onUpstreamEnd: note('end'), onUpstreamClosed: note('closed'), onUpstreamTimeout: note('timeout') }
}

describe('an idle connection', () => {
  let app: RawServer
  beforeEach(async () => {
    app = await startRawServer(answering((head) => respond(head.split(' ')[1] ?? '')))
  })
  afterEach(() => app.close())

  it('that the server has reset is not used from that moment on, though it closes a little later', async () => {
    const deadlines = new Deadlines()
    const pool = new UpstreamPool('127.0.0.1', app.port, { limits: { ...defaultLimits, upstreamIdleMs: 60_000 }, deadlines, isPeer: false })
    const first = user()
    const connection = pool.take(first, false)
    await until('the connection', () => first.heard.includes('open'))
    pool.release(connection, true, undefined)
    let next: ReturnType<UpstreamPool['take']> | undefined
    // Where the request of a client is read in the same turn of the loop.
    connection.socket.once('error', () => (next = pool.take(user(), false)))
    ;(await app.connection(0)).socket.resetAndDestroy()
    await until('another one', () => next !== undefined)
    expect(next).not.toBe(connection)
    pool.destroyAll()
  })

  it('is not used after a standstill of this process that was longer than the server keeps it', async () => {
    let skewMs = 0
    const deadlines = new Deadlines(() => performance.now() + skewMs)
    const rig = await startRig(app.port, { change: { deadlines }, limits: { idleTimeoutMs: 600_000 } })
    const client = await openClient(rig.route)
    client.send(get('/before'))
    expect((await client.response()).body).toBe('/before')
    client.send(get('/used-again'))
    expect((await client.response()).body).toBe('/used-again')
    expect(app.connections).toHaveLength(1)
    const before = deadlines.now
    skewMs += 60_000
    await until('a sweep', () => deadlines.now > before + 150)
    client.send(get('/after'))
    expect((await client.response()).body).toBe('/after')
    expect(app.connections).toHaveLength(2)
    client.socket.destroy()
    await rig.close()
  })
})

describe('an app that is slow to accept', () => {
  it('is waited for as long as a client without a sidecar would wait: longer than the kernel takes to ask again', async () => {
    const app = await startDeafServer()
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.send(get('/'))
    // The kernel asks again after a second, and again.
    setTimeout(() => app.hear(), 1500)
    const { status } = await client.response()
    expect(status).toBe(200)
    client.socket.destroy()
    await rig.close()
    await app.close()
  })
})
