/**
 * The head of a request: read strictly, and written anew for the next hop. RFC 9112 §2–6, RFC 9110 §7.6, §10.1.1.
 * What is refused is refused because intermediaries and apps are known to read it differently.
 */
import { randomUUID } from 'node:crypto'
import type { RequestView } from '../../routing/request-view.ts'
import type { Forwarding } from '../settings.ts'
import { FieldLines, isTokenText, trimBlanks, type Fault } from './field-lines.ts'
import { dropField, FieldTable, type TakeField } from './field-table.ts'
import { dropNamed, hopHeader, noOptions, ownPrefix, readConnection, type ConnectionOptions } from './hop-by-hop.ts'

export interface RequestHead {
  readonly method: string
  /** 0 or 1: HTTP/1.0 or 1.1 and above. */
  readonly minor: number
  /** Whether the client will send another request on this connection. */
  readonly keepAlive: boolean
  readonly body: 'none' | 'length' | 'chunked'
  /** Bytes of the body for `length`. */
  readonly length: number
  /** The client holds the body until it hears `100 Continue`. */
  readonly expectsContinue: boolean
  /** A WebSocket handshake. */
  readonly upgrade: boolean
  /** Another sidecar chose this pod. */
  readonly isHop: boolean
  /** What goes upstream, up to but without the line that ends the head. */
  readonly forward: string
}

export interface RequestContext {
  readonly maxFields: number
  readonly maxTargetBytes: number
  /** For X-Forwarded-For. */
  readonly clientAddress: string
  /** Whether x-kinglet-hop is believed: at the direct port alone. */
  readonly acceptsHops: boolean
  readonly forwarding: Forwarding
}

export const isFault = (value: object): value is Fault => 'reason' in value

const fault = (status: number, reason: string): Fault => ({ status, reason })
const hostSyntax = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d{0,5})?$/
const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/i
const needsLength = new Set(['POST', 'PUT', 'PATCH'])

/** Everything that the field lines say, gathered in one pass. */
interface Gathered {
  readonly connection: ConnectionOptions
  hosts: number
  host: string
  hostLine: number
  contentLength: number | undefined
  transferEncoding: string | undefined
  expect: string | undefined
  maxForwards: string | undefined
  upgrade: string | undefined
  wantsTrailers: boolean
  isHop: boolean
  via: string
  forwardedFor: string
  hasForwardedProto: boolean
  hasForwardedHost: boolean
  hasRequestId: boolean
  readonly makesRequestIds: boolean
  /** The client is nobody's proxy: what it says about others is left out. */
  readonly isDistrusted: boolean
}

/** One parser serves all connections: a head is parsed and routed in one go. It is the view of the request it parsed last. */
export class RequestParser implements RequestView {
  method = ''
  target = ''
  authority = ''
  clientAddress = ''
  private readonly lines = new FieldLines()

  header(lowerName: string): string | undefined {
    return this.lines.join(lowerName, ', ')
  }

  cookies(): string | undefined {
    return this.lines.join('cookie', '; ')
  }

  /** `text` is one head in latin1, with the empty line that ends it. */
  parse(text: string, context: RequestContext): RequestHead | Fault {
    const lineEnd = text.indexOf('\r\n')
    const methodEnd = text.indexOf(' ')
    const targetEnd = text.indexOf(' ', methodEnd + 1)
    if (methodEnd <= 0 || targetEnd <= methodEnd + 1 || targetEnd > lineEnd) return fault(400, 'bad request line')
    const method = text.slice(0, methodEnd)
    const rawTarget = text.slice(methodEnd + 1, targetEnd)
    const version = text.slice(targetEnd + 1, lineEnd)
    const lineFault = checkRequestLine(method, rawTarget, version, context.maxTargetBytes)
    if (lineFault) return lineFault
    const scanFault = this.lines.scan(text, lineEnd + 2, context.maxFields)
    if (scanFault) return scanFault
    const fields = gather(this.lines, context)
    if (isFault(fields)) return fields
    const minor = version === 'HTTP/1.0' ? 0 : 1
    return checkFraming(minor, fields) ?? checkForwards(method, fields) ?? this.build(method, rawTarget, minor, fields, context)
  }

