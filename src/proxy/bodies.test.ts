import { createHash } from 'node:crypto'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flood, standstill } from './testing/flood.ts'
import { openClient } from './testing/raw-client.ts'
import { respond, startRawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

const size = 50_000_000
const piece = Buffer.alloc(100_000, 'kinglet')

function* pieces(): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += piece.length) yield piece
}

describe('a body of 50 MB', () => {
  let app: Server
  let rig: Rig
  beforeAll(async () => {
    // Sends back what comes, as it comes.
    app = createServer((incoming, response) => {
      if (incoming.headers['content-length'] !== undefined) response.setHeader('content-length', incoming.headers['content-length'])
      incoming.pipe(response)
    })
    await new Promise<void>((resolve) => {
      app.listen(0, '127.0.0.1', resolve)
    })
    rig = await startRig((app.address() as AddressInfo).port)
  })
  afterAll(async () => {
    await rig.close()
    app.close()
  })

  it.each([
    ['with a length', { 'content-length': size }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('goes up and comes down unchanged %s', async (_framing, headers) => {
    const expected = createHash('sha256')
    for (const each of pieces()) expected.update(each)
    const actual = createHash('sha256')
    let received = 0
    await new Promise<void>((resolve, reject) => {
      const upload = httpRequest({ port: rig.route, method: 'POST', headers }, (response) => {
        response.on('data', (chunk: Buffer) => {
          actual.update(chunk)
          received += chunk.length
        })
        response.on('end', resolve)
        response.on('error', reject)
      })
      upload.on('error', reject)
      pipeline(Readable.from(pieces()), upload).catch(reject)
    })
    expect(received).toBe(size)
    expect(actual.digest('hex')).toBe(expected.digest('hex'))
  })
})

describe('(29) a side that does not read', () => {
  it('stops the app: the sidecar keeps no more than sockets hold', async () => {
    let written = (): number => 0
    const app = await startRawServer((connection) => {
      connection.socket.once('data', () => {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        written = flood(connection.socket, piece, size)
      })
    })
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.countsOnly = true
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    // Kernel buffers take a few MB; the body is ten times that.
    expect(await standstill(() => written())).toBeLessThan(size / 2)
    client.socket.resume()
    await until('the rest', () => client.receivedBytes >= size, () => client.receivedBytes, 20_000)
    await rig.close()
    app.close()
  })

  it('stops an app that says over and over that its answer is to come', async () => {
    let written = (): number => 0
    const hint = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(1000)}>\r\n\r\n`.repeat(100)
    const app = await startRawServer((connection) => {
      connection.socket.once('data', () => (written = flood(connection.socket, hint, size, () => connection.send(respond('at last')))))
    })
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.countsOnly = true
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await standstill(() => written())).toBeLessThan(size / 2)
    client.socket.resume()
    await until('all of it', () => client.receivedBytes > size, () => client.receivedBytes, 20_000)
    await expect.poll(() => rig.count('primary', 'weight', '2xx')).toBe(1)
    await rig.close()
    app.close()
  })

  it('is given up after a while where it is an app that has begun its answer, with the client that nobody hears any more', async () => {
    const app = await startRawServer((connection) => {
      connection.socket.once('data', () => {
        connection.socket.pause()
        connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun')
      })
    })
    const rig = await startRig(app.port, { limits: { responseTimeoutMs: 300 } })
    const client = await openClient(rig.route)
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
    await client.hears('begun')
    flood(client.socket, piece, size)
    await client.closes()
    await expect.poll(() => rig.count('primary', 'weight', 'reset')).toBe(1)
    expect((await rig.stats()).openConnections).toBe(0)
    await rig.close()
    app.close()
  })

  it('stops the client', async () => {
    const app = await startRawServer((connection) => {
      connection.countsOnly = true
      connection.socket.pause()
    })
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
    expect(await standstill(flood(client.socket, piece, size))).toBeLessThan(size / 2)
    const upstream = await app.connection(0)
    upstream.socket.resume()
    await until('all of it', () => upstream.receivedBytes >= size, () => upstream.receivedBytes, 20_000)
    await rig.close()
    app.close()
  })

  it('is given up after a while', async () => {
    const app = await startRawServer((connection) => {
      connection.socket.once('data', () => {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        flood(connection.socket, piece, size)
      })
    })
    const rig = await startRig(app.port, { limits: { bodyTimeoutMs: 200 } })
    const client = await openClient(rig.route)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await (await app.connection(0)).closes()
    await expect.poll(async () => (await rig.stats()).clientAborted).toBe(1)
    client.socket.destroy()
    await rig.close()
    app.close()
  })
})
