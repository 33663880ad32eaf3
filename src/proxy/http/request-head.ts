/**
 * The head of a request: read strictly, and written anew for the next hop. RFC 9112 §2–6, RFC 9110 §7.6, §10.1.1.
 * What is refused is refused because intermediaries and apps are known to read it differently.
 */
import type { RequestView } from '../../routing/request-view.ts'
import type { Forwarding } from '../settings.ts'
import { FieldLines, isTokenText, trimBlanks, type Fault } from './field-lines.ts'
import { connectionLines, forwardedLines, framingLines } from './forward-lines.ts'
import { dropNamed } from './hop-by-hop.ts'
import { gatherRequest, type RequestFields } from './request-fields.ts'
import { checkRequestLine, hostSyntax, readTarget } from './request-line.ts'

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
/** One parser serves all connections: a head is parsed and routed in one go. It is the view of the request it parsed last. */
export class RequestParser implements RequestView {
  method = ''
  target = ''
  authority = ''
  clientAddress = ''
  private readonly lines = new FieldLines()

  header(lowerName: string): string | undefined {
    // The authority of an absolute-form target has replaced it.
    if (lowerName === 'host') return this.authority === '' ? undefined : this.authority
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
    const fields = gatherRequest(this.lines, context)
    if (isFault(fields)) return fields
    const minor = version === 'HTTP/1.0' ? 0 : 1
    return checkFraming(minor, fields) ?? checkForwards(method, fields) ?? this.build(method, rawTarget, minor, fields, context)
  }

  private build(method: string, rawTarget: string, minor: number, fields: RequestFields, context: RequestContext): RequestHead | Fault {
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
        (fields.isHop ? '' : forwardedLines(minor, host, fields, context.clientAddress)) +
        (expectsContinue ? 'Expect: 100-continue\r\n' : '') +
        framingLines(method, body, contentLength) +
        connectionLines(upgrade, fields.wantsTrailers),
    }
  }
}

/** RFC 6455 §4.1. Any other Upgrade is left out and the request served as if it were not there: `h2c` has smuggled requests. */
const isWebSocketHandshake = (method: string, minor: number, fields: RequestFields): boolean =>
  method === 'GET' && minor === 1 && fields.connection.upgrade && fields.upgrade?.toLowerCase() === 'websocket'

function checkFraming(minor: number, fields: RequestFields): Fault | undefined {
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
const checkForwards = (method: string, fields: RequestFields): Fault | undefined =>
  fields.maxForwards === '0' && method === 'OPTIONS' ? fault(200, 'Max-Forwards says that it ends here') : undefined

/** `chunked` alone is understood. A list whose last is chunked names codings we do not have; anything else has no end. */
function checkTransferEncoding(value: string): Fault | undefined {
  const codings = value.toLowerCase().split(',').map(trimBlanks)
  if (codings.length === 1 && codings[0] === 'chunked') return undefined
  const others = codings.slice(0, -1)
  if (codings.at(-1) === 'chunked' && others.every((coding) => isTokenText(coding) && coding !== 'chunked')) return fault(501, 'unknown transfer coding')
  return fault(400, 'bad Transfer-Encoding')
}
