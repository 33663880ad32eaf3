import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { get, openClient } from './testing/raw-client.ts'
import { respond } from './testing/raw-server.ts'
import { post, startBesideSilentApp, type SilentApp } from './testing/silent-app.ts'

let scene: SilentApp

describe('(31) a client that gives up', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp()
  })
  afterEach(() => scene.stop())

  it('before the response: the app’s connection closes, and no track is charged', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.destroy()
    await upstream.closes()
    await scene.aborts(1)
    expect(await scene.track()).toEqual({})
  })

  it('by a reset', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await scene.aborts(1)
  })

  it('in the middle of the response', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc')
    await client.hears('abc')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await scene.aborts(1)
    expect(await scene.track()).toEqual({})
  })

  it('with another request already waiting', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/') + get('/next'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    client.socket.resetAndDestroy()
    await upstream.closes()
    await scene.aborts(1)
  })

  it('in the middle of its body', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${post(100)}abc`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('abc')
    client.socket.end()
    await upstream.closes()
    await scene.aborts(1)
  })
})

describe('(17) a client that only closes its side', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp()
  })
  afterEach(() => scene.stop())

  it.each([
    ['HTTP/1.1', get('/')],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ])('gets its answer in %s, at once or late', async (_version, request) => {
    for (const [index, delayMs] of [0, 130].entries()) {
      const client = await openClient(scene.rig.route)
      client.socket.end(request)
      const upstream = await scene.app.connection(index)
      await upstream.hears('\r\n\r\n')
      setTimeout(() => upstream.send(respond('late', '200 OK', 'Connection: close')), delayMs)
      const response = await client.response()
      expect([response.status, response.body]).toEqual([200, 'late'])
      await client.closes()
      await upstream.closes()
    }
    expect((await scene.rig.stats()).clientAborted).toBe(0)
  })
})

describe('(17) a client that closes its side during the response', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ halfClosedMs: 800 })
  })
  afterEach(() => scene.stop())

  const begin = async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
    await client.hears('1\r\na')
    client.socket.end()
    return { client, upstream }
  }

  it('gets the rest while it comes', async () => {
    const { client, upstream } = await begin()
    // Longer than the limit in all, shorter between two pieces.
    for (let round = 0; round < 4; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      upstream.send('1\r\nb\r\n')
    }
    upstream.send('0\r\n\r\n')
    expect(await client.hears('0\r\n\r\n')).toContain('1\r\nb\r\n'.repeat(4))
    expect(await scene.track()).toEqual({ '2xx': 1 })
  })

  it('is given up when nothing comes', async () => {
    const { upstream } = await begin()
    await upstream.closes()
    await scene.aborts(1)
  })
})

describe('a client that reads slowly', () => {
  beforeEach(async () => {
    scene = await startBesideSilentApp({ lingerMs: 100 })
  })
  afterEach(() => scene.stop())

  it('gets all of its last response, though the connection ends with it', async () => {
    const client = await openClient(scene.rig.route)
    client.socket.pause()
    client.send(get('/', 'Connection: close'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('\r\n\r\n')
    const body = 'x'.repeat(8_000_000)
    upstream.send(respond(body))
    await new Promise((resolve) => setTimeout(resolve, 600))
    client.socket.resume()
    expect((await client.response()).body.length).toBe(body.length)
  })
})
