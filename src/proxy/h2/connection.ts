/**
 * One client's connection in HTTP/2. Answers: each stream that it opens becomes an exchange, or an answer that says what is wrong with
 * it. Must not: know where a request goes.
 */
import type { ClientMemory } from '../another-try.ts'
import type { ClientSide } from '../client-side.ts'
import type { Seat } from '../crowd.ts'
import type { Timed } from '../deadlines.ts'
import type { Engine } from '../engine.ts'
import { unsentHeader } from '../http/hop-by-hop.ts'
import { sendOwnAnswer } from './own-answer.ts'
import { Http2Exchange, type StreamOwner } from './exchange.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field } from './hpack/field.ts'
import { RequestReader, type RequestFault } from './request-head.ts'
import { Session } from './session.ts'
import type { SessionUser } from './session-user.ts'
import { RefusedStream } from './refused-stream.ts'
import type { Stream } from './stream.ts'
import { ConnectionError, errorCode } from './wire.ts'

/** Received bytes that wait for the app, of all streams of one client, before the client must wait. */
const maxHeldBytes = 4_194_304

export class Http2Connection implements SessionUser, StreamOwner, Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  readonly port: 'route' | 'direct'
  requests = 0
  lastFailure: ClientMemory['lastFailure']
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly session: Session
  private readonly reader: RequestReader
  /** When the client was asked to leave. */
  private leavingSince: number | undefined
  private blockedSince: number | undefined
  /** When the last stream ended. */
  private idleSince = 0

  /** Takes the socket over, with what was read of it. */
  constructor(engine: Engine, client: ClientSide) {
    const { limits, deadlines } = engine
    this.engine = engine
    this.client = client
    this.port = client.port
    this.reader = new RequestReader(limits, engine.forwarding, client.address, client.port === 'direct')
    // As each field counts 32 bytes more than it has.
    const maxListBytes = limits.maxHeadBytes + 32 * limits.maxFields + (client.port === 'direct' ? 4096 : 0)
    const early = client.detach()
    client.onTunnel(this)
    this.deadline = deadlines.after(limits.headTimeoutMs)
    this.session = new Session(client.socket, true, { maxStreams: limits.maxStreams, maxListBytes, maxHeldBytes }, this)
    deadlines.add(this)
    if (early) this.session.onData(early)
    client.socket.resume()
  }

  // === Streams ===

  onStream(stream: Stream, block: DecodedBlock, hasEnded: boolean): void {
    if (this.session.hasPeerSettings) this.deadline = Math.min(this.deadline, this.engine.deadlines.after(0))
    const request = block.isTooLarge ? { status: 431, reason: 'the head is too long' } : this.reader.read(block.fields)
    if (typeof request === 'string' || 'reason' in request) return this.refuse(stream, request, hasEnded, block)
    const { maxBodyBytes, maxRequests } = this.engine.limits
    if (maxBodyBytes > 0 && (request.contentLength ?? 0) > maxBodyBytes) return this.refuse(stream, { status: 413, reason: 'the body is too long' }, hasEnded, block)
    if (this.engine.counters.requestsInFlight >= maxRequests) return this.refuse(stream, { status: 503, reason: 'too many requests are under way' }, hasEnded, block)
    if (hasEnded && (request.contentLength ?? 0) > 0) return this.refuse(stream, 'malformed', hasEnded, block)
    if (this.engine.isDraining || this.engine.live.active.isLeaving) this.leave()
    this.requests += 1
    const exchange = new Http2Exchange(this.engine, this, stream, request, hasEnded)
    stream.user = exchange
    exchange.start()
  }

  private refuse(stream: Stream, fault: RequestFault, hasEnded: boolean, block: DecodedBlock): void {
    this.client.countRefused(fault === 'malformed' ? 400 : fault.status)
    stream.user = undefined
    if (fault === 'malformed') return stream.reset(errorCode.protocolError)
    const method = block.fields.find(({ name }) => name === ':method')?.value ?? ''
    const answer = { status: fault.status, code: 'bad-request', message: `The proxy refused this request: ${fault.reason}.` }
    // Another sidecar may have sent it, and can serve it elsewhere.
    const isUnsent = fault.status === 503 && this.port === 'direct'
    sendOwnAnswer(stream, answer, { method, isGrpc: false }, isUnsent ? [field(unsentHeader, 'overloaded')] : [])
    if (!hasEnded && !stream.hasQueued) stream.reset(errorCode.noError)
    else if (!stream.isOver) stream.user = new RefusedStream(stream, this.engine.deadlines, this.engine.limits.bodyTimeoutMs)
  }

  onIdleStreams(): void {
    if (this.session.streams.size > 0 || !this.session.hasPeerSettings) return
    const { deadlines, limits } = this.engine
    this.idleSince = deadlines.now
    this.lookAfter(limits.headTimeoutMs)
  }

  onGoAway(): void {}

  // === Time ===

  onDeadline(): void {
    const { deadlines, limits } = this.engine
    if (!this.session.hasPeerSettings) return this.session.fail(new ConnectionError(errorCode.settingsTimeout, 'SETTINGS did not come in time'))
    if (this.session.isStalledSince(performance.now() - limits.headTimeoutMs)) return this.session.fail(new ConnectionError(errorCode.enhanceYourCalm, 'a header block did not come in time'))
    if (this.isNotTaken()) return this.session.destroy()
    const isIdle = this.session.streams.size === 0
    if (isIdle && deadlines.now - this.idleSince >= limits.tunnelIdleMs) this.leave()
    if (this.client.retiresAt <= deadlines.now) this.leave()
    if (this.leavingSince !== undefined && deadlines.now - this.leavingSince >= limits.headTimeoutMs) this.session.finish()
    this.lookAfter(isIdle ? limits.headTimeoutMs : 0)
    for (const { user } of this.session.streams.all()) user?.onLook?.()
  }

  private lookAfter(ms: number): void {
    const { deadlines, limits } = this.engine
    const turn = this.leavingSince === undefined ? this.client.retiresAt : this.leavingSince + limits.headTimeoutMs
    this.deadline = Math.min(deadlines.after(ms), turn)
  }

  /** The client has taken nothing of what was written for too long. */
  private isNotTaken(): boolean {
    if (!this.client.socket.writableNeedDrain) {
      this.blockedSince = undefined
      return false
    }
    this.blockedSince ??= this.engine.deadlines.now
    return this.engine.deadlines.now - this.blockedSince > this.engine.limits.bodyTimeoutMs
  }

  // === The end ===

  /** No new streams; those there are end in their time. */
  drain(): void {
    this.leave()
  }

  private leave(): void {
    if (this.leavingSince !== undefined) return
    this.leavingSince = this.engine.deadlines.now
    this.session.goAway()
  }

  abort(): void {
    this.session.destroy()
  }

  onClosed(error: ConnectionError | undefined): void {
    this.engine.deadlines.delete(this)
    if (error) this.engine.log.debug('connection of HTTP/2 ended by us', { error: error.message, code: error.code })
    this.client.onTunnelClosed()
  }
}
