/**
 * HTTP/1.1 read a second time, by other means than the proxy's: over the whole text, by regular expressions, and as strict as
 * RFC 9112 lets a sender be. What the proxy sends must be readable here; nothing here is shared with it.
 */
export interface Message {
  readonly start: string
  readonly head: string
  readonly body: string
  /** Characters that it took. */
  readonly size: number
}

/** Why the text is no HTTP/1.1. */
export class NotHttp extends Error {}

const requestLine = /^[!#$%&'*+\-.^`|~\w]+ (?:\/|\*(?= ))[\x21\x22\x24-\x7e\x80-\xff]* HTTP\/1\.1$/
const statusLine = /^HTTP\/1\.1 [1-5]\d\d [\t\x20-\x7e\x80-\xff]*$/
const fieldLine = /^[!#$%&'*+\-.^`|~\w]+:[ \t]*(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?[ \t]*$/

/** The first request or response in `text`; undefined while it is not complete. Throws `NotHttp`. `bodiless`: an answer to HEAD. */
export function readMessage(text: string, kind: 'request' | 'response', { bodiless = false, hasEnded = false } = {}): Message | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [start = '', ...lines] = text.slice(0, end).split('\r\n')
  if (!(kind === 'request' ? requestLine : statusLine).test(start)) throw new NotHttp(`start line ${JSON.stringify(start)}`)
  for (const line of lines) if (!fieldLine.test(line)) throw new NotHttp(`field line ${JSON.stringify(line)}`)
  const fields = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const)
  const hosts = fields.filter(([name]) => name === 'host').length
  if (kind === 'request' && hosts !== 1) throw new NotHttp(`${hosts} Hosts`)
  const framing = fields.filter(([name]) => name === 'transfer-encoding' || name === 'content-length')
  if (framing.length > 1) throw new NotHttp(`framed by ${JSON.stringify(framing)}`)
  const hasNone = bodiless || (kind === 'request' ? framing.length === 0 : /^HTTP\/1\.1 (?:1\d\d|204|304) /.test(start))
  const from = end + 4
  const body = hasNone ? { payload: '', size: 0 } : readBody(text.slice(from), framing[0], hasEnded)
  return body && { start, head: text.slice(0, from), body: body.payload, size: from + body.size }
}

interface Body {
  readonly payload: string
  readonly size: number
}

function readBody(text: string, framing: readonly [name: string, value: string] | undefined, hasEnded: boolean): Body | undefined {
  if (framing === undefined) return hasEnded ? { payload: text, size: text.length } : undefined
  const [name, value] = framing
  if (name === 'transfer-encoding') {
    if (value !== 'chunked') throw new NotHttp(`coding ${JSON.stringify(value)}`)
    return readChunks(text)
  }
  if (!/^\d{1,16}$/.test(value)) throw new NotHttp(`length ${JSON.stringify(value)}`)
  const size = Number(value)
  return text.length < size ? undefined : { payload: text.slice(0, size), size }
}

function readChunks(text: string): Body | undefined {
  let payload = ''
  let at = 0
  for (;;) {
    const line = text.slice(at, at + 20)
    const [all, digits] = /^([0-9a-f]{1,8})\r\n/.exec(line) ?? []
    if (all === undefined || digits === undefined) {
      if (/^[0-9a-f]{0,8}\r?$/.test(line)) return undefined
      throw new NotHttp(`chunk ${JSON.stringify(line)}`)
    }
    at += all.length
    const size = Number.parseInt(digits, 16)
    if (size === 0) break
    if (text.length < at + size + 2) return undefined
    if (text.slice(at + size, at + size + 2) !== '\r\n') throw new NotHttp('a chunk of another size')
    payload += text.slice(at, at + size)
    at += size + 2
  }
  // The trailers and the empty line after them.
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const line = text.slice(at, end)
    at = end + 2
    if (line === '') return { payload, size: at }
    if (!fieldLine.test(line)) throw new NotHttp(`trailer ${JSON.stringify(line)}`)
  }
}