  private build(method: string, rawTarget: string, minor: number, fields: Gathered, context: RequestContext): RequestHead | Fault {
    const target = readTarget(method, rawTarget)
    if (isFault(target)) return target
    const { connection, contentLength } = fields
    const body = fields.transferEncoding !== undefined ? 'chunked' : contentLength !== undefined && contentLength > 0 ? 'length' : 'none'
    const expectsContinue = fields.expect !== undefined && minor === 1 && body !== 'none'
    const upgrade = body === 'none' && isWebSocketHandshake(method, minor, fields)
    const host = target.authority ?? fields.host
    // The next hop is spoken to in HTTP/1.1, which needs a Host; HTTP/1.0 clients may have sent none.
    const mustWriteHost = target.authority !== undefined || fields.hosts === 0
    if (mustWriteHost && fields.hosts > 0) this.lines.drop(fields.hostLine)
    dropNamed(this.lines, connection.named)
    this.method = method
    this.target = target.path
    this.authority = host
    this.clientAddress = context.clientAddress
    return {
      method,
      minor,
      keepAlive: !connection.close && (minor === 1 || connection.keepAlive),
      body,
      length: contentLength ?? 0,
      expectsContinue,
      upgrade,
      isHop: fields.isHop,
      forward:
        `${method} ${target.path} HTTP/1.1\r\n${mustWriteHost ? `Host: ${host === '' ? 'localhost' : host}\r\n` : ''}` +
        this.lines.kept() +
        (fields.isHop ? '' : forwardedLines(minor, host, fields, context)) +
        (expectsContinue ? 'Expect: 100-continue\r\n' : '') +
        framingLines(method, body, contentLength) +
        connectionLines(upgrade, fields.wantsTrailers),
    }
  }
}

/** RFC 6455 §4.1. Any other Upgrade is left out and the request served as if it were not there: `h2c` has smuggled requests. */
const isWebSocketHandshake = (method: string, minor: number, fields: Gathered): boolean =>
  method === 'GET' && minor === 1 && fields.connection.upgrade && fields.upgrade?.toLowerCase() === 'websocket'

function checkRequestLine(method: string, target: string, version: string, maxTargetBytes: number): Fault | undefined {
  if (!isTokenText(method)) return fault(400, 'bad method')
  if (target.length > maxTargetBytes) return fault(414, 'the request target is too long')
  if (version !== 'HTTP/1.1') {
    if (!/^HTTP\/\d\.\d$/.test(version)) return fault(400, 'bad request line')
    if (!version.startsWith('HTTP/1.')) return fault(505, 'only HTTP/1.x is spoken here')
  }
  for (let at = 0; at < target.length; at += 1) {
    const code = target.charCodeAt(at)
    if (code <= 32 || code === 35 || code === 127) return fault(400, 'bad character in the request target')
  }
  return method === 'CONNECT' || method === 'TRACE' ? fault(405, 'this method ends here') : undefined
}

