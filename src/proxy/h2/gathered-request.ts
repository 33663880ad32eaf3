import type { RequestView } from '../../routing/request-view.ts'
import { readContentLength } from '../http/request-fields.ts'
import type { Forwarding } from '../settings.ts'
import { isGrpcType, readTimeoutMs } from './grpc.ts'
import type { Field } from './hpack/field.ts'
import type { Role } from './hpack/role.ts'

/** What the rest of the sidecar sees of a request in HTTP/2. */
export interface Http2Request extends RequestView {
  readonly isGrpc: boolean
  /** Another sidecar chose this pod. */
  readonly isHop: boolean
  readonly contentLength: number | undefined
  /** The caller's own deadline, from grpc-timeout. */
  readonly timeoutMs: number | undefined
  readonly forward: readonly Field[]
}

/** What a client may claim about others. */
const claims: ReadonlySet<Role> = new Set(['forwarded-for', 'forwarded-host', 'forwarded-proto', 'forwarded-other'])
const claimsAndId: ReadonlySet<Role> = new Set([...claims, 'request-id'])

/**
 * Everything that the fields of a head say, gathered in one pass. Answers: what goes on as it is, and what somebody must look at. Must not: judge
 * the request as a whole (request.ts).
 */
export class GatheredRequest implements Http2Request {
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
