/**
 * One request and its response in HTTP/2: two streams, each byte from one to the other as fast as both allow. Answers: the client gets
 * the response with its trailers, or a reset with the app's code; what provably was not processed is sent elsewhere. Must not: know
 * connections, or judge who is charged (serving.ts). What goes up is request-flow.ts, what comes down response-flow.ts.
 *
 *   connecting ──session──▶ waiting ──head──▶ responding ──end of stream──▶ done
 *       │                     │                   └──reset, lost──▶ done (the client gets the code, or UNAVAILABLE)
 *       └──────failed─────────┴──▶ connecting (another attempt) or done (an answer of our own)
 */
import { describeError } from '../../base/errors.ts'
import type { ClientMemory } from '../another-try.ts'
import type { Engine } from '../engine.ts'
import { unsentHeader } from '../http/hop-by-hop.ts'
import type { OwnAnswer } from '../http/own-answer.ts'
import { answerTo, lateBodyAnswer, malformedAnswer, type Failure } from '../outcomes.ts'
import { Serving } from '../serving.ts'
import type { UpstreamPool } from '../upstream-pool.ts'
import { attemptMs, callLimitOf, isPastDeadline } from './call-deadline.ts'
import { editRequestFields } from './edit-fields.ts'
import type { Http2Request } from './gathered-request.ts'
import { equivalentStatus, grpcStatus } from './grpc.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field, type Field } from './hpack/field.ts'
import { Http2MirrorCopy } from './mirror-copy.ts'
import { ownHeaders, ownTrailers, preflightHeaders } from './own-answer.ts'
import { Http2RequestFlow } from './request-flow.ts'
import { Http2ResponseFlow } from './response-flow.ts'
import { readResponse, type Http2Response } from './response.ts'
import type { Session } from './session.ts'
import type { Loss, Stream, StreamUser } from './stream.ts'
import { grpcStatusIn, readTrailers } from './trailers.ts'
import { sessionsOf, type SessionTaker } from './upstream-sessions.ts'
import { errorCode } from './wire.ts'

/** A client that does not take its response is given up when this much waits in all streams of the app's connection. */
const maxHeldUpstream = 16_777_216

const resetAnswer: OwnAnswer = answerTo.lost
const longBodyAnswer: OwnAnswer = { status: 413, code: 'bad-request', message: 'The proxy refused this request: the body is too long.' }

/** The connection that a request came by. */
export interface StreamOwner extends ClientMemory {
  readonly port: 'route' | 'direct'
  /** The client had better connect anew: it is told, and nothing is cut. */
  drain(): void
}

export class Http2Exchange implements StreamUser, SessionTaker {
  /** On the clock of Deadlines. */
  private deadline = Number.POSITIVE_INFINITY
  private readonly engine: Engine
  private readonly owner: StreamOwner
  private readonly client: Stream
  private readonly head: Http2Request
  private readonly serving: Serving
  private readonly startedAt: number
  private readonly request: Http2RequestFlow
  /** When the policy's time is over, and when the caller's is, on the clock of Deadlines. */
  private timeLimit = Number.POSITIVE_INFINITY
  private readonly callLimit: number
  private state: 'connecting' | 'waiting' | 'responding' | 'done' = 'connecting'
  /** The stream to the place that serves, and the pool that counts it. */
  private upstream: Stream | undefined
  private pool: UpstreamPool | undefined
  private isReused = false
  private response: Http2ResponseFlow | undefined
  /** When the client last moved: sent of its body, or took of its response. On the clock of Deadlines. */
  private movedAt: number

  /** `hasEnded`: the request has no body. */
  constructor(engine: Engine, owner: StreamOwner, client: Stream, head: Http2Request, hasEnded: boolean) {
    this.engine = engine
    this.owner = owner
    this.client = client
    this.head = head
    this.movedAt = engine.deadlines.now
    this.startedAt = performance.now()
    this.serving = new Serving(engine, owner.port, { method: head.method, target: head.target, isHop: head.isHop, protocol: head.isGrpc ? 'grpc' : 'http2' }, this.startedAt, head)
    this.serving.cameBy(owner)
    const { plan, mirror } = this.serving
    const forward = plan ? editRequestFields(head.forward, plan) : head.forward
    const timeoutMs = Math.min(head.timeoutMs ?? Number.POSITIVE_INFINITY, plan?.timeoutMs ?? Number.POSITIVE_INFINITY)
    const copy = mirror && new Http2MirrorCopy(engine, mirror, { forward, isGrpc: head.isGrpc, timeoutMs })
    this.request = new Http2RequestFlow(engine, client, head, { forward, hasEnded, copy })
    this.callLimit = callLimitOf(head, engine.deadlines)
  }

