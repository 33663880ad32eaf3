/** The head of a response: read strictly, and written anew for the client. RFC 9112 §4–6, RFC 9110 §7.6.1, §15. */
import { FieldLines } from './field-lines.ts'
import { dropField, FieldTable } from './field-table.ts'
import { connectedHeader, dropNamed, noOptions, ownPrefix, readConnection, serviceTimeHeader, unsentHeader, type ConnectionOptions } from './hop-by-hop.ts'
import { readContentLength } from './request-fields.ts'

export interface ResponseHead {
  readonly status: number
  /** How the body ends; `close`: with the connection. */
  readonly body: 'none' | 'length' | 'chunked' | 'close'
  /** Content-Length, where it was given and may be passed on; also on answers to HEAD and on 304, which have no body. */
  readonly length: number | undefined
  /** Whether the upstream connection can serve another request. */
  readonly keepAlive: boolean
  /** How long the server keeps an idle connection, by its own word; milliseconds. */
  readonly idleHintMs: number | undefined
  /** The server switches to WebSocket. */
  readonly upgrade: boolean
  /** From a peer: microseconds between the request and the head of the app's answer. */
  readonly serviceTimeUs: number | undefined
  /** From a peer: why no byte of the request reached its app; empty where one did. */
  readonly unsent: string
  /** From a peer, with status 102: its app has taken the connection. */
  readonly isConnected: boolean
  /** Status line and end-to-end fields, without framing, connection and the line that ends the head. */
  readonly forward: string
}

interface Gathered {
  readonly connection: ConnectionOptions
  contentLength: number | undefined
  transferEncoding: string | undefined
  upgrade: string
  idleHintMs: number | undefined
  serviceTimeUs: number | undefined
  unsent: string
  isConnected: boolean
}

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/

/** One parser serves all connections. */
export class ResponseParser {
  private readonly lines = new FieldLines()
  /** The last one: an app nearly always says the same. */
  private line: StatusLine = { text: '', status: 0, minor: 0, forward: '' }

  /** `text` is one head in latin1 with the empty line that ends it. A string is the reason why it is no valid response. */
  parse(text: string, requestMethod: string): ResponseHead | string {
    const lineEnd = text.indexOf('\r\n')
    const line = this.readStatusLine(text.slice(0, lineEnd))
    if (line === undefined) return 'bad status line'
    // A response may have as many fields as fit into its head: it is our own app that speaks.
    const scanFault = this.lines.scan(text, lineEnd + 2, 512)
    if (scanFault) return scanFault.reason
    const fields = gather(this.lines)
    if (typeof fields === 'string') return fields
    const { status, minor } = line
    const body = bodyOf(status, requestMethod, minor, fields)
    if (body === undefined) return 'bad framing'
    dropNamed(this.lines, fields.connection.named)
    const { connection } = fields
    return {
      status,
      body,
      length: status < 200 || status === 204 ? undefined : fields.contentLength,
      keepAlive: body !== 'close' && !connection.close && (minor === 1 || connection.keepAlive),
      idleHintMs: fields.idleHintMs,
      upgrade: connection.upgrade && fields.upgrade.toLowerCase() === 'websocket',
      serviceTimeUs: fields.serviceTimeUs,
      unsent: fields.unsent,
      isConnected: fields.isConnected,
      forward: line.forward + this.lines.kept(),
    }
  }

  private readStatusLine(text: string): StatusLine | undefined {
    if (text === this.line.text) return this.line
    const [, minor, status, reason = ''] = statusLine.exec(text) ?? []
    if (minor === undefined || status === undefined) return undefined
    this.line = { text, status: Number(status), minor: Number(minor), forward: `HTTP/1.1 ${status} ${reason}\r\n` }
    return this.line
  }
}

interface StatusLine {
  readonly text: string
  readonly status: number
  readonly minor: number
  /** As it is written for the client, with its CRLF. */
  readonly forward: string
}

/** RFC 9112 §6.3. Undefined: both framings at once, a coding that is not chunked alone, or one in HTTP/1.0. */
function bodyOf(status: number, requestMethod: string, minor: number, fields: Gathered): ResponseHead['body'] | undefined {
  if (fields.transferEncoding !== undefined) {
    if (fields.contentLength !== undefined || minor === 0 || fields.transferEncoding.toLowerCase() !== 'chunked') return undefined
  }
  if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
  if (fields.transferEncoding !== undefined) return 'chunked'
  return fields.contentLength === undefined ? 'close' : fields.contentLength === 0 ? 'none' : 'length'
}

const responseFields = new FieldTable<Gathered, string>(
  {
    te: dropField,
    upgrade: (lines, index, fields) => {
      fields.upgrade = lines.value(index)
      lines.drop(index)
    },
    connection: (lines, index, fields) => {
      readConnection(lines.value(index), fields.connection)
      lines.drop(index)
    },
    'keep-alive': (lines, index, fields) => {
      const [, seconds] = /(?:^|[\s,;])timeout=(\d{1,6})/i.exec(lines.value(index)) ?? []
      if (seconds !== undefined) fields.idleHintMs = Number(seconds) * 1000
      lines.drop(index)
    },
    'content-length': (lines, index, fields) => {
      if (fields.contentLength !== undefined) return 'Content-Length twice'
      fields.contentLength = readContentLength(lines.value(index))
      lines.drop(index)
      return fields.contentLength === undefined ? 'bad Content-Length' : undefined
    },
    'transfer-encoding': (lines, index, fields) => {
      if (fields.transferEncoding !== undefined) return 'Transfer-Encoding twice'
      fields.transferEncoding = lines.value(index)
      lines.drop(index)
      return undefined
    },
    'proxy-connection': dropField,
    'proxy-authenticate': dropField,
    [serviceTimeHeader]: (lines, index, fields) => {
      fields.serviceTimeUs = readContentLength(lines.value(index))
      lines.drop(index)
    },
    [unsentHeader]: (lines, index, fields) => {
      fields.unsent = lines.value(index)
      lines.drop(index)
    },
    [connectedHeader]: (lines, index, fields) => {
      fields.isConnected = true
      lines.drop(index)
    },
  },
  ownPrefix,
  dropField,
)

function gather(lines: FieldLines): Gathered | string {
  const fields: Gathered = {
    connection: noOptions(),
    contentLength: undefined,
    transferEncoding: undefined,
    upgrade: '',
    idleHintMs: undefined,
    serviceTimeUs: undefined,
    unsent: '',
    isConnected: false,
  }
  return responseFields.takeAll(lines, fields) ?? fields
}