/** Origin-form stays as it is, byte for byte; absolute-form is taken apart (RFC 9112 §3.2.2). */
function readTarget(method: string, target: string): { readonly path: string; readonly authority?: string } | Fault {
  if (target.startsWith('/')) return { path: target }
  if (target === '*' && method === 'OPTIONS') return { path: target }
  const [, authority, rest] = absoluteForm.exec(target) ?? []
  if (authority === undefined || rest === undefined || !hostSyntax.test(authority)) return fault(400, 'bad request target')
  if (rest.startsWith('/')) return { path: rest, authority }
  return { path: rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`, authority }
}

function checkFraming(minor: number, fields: Gathered): Fault | undefined {
  if (fields.hosts > 1 || (fields.hosts === 0 && minor === 1)) return fault(400, 'exactly one Host is needed')
  if (fields.hosts === 1 && !hostSyntax.test(fields.host)) return fault(400, 'bad Host')
  if (fields.transferEncoding !== undefined) {
    if (fields.contentLength !== undefined) return fault(400, 'Content-Length beside Transfer-Encoding')
    if (minor === 0) return fault(400, 'Transfer-Encoding in HTTP/1.0')
    const codingFault = checkTransferEncoding(fields.transferEncoding)
    if (codingFault) return codingFault
  }
  if (fields.expect !== undefined && minor === 1 && fields.expect.toLowerCase() !== '100-continue') return fault(417, 'unknown expectation')
  return undefined
}

/** RFC 9110 §7.6.2; TRACE, the other method that Max-Forwards is for, does not get here. */
const checkForwards = (method: string, fields: Gathered): Fault | undefined =>
  fields.maxForwards === '0' && method === 'OPTIONS' ? fault(200, 'Max-Forwards says that it ends here') : undefined

/** `chunked` alone is understood. A list whose last is chunked names codings we do not have; anything else has no end. */
function checkTransferEncoding(value: string): Fault | undefined {
  const codings = value.toLowerCase().split(',').map(trimBlanks)
  if (codings.length === 1 && codings[0] === 'chunked') return undefined
  const others = codings.slice(0, -1)
  if (codings.at(-1) === 'chunked' && others.every((coding) => isTokenText(coding) && coding !== 'chunked')) return fault(501, 'unknown transfer coding')
  return fault(400, 'bad Transfer-Encoding')
}

const dropDistrusted: TakeField<Gathered, Fault> = (lines, index, fields) => {
  if (fields.isDistrusted) lines.drop(index)
  return undefined
}

const requestFields = new FieldTable<Gathered, Fault>(
  {
    te: (lines, index, fields) => {
      if (lines.value(index).toLowerCase().split(',').some((coding) => trimBlanks(coding) === 'trailers')) fields.wantsTrailers = true
      lines.drop(index)
    },
    via: (lines, index, fields) => {
      // A hop's sender has written these; the two sidecars of one request count as one proxy.
      if (fields.isHop) return
      fields.via += `${lines.value(index)}, `
      lines.drop(index)
    },
    host: (lines, index, fields) => {
      fields.hosts += 1
      fields.host = lines.value(index)
      fields.hostLine = index
    },
    expect: (lines, index, fields) => {
      fields.expect = fields.expect === undefined ? lines.value(index) : `${fields.expect}, ${lines.value(index)}`
      lines.drop(index)
    },
    upgrade: (lines, index, fields) => {
      fields.upgrade = fields.upgrade === undefined ? lines.value(index) : `${fields.upgrade}, ${lines.value(index)}`
      lines.drop(index)
    },
    'max-forwards': (lines, index, fields) => {
      fields.maxForwards = lines.value(index)
    },
    connection: (lines, index, fields) => {
      readConnection(lines.value(index), fields.connection)
      lines.drop(index)
    },
    'content-length': (lines, index, fields) => {
      if (fields.contentLength !== undefined) return fault(400, 'Content-Length twice')
      fields.contentLength = readContentLength(lines.value(index))
      lines.drop(index)
      return fields.contentLength === undefined ? fault(400, 'bad Content-Length') : undefined
    },
    'transfer-encoding': (lines, index, fields) => {
      if (fields.transferEncoding !== undefined) return fault(400, 'Transfer-Encoding twice')
      fields.transferEncoding = lines.value(index)
      lines.drop(index)
      return undefined
    },
    'x-forwarded-for': (lines, index, fields) => {
      if (fields.isHop) return
      if (!fields.isDistrusted) fields.forwardedFor += `${lines.value(index)}, `
      lines.drop(index)
    },
    'x-forwarded-host': (lines, index, fields) => {
      if (fields.isDistrusted) lines.drop(index)
      else fields.hasForwardedHost = true
    },
    'x-forwarded-proto': (lines, index, fields) => {
      if (fields.isDistrusted) lines.drop(index)
      else fields.hasForwardedProto = true
    },
    'x-forwarded-port': dropDistrusted,
    'x-real-ip': dropDistrusted,
    forwarded: dropDistrusted,
    'x-request-id': (lines, index, fields) => {
      if (fields.isDistrusted && fields.makesRequestIds) lines.drop(index)
      else fields.hasRequestId = true
    },
    'keep-alive': dropField,
    'proxy-connection': dropField,
    'proxy-authenticate': dropField,
    'proxy-authorization': dropField,
    'http2-settings': dropField,
  },
  ownPrefix,
  dropField,
)

function gather(lines: FieldLines, { acceptsHops, forwarding }: RequestContext): Gathered | Fault {
  const isHop = acceptsHops && lines.join(hopHeader, '') === '1'
  const fields: Gathered = {
    connection: noOptions(),
    hosts: 0,
    host: '',
    hostLine: -1,
    contentLength: undefined,
    transferEncoding: undefined,
    expect: undefined,
    maxForwards: undefined,
    upgrade: undefined,
    wantsTrailers: false,
    isHop,
    via: '',
    forwardedFor: '',
    hasForwardedProto: false,
    hasForwardedHost: false,
    hasRequestId: false,
    makesRequestIds: forwarding.makesRequestIds,
    isDistrusted: !forwarding.believesClients && !isHop,
  }
  return requestFields.takeAll(lines, fields) ?? fields
}

/** Digits alone, at most 2⁵³ − 1; undefined for anything else. */
export function readContentLength(value: string): number | undefined {
  if (!/^\d{1,16}$/.test(value)) return undefined
  const length = Number(value)
  return Number.isSafeInteger(length) ? length : undefined
}

/** Who has forwarded this: appended to what came (RFC 9110 §7.6.3; the de facto X-Forwarded lists). */
function forwardedLines(minor: number, host: string, fields: Gathered, { clientAddress }: RequestContext): string {
  return (
    `Via: ${fields.via}1.${minor} kinglet\r\nX-Forwarded-For: ${fields.forwardedFor}${clientAddress}\r\n` +
    (fields.hasForwardedProto ? '' : 'X-Forwarded-Proto: http\r\n') +
    (fields.hasForwardedHost || host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`) +
    (fields.makesRequestIds && !fields.hasRequestId ? `X-Request-Id: ${randomUUID()}\r\n` : '')
  )
}

/** The body's framing is always said: a body that the next hop must guess is a body it may take for a request. */
function framingLines(method: string, body: RequestHead['body'], length: number | undefined): string {
  if (body === 'chunked') return 'Transfer-Encoding: chunked\r\n'
  if (length !== undefined) return `Content-Length: ${length}\r\n`
  return needsLength.has(method) ? 'Content-Length: 0\r\n' : ''
}

function connectionLines(upgrade: boolean, wantsTrailers: boolean): string {
  if (upgrade) return 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return wantsTrailers ? 'TE: trailers\r\nConnection: TE\r\n' : ''
}
