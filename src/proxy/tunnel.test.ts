import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { standstill } from './testing/flood.ts'
import { get, openClient } from './testing/raw-client.ts'
import { respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

const handshake = get('/ws', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13')
const switched = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

describe('(24) WebSockets', () => {
  it('echo through the proxy: text, binary, large, close code; two hops included', async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ server, perMessageDeflate: false })
    sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const canary = await startRig((server.address() as AddressInfo).port, { table: { self: 'canary' } })
    const primary = await startRig(1, { table: { canaryWeightPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] } } })
    for (const port of [canary.direct, primary.route]) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/x`, { perMessageDeflate: false })
      const echoed: Buffer[] = []
      let code = 0
      socket.on('message', (data: Buffer) => echoed.push(data))
      socket.on('close', (closeCode) => {
        code = closeCode
      })
      await new Promise((resolve, reject) => {
        socket.once('open', resolve)
        socket.once('error', reject)
      })
      const large = Buffer.alloc(3_000_000, 7)
      socket.send('hello')
      socket.send(large)
      await until('both echoes', () => echoed.length === 2)
      expect(echoed[0]?.toString()).toBe('hello')
      expect(echoed[1]?.equals(large)).toBe(true)
      socket.close(4001)
      await until('the close', () => code !== 0)
      expect(code).toBe(4001)
    }
    expect(await primary.count('canary', 'weight', '1xx')).toBe(1)
    await expect.poll(async () => (await primary.stats()).openTunnels).toBe(0)
    await primary.close()
    await canary.close()
    sockets.close()
    server.close()
  })
})

describe('(24) a WebSocket of the ws library', () => {
  const open = (port: number): WebSocket => new WebSocket(`ws://127.0.0.1:${port}/x`, { perMessageDeflate: false })

  it('is refused as the app refuses it, pinged, counted, and cut at the end of a drain', async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    server.on('upgrade', (request, socket, head) => {
      if (request.headers['x-no'] === undefined) sockets.handleUpgrade(request, socket, head, () => undefined)
      else socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const rig = await startRig((server.address() as AddressInfo).port, { change: { drain: { minMs: 0, quietMs: 0, deadlineMs: 500 } } })
    const refused = new WebSocket(`ws://127.0.0.1:${rig.route}/x`, { headers: { 'x-no': '1' } })
    const status = await new Promise((resolve) => {
      refused.on('error', () => undefined)
      refused.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    })
    expect(status).toBe(403)
    const socket = open(rig.route)
    let pongs = 0
    let isClosed = false
    socket.on('pong', () => (pongs += 1))
    socket.on('error', () => undefined)
    socket.on('close', () => (isClosed = true))
    await new Promise((resolve) => void socket.once('open', resolve))
    socket.ping()
    await until('the pong', () => pongs === 1)
    expect((await rig.stats()).openTunnels).toBe(1)
    expect(await rig.count('primary', 'weight', '1xx')).toBe(1)
    expect(await rig.count('primary', 'weight', '4xx')).toBe(1)
    await rig.proxy.drain()
    await until('the cut', () => isClosed)
    sockets.close()
    server.close()
    server.closeAllConnections()
  })
})

describe('(24) a WebSocket whose one side does not read', () => {
  /** 100 frames of 1 MB: far more than the kernel's buffers of all connections on the way. */
  const frames = 100
  const frame = Buffer.alloc(1_000_000, 'x')

  /** Sends each frame once the one before has left; how many have. */
  function flood(socket: WebSocket): () => number {
    let sent = 0
    const next = (): void => {
      if (sent < frames && socket.readyState === WebSocket.OPEN) {
        socket.send(frame, () => {
          sent += 1
          next()
        })
      }
    }
    next()
    return () => sent
  }

  it.each(['the client', 'the app'])('stops the other where it is %s, and loses nothing', async (slow) => {
    const server = createServer()
    const sockets = new WebSocketServer({ server, perMessageDeflate: false })
    const connected = new Promise<WebSocket>((resolve) => void sockets.once('connection', resolve))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const canary = await startRig((server.address() as AddressInfo).port, { table: { self: 'canary' } })
    const primary = await startRig(1, { table: { canaryWeightPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] } } })
    const client = new WebSocket(`ws://127.0.0.1:${primary.route}/x`, { perMessageDeflate: false })
    await new Promise((resolve) => void client.once('open', resolve))
    const app = await connected
    const [sender, receiver] = slow === 'the client' ? [app, client] : [client, app]
    let received = 0
    let wrong = 0
    receiver.on('message', (data: Buffer) => {
      received += 1
      if (!data.equals(frame)) wrong += 1
    })
    receiver.pause()
    const sent = flood(sender)
    // What has left and was not read is in buffers: the kernel's, and what the two sidecars hold beside them.
    expect(await standstill(sent)).toBeLessThan(frames)
    receiver.resume()
    await until('all frames', () => received === frames, () => received, 20_000)
    expect(wrong).toBe(0)
    client.terminate()
    await primary.close()
    await canary.close()
    sockets.close()
    server.close()
  })
})

