import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'

// The numbers in the names of tests are those of the rules in http/README.md, which says what each is about.

describe('a response', () => {
  let answer = ''
  let origin: RawServer
  let other: Rig
  beforeAll(async () => {
    origin = await startRawServer(
      answering((_head, connection) => {
        connection.send(answer)
        if (answer.includes('until the end')) connection.socket.end()
        return undefined
      }),
    )
    other = await startRig(origin.port)
  })
  afterAll(async () => {
    await other.close()
    origin.close()
  })

  it.each<[rule: string, response: string]>([
    ['(7) both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['(7) two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    ['(7) a bad length', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
    ['(8) a coding besides chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['(8) chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['(3) a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
    ['(3) a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['(2) bare CR', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n'],
    ['(2) NUL', 'HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n'],
    ['(3) a space before the first field', 'HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n'],
    ['(4) an empty name', 'HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n'],
    ['(7) a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc'],
    ['(8) two codings', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['(7) framing of a 204 twice', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['(2) a bare LF', 'HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n'],
    ['(1) no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['(1) HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['(1) status 42', 'HTTP/1.1 42 OK\r\nContent-Length: 0\r\n\r\n'],
    ['(24) 101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['(29) a head that is too long', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(80_000)}\r\nContent-Length: 0\r\n\r\n`],
  ])('with %s becomes a 502', async (_rule, text) => {
    answer = text
    const response = await ask(other.route, get('/'))
    expect(response.status).toBe(502)
    expect(field(response.head, 'x-kinglet-error')).toBe('bad-response')
  })

  it.each<[rule: string, request: string, response: string, expected: string]>([
    ['(10) with a length', get('/'), respond('abc'), 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'],
    ['(10) in chunks', get('/'), 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-Sum: 1\r\nSet-Cookie: no\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'],
    ['(14) in chunks, for HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc'],
    ['(14) in chunks, for HTTP/1.0 that would go on', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc'],
    ['(10) that ends with its connection', get('/'), 'HTTP/1.1 200 OK\r\n\r\nuntil the end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n'],
    ['(14) that ends with its connection, for HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nuntil the end', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end'],
    ['(10) to HEAD, with the length alone', 'HEAD / HTTP/1.1\r\nHost: app\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n'],
    ['(10) to HEAD of something chunked', 'HEAD / HTTP/1.1\r\nHost: app\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    ['(10) 103 without any framing', get('/'), `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nA: b\r\n\r\n${respond('x')}`, 'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'],
    ['(10) 304 of something chunked', get('/'), 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
    ['(2) with bytes above 0x7f as they are', get('/'), respond('', '200 \xff', 'A: \xe9\x80'), 'HTTP/1.1 200 \xff\r\nA: \xe9\x80\r\nContent-Length: 0\r\n\r\n'],
    ['(10) 204 without any framing', get('/'), 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['(10) 204 with a length that it must not have', get('/'), 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['(10) 304 with its length and no body', get('/'), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
    ['(18) without hop-by-hop fields', get('/'), respond('', '200 OK', 'Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=9', 'X-Kinglet-Unsent: refused', 'A: b'), 'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n'],
    ['(25) with each Set-Cookie', get('/'), respond('', '200 OK', 'Set-Cookie: a=1', 'Set-Cookie: b=2'), 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n'],
    ['(1) without a reason', get('/'), 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'],
    ['(23) after 103s', get('/'), `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n${respond('x')}`, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'],
    ['(14) after a 103 that HTTP/1.0 does not know', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', `HTTP/1.1 103 Early Hints\r\n\r\n${respond('x')}`, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx'],
  ])('%s', async (_rule, request, text, expected) => {
    answer = text
    const client = await openClient(other.route)
    client.send(request)
    await client.hears(expected)
    expect(client.received).toBe(expected)
    client.socket.destroy()
  })

  it.each<[given: string, request: string, staysOpen: boolean]>([
    ['HTTP/1.1', get('/'), true],
    ['HTTP/1.1 with close', get('/', 'Connection: close'), false],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', false],
    ['HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', true],
  ])('(14) to %s leaves the connection as the client wants it', async (_given, request, staysOpen) => {
    answer = respond('one')
    const client = await openClient(other.route)
    client.send(request)
    await client.response()
    if (staysOpen) {
      client.send(request)
      expect((await client.response()).body).toBe('one')
    } else {
      await client.hearsEnd()
    }
    client.socket.destroy()
  })
})

describe('however the bytes of a response are cut', () => {
  const messages: readonly (readonly [text: string, expected: string])[] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello', 'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nabc0123456789T: u'],
    ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ]

  it.each(messages)('%j reaches the client alike', async (text, expected) => {
    let at = 0
    const origin = await startRawServer(
      answering((_head, connection) => {
        if (at > 0) connection.send(text.slice(0, at))
        setImmediate(() => setImmediate(() => connection.send(text.slice(at))))
        return undefined
      }),
    )
    const other = await startRig(origin.port)
    const client = await openClient(other.route)
    for (; at < text.length; at += 1) {
      client.received = ''
      client.send(get('/'))
      const isWhole = (): boolean => flat(client.received) === flat(expected)
      await until(`the same bytes after a cut at ${at}`, isWhole, () => JSON.stringify(client.received))
    }
    client.socket.destroy()
    await other.close()
    origin.close()
  })

  /** Without the framing of chunks. */
  const flat = (text: string): string => text.replaceAll(/\r\n[0-9a-f]+\r\n/g, '').replaceAll('\r\n', '')
})
