import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setImmediate as turn } from 'node:timers/promises'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

// The numbers in the names of tests are those of the rules in http/README.md, which says what each is about.

/** What the app heard of the last request: everything on its connection since the answer before. */
let heard = ''
let app: RawServer
let rig: Rig

const post = (...lines: readonly string[]): string => ['POST /x HTTP/1.1', 'Host: app', ...lines, ''].join('\r\n')

beforeAll(async () => {
  app = await startRawServer((connection) => {
    connection.socket.on('data', () => {
      heard = connection.received
    })
    answering(() => respond('ok', '200 OK', 'Connection: close'))(connection)
  })
  rig = await startRig(app.port, { limits: { lingerMs: 100, headTimeoutMs: 400, bodyTimeoutMs: 400 } })
})
afterAll(async () => {
  await rig.close()
  app.close()
})

describe('a request that parsers could disagree about is refused', () => {
  it.each<[rule: string, request: string, status: number]>([
    ['(1) two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) a method that is no token', 'GE(T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['(1) no version', 'GET / HTTP/1\r\nHost: a\r\n\r\n', 400],
    ['(1) lower-case version', 'GET / http/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) three empty lines first', '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(1) no request line at all', '\r\n\r\nHost: a\r\n\r\n', 400],
    ['(1) HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['(1) HTTP/1.10', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n', 400],
    ['(2) CR CR LF', 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n', 400],
    ['(2) bare LF as the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 400],
    ['(2) bare LF', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['(2) bare LF after one field', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n', 400],
    ['(2) bare CR', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n', 400],
    ['(2) NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n', 400],
    ['(2) DEL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\x7fc\r\n\r\n', 400],
    ['(2) NUL in the place of a CR', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\0\nC: d\r\n\r\n', 400],
    ['(3) a space before the colon', 'GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n', 400],
    ['(3) a space before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400],
    ['(3) a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n', 400],
    ['(4) an empty name', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 400],
    ['(4) a name that is no token', 'GET / HTTP/1.1\r\nHost: a\r\nA(: b\r\n\r\n', 400],
    ['(4) a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n', 400],
    ['(5) no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['(5) two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
    ['(5) two Hosts in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['(5) an invalid Host', 'GET / HTTP/1.1\r\nHost: a b@c/d\r\n\r\n', 400],
    ['(5) an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
    ['(6) a fragment in the target', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(6) a control character in the target', 'GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(6) an asterisk for GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(6) an authority as target', 'GET app:80 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(6) user information in the target', 'GET http://u@app/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['(6) CONNECT', 'CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\n\r\n', 405],
    ['(20) OPTIONS that has been forwarded often enough', 'OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n', 200],
    ['(20) TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['(7) Content-Length beside Transfer-Encoding', `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}\r\n0\r\n\r\n`, 400],
    ['(7) two Content-Lengths', `${post('Content-Length: 2', 'Content-Length: 3')}\r\nabc`, 400],
    ['(7) two equal Content-Lengths', `${post('Content-Length: 2', 'Content-Length: 2')}\r\nab`, 400],
    ['(7) a list of Content-Lengths', `${post('Content-Length: 2, 2')}\r\nab`, 400],
    ['(7) an empty Content-Length', `${post('Content-Length:')}\r\n`, 400],
    ['(7) Content-Length +2', `${post('Content-Length: +2')}\r\nab`, 400],
    ['(7) Content-Length -2', `${post('Content-Length: -2')}\r\nab`, 400],
    ['(7) Content-Length 0x2', `${post('Content-Length: 0x2')}\r\nab`, 400],
    ['(7) Content-Length 2 2', `${post('Content-Length: 2 2')}\r\nab`, 400],
    ['(7) a Content-Length beyond 2⁵³', `${post('Content-Length: 9007199254740993')}\r\nab`, 400],
    ['(8) an unknown coding before chunked', `${post('Transfer-Encoding: gzip, chunked')}\r\n0\r\n\r\n`, 501],
    ['(8) chunked that is not last', `${post('Transfer-Encoding: chunked, gzip')}\r\n0\r\n\r\n`, 400],
    ['(8) chunked twice', `${post('Transfer-Encoding: chunked, chunked')}\r\n0\r\n\r\n`, 400],
    ['(8) two Transfer-Encodings', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}\r\n0\r\n\r\n`, 400],
    ['(8) Transfer-Encoding identity', `${post('Transfer-Encoding: identity')}\r\n`, 400],
    ['(8) an empty Transfer-Encoding', `${post('Transfer-Encoding:')}\r\n`, 400],
    ['(8) Transfer-Encoding xchunked', `${post('Transfer-Encoding: xchunked')}\r\n`, 400],
    ['(8) Transfer-Encoding with a parameter', `${post('Transfer-Encoding: chunked;x=1')}\r\n`, 400],
    ['(8) Transfer-Encoding in quotes', `${post('Transfer-Encoding: "chunked"')}\r\n`, 400],
    ['(8) Transfer-Encoding behind a vertical tab', `${post('Transfer-Encoding: \x0bchunked')}\r\n`, 400],
    ['(8) Transfer-Encoding behind a no-break space', `${post('Transfer-Encoding: \xa0chunked')}\r\n0\r\n\r\n`, 400],
    ['(8) Transfer-Encoding before a no-break space', `${post('Transfer-Encoding: chunked\xa0')}\r\n0\r\n\r\n`, 400],
    ['(8) Transfer-Encoding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['(22) an unknown expectation', `${post('Expect: 200-maybe', 'Content-Length: 1')}\r\na`, 417],
    ['(29) a head that is too long', get('/', `A: ${'b'.repeat(17_000)}`), 431],
    ['(29) too many fields', get('/', ...Array.from({ length: 120 }, (_, index) => `A${index}: b`)), 431],
    ['(29) a target that is too long', get(`/${'a'.repeat(9000)}`), 414],
    ['(29) a target that never ends', `GET /${'a'.repeat(20_000)}`, 414],
    ['(28) a head that stops half-way', 'GET / HTTP/1.1\r\nHost: a\r\n', 408],
  ])('%s', async (_rule, request, status) => {
    heard = ''
    const client = await openClient(rig.route)
    client.send(request)
    const response = await client.response()
    expect(response.status).toBe(status)
    expect(field(response.head, 'connection')).toBe('close')
    await client.hearsEnd()
    client.socket.destroy()
    expect(heard).toBe('')
  })
})

describe('a chunked body that parsers could disagree about is refused', () => {
  it.each<[rule: string, body: string]>([
    ['(9) no digits', '\r\n'],
    ['(9) a sign', '+3\r\nabc\r\n0\r\n\r\n'],
    ['(9) 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['(9) a leading space', ' 3\r\nabc\r\n0\r\n\r\n'],
    ['(9) a trailing space', '3 \r\nabc\r\n0\r\n\r\n'],
    ['(9) an underscore', '0_3\r\nabc\r\n0\r\n\r\n'],
    ['(9) more digits than a safe integer has', '00000000000003\r\nabc\r\n0\r\n\r\n'],
    ['(9) bare LF after the size', '3\nabc\r\n0\r\n\r\n'],
    ['(9) bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['(9) bare LF in an extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
    ['(9) a chunk longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['(9) CR and something else after the size', '3\rxabc\r\n0\r\n\r\n'],
    ['(9) something else and LF after a chunk', '3\r\nabcd\n0\r\n\r\n'],
    ['(9) bare LF after a chunk', '3\r\nabc\n0\r\n\r\n'],
    ['(9) a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['(9) bare LF in the trailers', '0\r\nA: b\n\r\n'],
    ['(9) endless extensions', `3;${'a'.repeat(17_000)}\r\nabc\r\n0\r\n\r\n`],
    ['(9) endless trailers', `0\r\nA: ${'b'.repeat(17_000)}\r\n\r\n`],
  ])('%s', async (_rule, body) => {
    const client = await openClient(rig.route)
    client.send(`${post('Transfer-Encoding: chunked')}\r\n${body}`)
    const answer = await client.response()
    // What came before the fault may have reached the app, whose answer may be under way: then the connection is cut.
    expect([400, 0]).toContain(answer.status)
    await client.hearsEnd()
    client.socket.destroy()
  })
})

describe('a request that is fine reaches the app', () => {
  it.each<[rule: string, request: string, expected: readonly string[]]>([
    ['(1) one empty line first', `\r\n${get('/a')}`, ['GET /a HTTP/1.1\r\n']],
    ['(1) HTTP/1.2 as 1.1', 'GET /a HTTP/1.2\r\nHost: app\r\n\r\n', ['GET /a HTTP/1.1\r\n']],
    ['(2) bytes above 0x7f as they are', get('/\xe9', 'A: \xff\x80'), ['GET /\xe9 HTTP/1.1\r\n', 'A: \xff\x80\r\n']],
    ['(6) a path byte for byte', get('//a/../b%2F%2f/./?q=%zz'), ['GET //a/../b%2F%2f/./?q=%zz HTTP/1.1\r\n']],
    ['(25) order, case and duplicates of fields', get('/', 'X-B: 1', 'x-a: 2', 'X-B: 3'), ['X-B: 1\r\nx-a: 2\r\nX-B: 3\r\n']],
    ['(20) Max-Forwards of anything but OPTIONS', get('/', 'Max-Forwards: 0'), ['Max-Forwards: 0\r\n']],
    ['(21) X-Request-Id', get('/', 'X-Request-Id: abc'), ['X-Request-Id: abc\r\n']],
    ['(18) fields that Connection must not take away', get('/', 'Connection: x-forwarded-for, cookie, content-type, forwarded', 'X-Forwarded-For: 1.1.1.1', 'Cookie: a=b', 'Content-Type: c', 'Forwarded: for=d'), ['X-Forwarded-For: 1.1.1.1, 127.0.0.1\r\n', 'Cookie: a=b\r\n', 'Content-Type: c\r\n', 'Forwarded: for=d\r\n']],
    ['(13) OPTIONS with a body, framed', 'OPTIONS /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n']],
    ['(4) a name with an underscore', get('/', 'x_kinglet_hop: 1'), ['x_kinglet_hop: 1\r\n']],
    ['(5) Host unchanged', 'GET / HTTP/1.1\r\nHost: Shop.Example:8080\r\n\r\n', ['Host: Shop.Example:8080\r\n']],
    ['(5) an IPv6 Host', 'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', ['Host: [::1]:8080\r\n']],
    ['(6) absolute form as origin form', 'GET http://shop.example/a?b HTTP/1.1\r\nHost: other\r\n\r\n', ['GET /a?b HTTP/1.1\r\nHost: shop.example\r\n']],
    ['(6) absolute form without a path', 'GET http://shop.example HTTP/1.1\r\nHost: other\r\n\r\n', ['GET / HTTP/1.1\r\nHost: shop.example\r\n']],
    ['(6) absolute form with a query alone', 'GET http://shop.example?a HTTP/1.1\r\nHost: other\r\n\r\n', ['GET /?a HTTP/1.1\r\n']],
    ['(6) absolute form of OPTIONS without a path', 'OPTIONS http://shop.example HTTP/1.1\r\nHost: other\r\n\r\n', ['OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n']],
    ['(6) asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: app\r\n\r\n', ['OPTIONS * HTTP/1.1\r\n']],
    ['(5) HTTP/1.0 without Host, as 1.1 with one', 'GET / HTTP/1.0\r\n\r\n', ['GET / HTTP/1.1\r\nHost: localhost\r\n']],
    ['(7) Content-Length', `${post('Content-Length: 5')}\r\nhello`, ['Content-Length: 5\r\n', '\r\n\r\nhello']],
    ['(7) an empty POST with a length', 'POST / HTTP/1.1\r\nHost: app\r\n\r\n', ['Content-Length: 0\r\n']],
    ['(13) chunked DELETE, framed', 'DELETE /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n']],
    ['(13) GET with a body, framed', 'GET /x HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\nhello', ['Content-Length: 5\r\n', '\r\n\r\nhello']],
    ['(9) chunks without their extensions', `${post('Transfer-Encoding: chunked')}\r\n3;a="b"\r\nabc\r\n0;c\r\n\r\n`, ['\r\n\r\n3\r\nabc\r\n0\r\n\r\n']],
    ['(19) trailers', `${post('Transfer-Encoding: chunked', 'Trailer: X-Sum')}\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n`, ['Trailer: X-Sum\r\n', '0\r\nX-Sum: 7\r\n\r\n']],
    ['(19) TE: trailers, as our own', get('/', 'TE: trailers, deflate'), ['TE: trailers\r\nConnection: TE\r\n']],
    ['(20) Via', get('/'), ['Via: 1.1 kinglet\r\n']],
    ['(20) Via after another', get('/', 'Via: 1.0 a'), ['Via: 1.0 a, 1.1 kinglet\r\n']],
    ['(21) X-Forwarded-For', get('/'), ['X-Forwarded-For: 127.0.0.1\r\n', 'X-Forwarded-Proto: http\r\n', 'X-Forwarded-Host: app\r\n']],
    ['(21) X-Forwarded-For after others', get('/', 'X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 2.2.2.2', 'X-Forwarded-Proto: https'), ['X-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n', 'X-Forwarded-Proto: https\r\n']],
    ['(21) traceparent', get('/', 'traceparent: 00-1-2-01'), ['traceparent: 00-1-2-01\r\n']],
    ['(18) Authorization that Connection names', get('/', 'Authorization: x', 'Connection: authorization, host'), ['Authorization: x\r\n', 'Host: app\r\n']],
  ])('with %s', async (_rule, request, expected) => {
    heard = ''
    const response = await ask(rig.route, request)
    expect(response.status).toBe(200)
    for (const text of expected) expect(heard).toContain(text)
  })

  it.each<[rule: string, request: string, unwanted: string]>([
    ['(6) the Host beside an absolute form', 'GET http://shop.example/ HTTP/1.1\r\nHost: other\r\n\r\n', 'other'],
    ['(19) TE of codings', get('/', 'TE: gzip'), 'TE:'],
    ['(18) Connection', get('/', 'Connection: keep-alive'), 'keep-alive'],
    ['(18) what Connection names', get('/', 'Connection: close, X-Secret', 'X-Secret: 1'), 'X-Secret'],
    ['(18) Keep-Alive', get('/', 'Keep-Alive: timeout=5'), 'Keep-Alive'],
    ['(18) Proxy-Connection', get('/', 'Proxy-Connection: keep-alive'), 'Proxy-Connection'],
    ['(18) Proxy-Authorization', get('/', 'Proxy-Authorization: Basic x'), 'Proxy-Authorization'],
    ['(18) HTTP2-Settings', get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x'), 'HTTP2-Settings'],
    ['(24) Upgrade to h2c', get('/', 'Connection: Upgrade', 'Upgrade: h2c'), 'pgrade'],
    ['(18) our own headers', get('/', 'X-Kinglet-Hop: 1', 'x-kinglet-service-time: 5'), 'inglet-'],
    ['(9) forbidden trailers', `${post('Transfer-Encoding: chunked')}\r\n3\r\nabc\r\n0\r\nContent-Length: 7\r\nCookie: a\r\nX-Kinglet-Hop: 1\r\n\r\n`, 'Cookie'],
    ['(22) Expect without a body', get('/', 'Expect: 100-continue'), 'Expect'],
  ])('without %s', async (_rule, request, unwanted) => {
    heard = ''
    expect((await ask(rig.route, request)).status).toBe(200)
    await expect.poll(() => heard).toContain('HTTP/1.1\r\n')
    expect(heard).not.toContain(unwanted)
  })
})

describe('(9) a trailer is not believed about', () => {
  it.each(['Transfer-Encoding', 'Content-Length', 'Host', 'Connection', 'Trailer', 'Expect', 'Authorization', 'Cookie', 'Content-Type', 'X-Forwarded-For', 'Via', 'X-Kinglet-Hop'])('%s', async (name) => {
    heard = ''
    const answer = await ask(rig.route, `${post('Transfer-Encoding: chunked')}\r\n3\r\nabc\r\n0\r\n${name}: 7\r\nX-Sum: 1\r\n\r\n`)
    expect(answer.status).toBe(200)
    expect(heard).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n$/)
  })
})

describe('however the bytes of a request are cut', () => {
  const messages: readonly (readonly [text: string, status: number])[] = [
    [get('/a', 'X: y'), 200],
    [`\r\n${get('/a')}`, 200],
    [`${post('Content-Length: 5')}\r\nhello`, 200],
    [`${post('Transfer-Encoding: chunked')}\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n`, 200],
    ['GET / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
    ['PRINT / HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ]

  it.each(messages)('%j is answered %d, and the app hears the same', async (text, status) => {
    let whole = ''
    for (let at = 0; at < text.length; at += 1) {
      heard = ''
      const client = await openClient(rig.route)
      if (at > 0) client.send(text.slice(0, at))
      await turn()
      await turn()
      client.send(text.slice(at))
      expect((await client.response()).status).toBe(status)
      client.socket.destroy()
      // Chunks may be joined differently; their payload may not.
      const payload = heard.replaceAll(/\r\n[0-9a-f]+\r\n(?=[a-z0-9])/g, '').replaceAll('\r\n', '')
      if (at === 0) whole = payload
      expect(payload).toBe(whole)
    }
  })
})