describe('an answer that is never over', () => {
  it('is not cut by any time-out, however long nothing is said', async () => {
    const app = await startRawServer()
    const rig = await startRig(app.port, { limits: { responseTimeoutMs: 200, bodyTimeoutMs: 200, idleTimeoutMs: 200, headTimeoutMs: 200, upstreamIdleMs: 200, lingerMs: 100 } })
    const client = await openClient(rig.route)
    client.send(get('/events', 'Accept: text/event-stream'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
    await client.hears('data: 1')
    // Each of these connections, begun after the event, dies of the same time-outs.
    for (let round = 0; round < 2; round += 1) await (await openClient(rig.route)).hearsEnd()
    upstream.send('9\r\ndata: 2\n\n\r\n')
    await client.hears('data: 2')
    client.socket.destroy()
    await upstream.closes()
    await rig.close()
    app.close()
  })
})

describe('(24) a tunnel', () => {
  let app: RawServer
  let rig: Rig
  beforeEach(async () => {
    app = await startRawServer()
    rig = await startRig(app.port, { limits: { tunnelIdleMs: 400 } })
  })
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  const open = async () => {
    const client = await openClient(rig.route)
    client.send(`${handshake}early`)
    const upstream = await app.connection(0)
    expect(await upstream.hears('\r\n\r\n')).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n')
    upstream.send(`${switched}first`)
    expect(await client.hears('\r\n\r\nfirst')).toContain('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
    await upstream.hears('\r\n\r\nearly')
    return { client, upstream }
  }

  it('passes half-closes on', async () => {
    const { client, upstream } = await open()
    client.socket.end('last')
    await upstream.hears('last')
    await upstream.hearsEnd()
    upstream.send('still')
    await client.hears('still')
    upstream.socket.end()
    await client.closes()
    await upstream.closes()
  })

  it('begins with a whole 101 for a client that has closed its side meanwhile, which the app hears', async () => {
    const client = await openClient(rig.route)
    client.socket.end(handshake)
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    // Half of the question whether the client is still there; the other half is due while the app switches.
    await client.hears('HTTP/1.1 100 Continue\r\n')
    upstream.send(switched)
    await upstream.hearsEnd()
    upstream.socket.end('last')
    expect(await client.hearsEnd()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\n\r\nlast$/)
  })

  it('passes resets on, both ways', async () => {
    const one = await open()
    one.client.socket.resetAndDestroy()
    await one.upstream.closes()
    expect(one.upstream.wasReset).toBe(true)
    const client = await openClient(rig.route)
    client.send(handshake)
    const upstream = await app.connection(1)
    await upstream.hears('\r\n\r\n')
    upstream.send(switched)
    await client.hears('101')
    upstream.socket.resetAndDestroy()
    await client.closes()
    expect(client.wasReset).toBe(true)
  })

  it('ends when nothing is said for too long', async () => {
    const { client, upstream } = await open()
    await client.closes()
    await upstream.closes()
  })

  it('survives a change of the table', async () => {
    const { client, upstream } = await open()
    await rig.setTable({ canaryWeightPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: 1 }] } })
    client.send('after')
    await upstream.hears('after')
  })

  it.each(['Upgrade: h2c\r\nConnection: Upgrade', 'Upgrade: websocket', 'Connection: Upgrade'])('is not opened by a 101 that does not say so: %j', async (lines) => {
    const client = await openClient(rig.route)
    client.send(handshake)
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n\r\n`)
    expect((await client.response()).status).toBe(502)
    await upstream.closes()
    client.socket.destroy()
  })

  it('is not opened by another answer', async () => {
    const client = await openClient(rig.route)
    client.send(handshake)
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(respond('no', '403 Forbidden'))
    expect((await client.response()).status).toBe(403)
    client.send(get('/next'))
    await upstream.hears('/next')
    upstream.send(respond('next'))
    expect((await client.response()).body).toBe('next')
  })

  it.each([
    ['TLS', '\x16\x03\x01\x00\x05hello'],
  ])('is what %s gets, to the app next door, however it is cut', async (_protocol, bytes) => {
    for (const [index, cut] of [1, Math.floor(bytes.length / 2), bytes.length].entries()) {
      const client = await openClient(rig.route)
      client.send(bytes.slice(0, cut))
      client.socket.setNoDelay(true)
      setTimeout(() => client.send(`${bytes.slice(cut)}more`), 20)
      const upstream = await app.connection(index)
      expect(await upstream.hears('more')).toBe(`${bytes}more`)
      upstream.send('answer')
      await client.hears('answer')
      client.socket.destroy()
      await upstream.closes()
    }
  })

  it('is not what comes after a request: TLS begins a connection', async () => {
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
    client.send('\x16\x03\x01\x00\x05hello\r\n\r\n')
    expect((await client.response()).status).toBe(400)
    expect(app.connections.length).toBe(1)
    client.socket.destroy()
  })

  it.each([
    ['after an empty line', '\r\n\x16\x03\x01\x00\x05hello\r\n\r\n'],
    ['after an empty line, cut in between', '\r\n', '\x16\x03\x01\x00\x05hello\r\n\r\n'],
    ['with a byte of it alone', '\x16\nGET /hidden HTTP/1.1\r\nHost: app\r\n\r\n'],
    ['HTTP/2 after an empty line', '\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('is not what comes %s: nobody shall hand the app bytes that were not read', async (_how, ...pieces) => {
    const client = await openClient(rig.route)
    for (const piece of pieces) {
      client.send(piece)
      await new Promise((resolve) => void setTimeout(resolve, 20))
    }
    expect((await client.response()).status).toBeGreaterThanOrEqual(400)
    expect(app.connections.length).toBe(0)
    client.socket.destroy()
  })
})
