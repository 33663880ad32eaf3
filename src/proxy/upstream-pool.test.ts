import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Deadlines } from './deadlines.ts'
import { defaultLimits } from './settings.ts'
import { get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import { post, startBesideSilentApp, type SilentApp } from './testing/silent-app.ts'
import { startDeafServer } from './testing/deaf-server.ts'
import { until } from './testing/until.ts'
import { UpstreamPool, type UpstreamUser } from './upstream-pool.ts'

/** Somebody who only notes what happens. */
function user(): UpstreamUser & { readonly heard: string[] } {
  const heard: string[] = []
  const note = (what: string) => () => void heard.push(what)
  return { heard, onUpstreamOpen: note('open'), onUpstreamData: note('data'), onUpstreamDrain: note('drain'), onUpstreamEnd: note('end'), onUpstreamClosed: note('closed'), onUpstreamTimeout: note('timeout') }
}

let scene: SilentApp

describe('connections to the app', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ upstreamIdleMs: 60_000 })
  })
  afterEach(() => scene.stop())

  const exchange = async (client: Awaited<ReturnType<typeof openClient>>, index: number, path: string, answer = respond(path)) => {
    client.send(get(path))
    const upstream = await scene.app.connection(index)
    await upstream.hears(`GET ${path} `)
    upstream.send(answer)
    return client.response()
  }

  it('serve one request after the other', async () => {
    const client = await openClient(scene.rig.route)
    for (const path of ['/1', '/2', '/3']) expect((await exchange(client, 0, path)).body).toBe(path)
    expect(scene.app.connections).toHaveLength(1)
  })

  it('are shared by clients, the one used last first', async () => {
    const [a, b] = [await openClient(scene.rig.route), await openClient(scene.rig.route)]
    a.send(get('/a'))
    await (await scene.app.connection(0)).hears('/a')
    b.send(get('/b'))
    await (await scene.app.connection(1)).hears('/b')
    scene.app.connections[0]?.send(respond('a'))
    await a.response()
    scene.app.connections[1]?.send(respond('b'))
    await b.response()
    expect((await exchange(a, 1, '/last')).body).toBe('/last')
  })

  it('(12) are not used again after bytes that nobody asked for', async () => {
    const client = await openClient(scene.rig.route)
    expect((await exchange(client, 0, '/1', `${respond('/1')}${respond('poison')}`)).body).toBe('/1')
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
    await scene.app.connections[0]?.closes()
  })

  it('(12) are destroyed when they speak while idle', async () => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1')
    scene.app.connections[0]?.send(respond('poison'))
    await scene.app.connections[0]?.closes()
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
  })

  it.each(['Connection: close', 'Keep-Alive: timeout=1'])('(30) are not used again after %s', async (line) => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1', respond('/1', '200 OK', line))
    await scene.app.connections[0]?.closes()
    expect((await exchange(client, 1, '/2')).body).toBe('/2')
  })

  const closeOnSecond = async (request: string) => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1')
    client.send(request)
    await scene.app.connections[0]?.hears('/second')
    scene.app.connections[0]?.socket.destroy()
    return client
  }

  it('(26) that die under a repeatable request are replaced, and nobody notices', async () => {
    const client = await closeOnSecond(get('/second'))
    const upstream = await scene.app.connection(1)
    await upstream.hears('/second')
    upstream.send(respond('again'))
    expect((await client.response()).body).toBe('again')
    expect(await scene.track()).toEqual({ '2xx': 2 })
  })

  it('(26) that die under a repeatable request with a body are replaced with it', async () => {
    const client = await closeOnSecond('PUT /second HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')
    const upstream = await scene.app.connection(1)
    await upstream.hears('\r\n\r\nabc')
    upstream.send(respond('again'))
    expect((await client.response()).body).toBe('again')
  })

  it('(26) that die under a POST are not: it may have been carried out', async () => {
    const client = await closeOnSecond('POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    expect((await client.response()).status).toBe(502)
    expect(scene.app.connections).toHaveLength(1)
  })

  // What the client sends is read before the reset is, so that the write meets it.
  const resetUnder = async (client: Awaited<ReturnType<typeof openClient>>, bytes: string) => {
    await turn()
    client.send(bytes)
    scene.app.connections[0]?.socket.resetAndDestroy()
  }

  it('(26) whose reset a POST meets are replaced: the kernel has taken nothing of it', async () => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1')
    await resetUnder(client, post(0))
    const upstream = await scene.app.connection(1)
    await upstream.hears('POST /x ')
    upstream.send(respond('once'))
    expect((await client.response()).body).toBe('once')
  })

  it('(26) whose reset a POST meets with its body are not: a write that may be long may have been taken in part', async () => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1')
    await resetUnder(client, `${post(3)}abc`)
    expect((await client.response()).status).toBe(502)
    expect(scene.app.connections).toHaveLength(1)
  })

  it.each([
    ['its body', post(3), 'abc'],
    ['the end of its empty body', 'POST /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n', '0\r\n\r\n'],
  ])('(26) whose reset meets what follows a POST, %s, are not: its head was taken, and may have been carried out', async (_what, head, rest) => {
    const client = await openClient(scene.rig.route)
    await exchange(client, 0, '/1')
    client.send(head)
    await scene.app.connections[0]?.hears('POST /x ')
    await resetUnder(client, rest)
    expect((await client.response()).status).toBe(502)
    expect(scene.app.connections).toHaveLength(1)
  })
})

describe('(30) an idle limit', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ upstreamIdleMs: 100 })
  })
  afterEach(() => scene.stop())

  it('closes connections to the app before the app does', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/1'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('/1')
    upstream.send(respond('1'))
    await client.response()
    await upstream.closes()
  })
})

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

  it('is none while its server has not taken all of the last request: the next would wait behind that', async () => {
    const deaf = await startRawServer((server) => void server.socket.pause())
    const pool = new UpstreamPool('127.0.0.1', deaf.port, { limits: defaultLimits, deadlines: new Deadlines(), isPeer: false })
    const first = user()
    const connection = pool.take(first, false)
    await until('the connection', () => first.heard.includes('open'))
    connection.socket.write(Buffer.alloc(20_000_000))
    pool.release(connection, true, undefined)
    expect(pool.take(user(), false)).not.toBe(connection)
    pool.destroyAll()
    deaf.close()
  })

  it('(30) is closed a second before its server does it, by the server’s own word', async () => {
    const deadlines = new Deadlines()
    const pool = new UpstreamPool('127.0.0.1', app.port, { limits: defaultLimits, deadlines, isPeer: false })
    const first = user()
    const connection = pool.take(first, false)
    await until('the connection', () => first.heard.includes('open'))
    pool.release(connection, true, 3000)
    expect(connection.deadline).toBe(deadlines.after(2000))
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
    app.close()
  })
})
