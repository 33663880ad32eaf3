/**
 * The head of a request in HTTP/2: read strictly, and the fields that go on. RFC 9113 §8.2, §8.3; the rest as for HTTP/1.1
 * (http/request-head.ts). Fields that repeat are shared objects: nothing is looked at twice.
 */
import { randomUUID } from 'node:crypto'
import type { Forwarding, ProxyLimits } from '../settings.ts'
import { GatheredRequest, type Http2Request } from './gathered-request.ts'
import { field, type Field } from './hpack/field.ts'

/** `malformed`: no HTTP/2 request, which resets its stream with PROTOCOL_ERROR. */
export type RequestFault = 'malformed' | { readonly status: number; readonly reason: string }

const viaUs = field('via', '2.0 kinglet')
const protoHttp = field('x-forwarded-proto', 'http')
const hostSyntax = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d{0,5})?$/
const targetSyntax = /^[\x21\x22\x24-\x7e\x80-\xff]+$/
const methodSyntax = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

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
    const gathered = new GatheredRequest(fields, this.clientAddress)
    if (!gathered.gather(this.acceptsHops, this.forwarding)) return 'malformed'
    const fault = this.checkTarget(gathered)
    if (fault) return fault
    if (fields.length > this.limits.maxFields + 4 + (this.acceptsHops ? 8 : 0)) return { status: 431, reason: 'too many fields' }
    if (gathered.host !== undefined && gathered.host !== gathered.authority) return { status: 400, reason: ':authority and Host differ' }
    if (!hostSyntax.test(gathered.authority)) return { status: 400, reason: 'bad :authority' }
    if (!gathered.isHop) this.addForwarded(gathered, gathered.authority)
    return gathered
  }

  private checkTarget({ method, scheme, target }: GatheredRequest): RequestFault | undefined {
    if (!methodSyntax.test(method)) return 'malformed'
    if (method === 'CONNECT' || method === 'TRACE') return { status: 405, reason: 'this method ends here' }
    if (scheme === '' || !targetSyntax.test(target)) return 'malformed'
    if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS')) return 'malformed'
    return target.length > this.limits.maxTargetBytes ? { status: 414, reason: 'the request target is too long' } : undefined
  }

  private addForwarded(gathered: GatheredRequest, authority: string): void {
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