  start(): void {
    const { plan } = this.serving
    if (plan?.preflight) return this.answerPreflight(plan.preflight)
    const { hasEnded } = this.request
    if (hasEnded) this.limitTime()
    this.attempt(false)
    if (hasEnded) this.request.sendCopy()
  }

  /** The request has ended: the policy's time runs. */
  private limitTime(): void {
    const { plan } = this.serving
    if (plan?.timeoutMs === undefined) return
    this.timeLimit = this.engine.deadlines.after(plan.timeoutMs)
    this.deadline = Math.min(this.deadline, this.timeLimit)
  }

  /** When it is over, whatever is tried. */
  private get limit(): number {
    return Math.min(this.timeLimit, this.callLimit)
  }

  /** A cross-origin preflight is no request for the app. */
  private answerPreflight(lines: readonly (readonly [name: string, value: string])[]): void {
    this.serving.end()
    this.end()
    this.client.sendHeaders(preflightHeaders(lines), true)
    this.stopRequest()
  }

  // === An attempt to have it served at one place ===

  private attempt(fresh: boolean): void {
    this.state = 'connecting'
    const { deadlines, limits } = this.engine
    this.deadline = Math.min(this.limit, deadlines.after(attemptMs(this.head, this.serving.plan?.retries?.perTryTimeoutMs, limits.responseTimeoutMs)))
    this.pool = this.serving.place.pool
    this.pool.active += 1
    sessionsOf(this.pool).take(this, fresh)
  }

  private attemptAfter(ms: number, fresh: boolean): void {
    this.state = 'connecting'
    // No attempt lasts meanwhile.
    this.deadline = this.limit
    if (ms === 0) this.attempt(fresh)
    else setTimeout(() => this.state !== 'done' && this.attempt(fresh), ms)
  }

  onSession(session: Session, isReused: boolean): void {
    if (this.state !== 'connecting') return
    this.state = 'waiting'
    this.isReused = isReused
    const upstream = session.open()
    this.upstream = upstream
    upstream.user = new AppSide(this)
    this.request.begin(upstream, this.serving.place.isLocal)
  }

  onNoSession(): void {
    if (this.state === 'connecting') this.failed('unsent')
  }

