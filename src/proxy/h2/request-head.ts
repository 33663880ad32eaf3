/**
 * The head of a request in HTTP/2: read strictly, and the fields that go on. RFC 9113 §8.2, §8.3; the rest as for HTTP/1.1
 * (http/request-head.ts). Fields that repeat are shared objects: nothing is looked at twice.
 */
import { randomUUID } from 'node:crypto'
import type { RequestView } from '../../routing/request-view.ts'
import { readContentLength } from '../http/request-fields.ts'
import type { Forwarding, ProxyLimits } from '../settings.ts'
import { isGrpcType, readTimeoutMs } from './grpc.ts'
import { field, type Field } from './hpack/field.ts'
import type { Role } from './hpack/role.ts'

export interface Http2Request extends RequestView {
  readonly isGrpc: boolean
  /** Another sidecar chose this pod. */
  readonly isHop: boolean
  readonly contentLength: number | undefined
  /** The caller's own deadline, from grpc-timeout. */
  readonly timeoutMs: number | undefined
  readonly forward: readonly Field[]
}

/** `malformed`: no HTTP/2 request, which resets its stream with PROTOCOL_ERROR. */
export type RequestFault = 'malformed' | { readonly status: number; readonly reason: string }

const viaUs = field('via', '2.0 kinglet')
const protoHttp = field('x-forwarded-proto', 'http')
const hostSyntax = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d{0,5})?$/
const targetSyntax = /^[\x21\x22\x24-\x7e\x80-\xff]+$/
const methodSyntax = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What a client may claim about others. */
const claims: ReadonlySet<Role> = new Set(['forwarded-for', 'forwarded-host', 'forwarded-proto', 'forwarded-other'])
const claimsAndId: ReadonlySet<Role> = new Set([...claims, 'request-id'])

/** Reads the requests of one connection: what all of them get is made once. */
export class RequestReader {
  private readonly limits: ProxyLimits
  private readonly acceptsHops: boolean
  private readonly forwarding: Forwarding
  private readonly clientAddress: string
  private readonly forwardedFor: Field
  /** The last authority and its line: a connection seldom has two. */
  private forwardedHost = field('x-forwarded-host', '')

  constructor(limits: ProxyLimits, forwarding: Forwarding, clientAddress: string, acceptsHops: boolean) {
    this.limits = limits
    this.forwarding = forwarding
    this.acceptsHops = acceptsHops
    this.clientAddress = clientAddress
    this.forwardedFor = field('x-forwarded-for', clientAddress)
  }

  read(fields: readonly Field[]): Http2Request | RequestFault {
    const gathered = new Gathered(fields, this.clientAddress)
    if (!gathered.gather(this.acceptsHops, this.forwarding)) return 'malformed'
    const fault = this.checkTarget(gathered)
    if (fault) return fault
    if (fields.length > this.limits.maxFields + 4 + (this.acceptsHops ? 8 : 0)) return { status: 431, reason: 'too many fields' }
    if (gathered.host !== undefined && gathered.host !== gathered.authority) return { status: 400, reason: ':authority and Host differ' }
    if (!hostSyntax.test(gathered.authority)) return { status: 400, reason: 'bad :authority' }
    if (!gathered.isHop) this.addForwarded(gathered, gathered.authority)
    return gathered
  }

  private checkTarget({ method, scheme, target }: Gathered): RequestFault | undefined {
    if (!methodSyntax.test(method)) return 'malformed'
    if (method === 'CONNECT' || method === 'TRACE') return { status: 405, reason: 'this method ends here' }
    if (scheme === '' || !targetSyntax.test(target)) return 'malformed'
    if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS')) return 'malformed'
    return target.length > this.limits.maxTargetBytes ? { status: 414, reason: 'the request target is too long' } : undefined
  }

  private addForwarded(gathered: Gathered, authority: string): void {
    const { forward } = gathered
    forward.push(gathered.via === undefined ? viaUs : field('via', `${gathered.via}, 2.0 kinglet`))
    forward.push(gathered.forwardedFor === undefined ? this.forwardedFor : field('x-forwarded-for', `${gathered.forwardedFor}, ${this.clientAddress}`))
    if (!gathered.hasForwardedProto) forward.push(protoHttp)
    if (this.forwarding.makesRequestIds && !gathered.hasRequestId) forward.push(field('x-request-id', randomUUID()))
    if (gathered.hasForwardedHost) return
    if (this.forwardedHost.value !== authority) this.forwardedHost = field('x-forwarded-host', authority)
    forward.push(this.forwardedHost)
  }
}

/** Everything that the fields say, gathered in one pass. */
class Gathered implements Http2Request {
  method = ''
  scheme = ''
  target = ''
  authority = ''
  readonly clientAddress: string
  host: string | undefined
  contentLength: number | undefined
  timeoutMs: number | undefined
  isGrpc = false
  isHop = false
  via: string | undefined
  forwardedFor: string | undefined
  hasForwardedProto = false
  hasForwardedHost = false
  hasRequestId = false
  /** What the client says and nobody believes; undefined nearly always. */
  private unheard: ReadonlySet<Role> | undefined
  readonly forward: Field[] = []
  private readonly fields: readonly Field[]

  private seen = 0

  constructor(fields: readonly Field[], clientAddress: string) {
    this.fields = fields
    this.clientAddress = clientAddress
  }

  header(lowerName: string): string | undefined {
    if (lowerName === 'host') return this.authority
    return this.join(lowerName, ', ')
  }

  cookies(): string | undefined {
    return this.join('cookie', '; ')
  }

  private join(name: string, separator: string): string | undefined {
    let joined: string | undefined
    for (const one of this.fields) if (one.name === name) joined = joined === undefined ? one.value : `${joined}${separator}${one.value}`
    return joined
  }

  /** False where it is no request. */
  gather(acceptsHops: boolean, { believesClients, makesRequestIds }: Forwarding): boolean {
    this.isHop = acceptsHops && this.fields.some(({ name, value }) => name === 'x-kinglet-hop' && value === '1')
    if (!believesClients && !this.isHop) this.unheard = makesRequestIds ? claimsAndId : claims
    let isRegular = false
    for (const one of this.fields) {
      if (one.role === 'plain') {
        isRegular = true
        this.forward.push(one)
      } else if (one.role === 'pseudo') {
        if (isRegular || !this.takePseudo(one)) return false
        this.forward.push(one)
      } else {
        isRegular = true
        if (!this.takeSpecial(one)) return false
      }
    }
    // Without :authority a Host stands for it (RFC 9113 §8.3.1).
    if ((this.seen & 8) === 0) this.authority = this.host ?? ''
    return true
  }

  /** False where it is unknown or comes twice. */
  private takePseudo({ name, value }: Field): boolean {
    const before = this.seen
    switch (name) {
      case ':method':
        this.method = value
        this.seen |= 1
        break
      case ':scheme':
        this.scheme = value
        this.seen |= 2
        break
      case ':path':
        this.target = value
        this.seen |= 4
        break
      case ':authority':
        this.authority = value
        this.seen |= 8
        break
      default:
        return false
    }
    return this.seen !== before
  }

  private takeSpecial(one: Field): boolean {
    const { value } = one
    if (this.unheard?.has(one.role)) return true
    switch (one.role) {
      case 'malformed':
        return false
      case 'hop':
      case 'own':
        return true
      case 'host':
        if (this.host !== undefined) return false
        this.host = value
        if ((this.seen & 8) === 0) this.forward.push(one)
        return true
      case 'content-length':
        if (this.contentLength !== undefined) return false
        this.contentLength = readContentLength(value)
        this.forward.push(one)
        return this.contentLength !== undefined
      case 'via':
      case 'forwarded-for':
        this.takeForwarded(one)
        return true
      case 'forwarded-host':
        this.hasForwardedHost = true
        break
      case 'forwarded-proto':
        this.hasForwardedProto = true
        break
      case 'request-id':
        this.hasRequestId = true
        break
      case 'content-type':
        this.isGrpc = isGrpcType(value)
        break
      case 'grpc-timeout':
        this.timeoutMs = readTimeoutMs(value)
        break
      default:
        break
    }
    this.forward.push(one)
    return true
  }

  /** A hop's sender has written these already. */
  private takeForwarded(one: Field): void {
    if (this.isHop) this.forward.push(one)
    else if (one.role === 'via') this.via = this.via === undefined ? one.value : `${this.via}, ${one.value}`
    else this.forwardedFor = this.forwardedFor === undefined ? one.value : `${this.forwardedFor}, ${one.value}`
  }
}

/** Trailers: the fields that go on, or undefined where they are none (RFC 9113 §8.1). */
export function readTrailers(fields: readonly Field[]): readonly Field[] | undefined {
  if (fields.some(({ role }) => role === 'malformed' || role === 'pseudo')) return undefined
  return fields.some(({ role }) => role === 'own') ? fields.filter(({ role }) => role !== 'own') : fields
}