  // === The client sends ===

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    if (this.request.takeTrailers(block, hasEnded)) this.onRequestEnd()
    else this.refuse()
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    this.movedAt = this.engine.deadlines.now
    const fault = this.request.take(bytes, hasEnded)
    if (fault === 'fault') this.refuse()
    else if (fault === 'long') this.stopLongBody()
    else if (hasEnded) this.onRequestEnd()
  }

  private onRequestEnd(): void {
    this.limitTime()
    this.request.sendCopy()
  }

  /** The app has taken more of the body. */
  onTakenByApp(bytes: number): void {
    this.movedAt = this.engine.deadlines.now
    this.request.onTaken(bytes)
  }

  onSent(bytes: number): void {
    this.movedAt = this.engine.deadlines.now
    this.upstream?.consume(bytes)
  }

  // === The response ===

  onResponseBlock(block: DecodedBlock, hasEnded: boolean): void {
    try {
      if (this.response) this.onTrailers(block, hasEnded)
      else this.onResponse(block.isTooLarge ? undefined : readResponse(block.fields), hasEnded)
    } catch (error) {
      this.onBug(error)
    }
  }

  private onResponse(head: Http2Response | undefined, hasEnded: boolean): void {
    if (!head || head.status === 101 || (head.status < 200 && hasEnded)) return this.onMalformed()
    if (head.status < 200) return this.client.sendHeaders(head.forward, false)
    this.serving.gotHead()
    if (head.unsent !== '' && !this.serving.place.isLocal) return this.failed('unsent', { isItsFault: head.unsent === 'refused' })
    const replacement = this.serving.replacementFor(head.status, this.request.isWhole, hasEnded && this.head.isGrpc ? head.grpcStatus : undefined)
    if (replacement) {
      this.dropUpstream()
      this.attemptAfter(replacement.afterMs, false)
      return
    }
    const response = new Http2ResponseFlow(head, this.head.method)
    if (hasEnded && !response.take(0, true)) return this.onMalformed()
    this.state = 'responding'
    this.request.answered()
    this.response = response
    this.deadline = this.limit
    if (this.serving.isDisplaced) this.owner.drain()
    this.client.sendHeaders(response.fields(this.serving), hasEnded)
    if (hasEnded) this.complete(head.grpcStatus)
  }

  onResponseData(bytes: Buffer, hasEnded: boolean): void {
    if (!this.response) return this.onMalformed()
    if (!this.response.take(bytes.length, hasEnded)) return this.onUpstreamReset(errorCode.protocolError, 'peer')
    if (!this.client.hasQueued) this.movedAt = this.engine.deadlines.now
    this.client.sendData(bytes, hasEnded)
    if (hasEnded) this.complete(undefined)
    else if (this.client.hasQueued && (this.upstream?.session.window.held ?? 0) > maxHeldUpstream) this.abandon()
  }

  private onTrailers(block: DecodedBlock, hasEnded: boolean): void {
    const trailers = block.isTooLarge || !hasEnded ? undefined : readTrailers(block.fields)
    if (!trailers || !this.response?.take(0, true)) return this.onUpstreamReset(errorCode.protocolError, 'peer')
    this.client.sendHeaders(trailers, true)
    this.complete(grpcStatusIn(trailers))
  }

  /** The response has come to its end. The request may still go on. */
  private complete(status: string | undefined): void {
    const head = this.response?.head
    if (!head || this.state === 'done') return
    const isGrpc = this.head.isGrpc && (head.isGrpc || head.status !== 200)
    // Some servers call it cancelled when the time of a call is up.
    if (isGrpc && status === String(grpcStatus.cancelled) && isPastDeadline(this.head, this.startedAt)) this.serving.failed('timeout')
    else this.serving.completed(isGrpc ? equivalentStatus(head.status, status) : head.status, head.serviceTimeUs)
    this.end()
  }

  private end(): void {
    this.state = 'done'
    this.request.end()
    this.deadline = Number.POSITIVE_INFINITY
    if (this.pool) this.pool.active -= 1
    this.pool = undefined
  }

  // === The app fails ===

  onUpstreamReset(code: number, loss: Loss): void {
    if (this.state === 'done') {
      // The app has answered, and wants no more of the request (RFC 9113 §8.1).
      this.upstream = undefined
      this.request.leave()
      this.stopRequest(loss === 'peer' ? code : errorCode.noError)
      return
    }
    if (this.state === 'responding') return this.cut(code, loss)
    if (loss === 'unprocessed') this.failed('unsent', { code })
    else if (loss === 'lost') this.failed('lost')
    else this.failed('lost', { code, isAnswered: true })
  }

  /** `code`: by which the app has ended its stream. `isAnswered`: it spoke, so its connection was alive. */
  private failed(failure: Failure, { isItsFault = true, isAnswered = false, code = undefined as number | undefined } = {}): void {
    const isReused = !isAnswered && this.isReused
    const wasUpstream = this.upstream
    this.dropUpstream()
    const next = this.serving.next({ failure, isReused, isItsFault, canReplay: this.request.isWhole })
    if (next) {
      this.attemptAfter(next.afterMs, next.fresh)
      return
    }
    if (code !== undefined && wasUpstream && (failure === 'lost' || this.serving.reason !== 'hop')) {
      this.end()
      this.client.reset(code === errorCode.noError ? errorCode.internalError : code)
      return
    }
    this.answerFailure(failure)
  }

  private answerFailure(failure: Failure): void {
    const isRefusedHop = failure === 'unsent' && this.serving.reason === 'hop'
    this.answer(answerTo[failure], isRefusedHop ? [field(unsentHeader, this.engine.isDraining ? 'draining' : 'refused')] : [])
  }

  private onMalformed(): void {
    this.dropUpstream()
    this.serving.failed('5xx')
    this.answer(malformedAnswer, [])
  }

  /** The response broke off: the client must not take it for whole. A call ends as it would if its own connection had been lost. */
  private cut(code: number, loss: Loss, outcome: 'reset' | 'timeout' = 'reset'): void {
    this.dropUpstream()
    this.serving.failed(outcome)
    this.end()
    if (loss !== 'peer' && this.head.isGrpc) this.client.sendHeaders(ownTrailers(grpcStatus.unavailable, resetAnswer), true)
    else this.client.reset(loss !== 'peer' || code === errorCode.noError ? errorCode.internalError : code)
    this.stopRequest()
  }

  // === The client fails, or we do ===

  onReset(code: number): void {
    if (this.state !== 'done') {
      if (code === errorCode.cancel && isPastDeadline(this.head, this.startedAt) && this.state !== 'responding') this.serving.failed('timeout')
      else this.serving.clientAborted()
    }
    this.dropUpstream()
    if (this.state !== 'done') this.end()
  }

  private onDeadline(): void {
    this.deadline = Number.POSITIVE_INFINITY
    if (this.state === 'done') return
    const isOverLimit = this.timeLimit <= this.engine.deadlines.now
    if (this.state === 'responding') return isOverLimit ? this.cut(errorCode.cancel, 'peer', 'timeout') : this.abandon(grpcStatus.deadlineExceeded)
    if (!isOverLimit && this.callLimit > this.engine.deadlines.now) return this.failed('timeout')
    this.dropUpstream()
    this.serving.failed('timeout')
    this.answerFailure('timeout')
  }

  onLook(): void {
    if (this.deadline <= this.engine.deadlines.now) this.onDeadline()
    else this.endIfStalled()
  }

  /**
   * One stream may stand still while the others of its connection go on: it is given up when the client takes nothing of its answer for
   * as long as Envoy lets a stream be idle, or sends nothing of a body that is waited for. A call may be silent: its caller has a deadline.
   */
  private endIfStalled(): void {
    const { deadlines, limits } = this.engine
    const stillMs = deadlines.now - this.movedAt
    if (this.client.hasQueued) {
      if (stillMs > limits.responseTimeoutMs) this.stopUntaken()
    } else if (this.state === 'done') this.endRestIfStalled()
    else if (this.owesBody && (stillMs > limits.bodyTimeoutMs || this.request.isTooSlow)) {
      this.dropUpstream()
      this.serving.end()
      this.answer(lateBodyAnswer, [])
    }
  }

  private get owesBody(): boolean {
    return this.state === 'waiting' && !this.request.hasEnded && this.client.unconsumed === 0 && !this.head.isGrpc && !this.head.isHop
  }

  private stopUntaken(): void {
    if (this.state !== 'done') return this.abandon()
    this.dropUpstream()
    this.client.reset(errorCode.cancel)
  }

  /** It is answered, and what is left of the request stands still: the client does not send it, or the app does not take it. */
  endRestIfStalled(): void {
    if (this.state !== 'done' || this.engine.deadlines.now - this.movedAt <= this.engine.limits.bodyTimeoutMs) return
    this.dropUpstream()
    this.stopRequest()
  }

  /** The client takes no more of its response, or has no more time for it. */
  private abandon(status?: number): void {
    this.dropUpstream()
    this.serving.clientAborted()
    this.end()
    if (status !== undefined && this.head.isGrpc) this.client.sendHeaders(ownTrailers(status, answerTo.timeout), true)
    else this.client.reset(errorCode.cancel)
    this.stopRequest()
  }

  /** The request turned out to be none. */
  private refuse(): void {
    this.dropUpstream()
    this.serving.end()
    if (this.state !== 'done') this.end()
    this.client.fail(errorCode.protocolError)
  }

  private stopLongBody(): void {
    const hasBegun = this.state === 'responding'
    this.dropUpstream()
    this.serving.end()
    if (!hasBegun) return this.answer(longBodyAnswer, [])
    this.end()
    this.client.reset(errorCode.cancel)
  }

  private answer(answer: OwnAnswer, more: readonly Field[]): void {
    this.end()
    const { headers, body } = ownHeaders(answer, this.head)
    this.client.sendHeaders([...headers, ...more], body === undefined)
    if (body) this.client.sendData(body, true)
    this.stopRequest()
  }

  /** The response is complete without the rest of the request (RFC 9113 §8.1). */
  private stopRequest(code: number = errorCode.noError): void {
    this.client.consume(this.client.unconsumed)
    if (!this.request.hasEnded && !this.client.hasQueued) this.client.reset(code)
  }

  /** A mistake of ours costs this request, not the others. */
  private onBug(error: unknown): void {
    this.engine.log.error('exchange failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
    if (this.state === 'done') return
    this.dropUpstream()
    this.serving.proxyFailed()
    this.end()
    this.client.reset(errorCode.internalError)
  }

  private dropUpstream(): void {
    const { upstream } = this
    if (this.state === 'connecting' && this.pool) sessionsOf(this.pool).forget(this)
    this.upstream = undefined
    this.request.leave()
    upstream?.reset(errorCode.cancel)
    // One that was over has bytes that the client has not taken.
    upstream?.consume(upstream.unconsumed)
    if (this.pool) this.pool.active -= 1
    this.pool = undefined
  }
}

/** What the stream to the app tells: of the two streams of an exchange one calls the exchange itself, the other comes by here. */
class AppSide implements StreamUser {
  private readonly exchange: Http2Exchange

  constructor(exchange: Http2Exchange) {
    this.exchange = exchange
  }

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    this.exchange.onResponseBlock(block, hasEnded)
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    this.exchange.onResponseData(bytes, hasEnded)
  }

  onSent(bytes: number): void {
    this.exchange.onTakenByApp(bytes)
  }

  onReset(code: number, loss: Loss): void {
    this.exchange.onUpstreamReset(code, loss)
  }

  onLook(): void {
    this.exchange.endRestIfStalled()
  }
}
