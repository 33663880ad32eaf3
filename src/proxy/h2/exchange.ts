/**
 * One request and its response in HTTP/2: two streams, each byte from one to the other as fast as both allow. Answers: the client gets
 * the response with its trailers, or a reset with the app's code; what provably was not processed is sent elsewhere. Must not: know
 * connections, or judge who is charged (serving.ts). What goes up is request-flow.ts, what comes down response-flow.ts; each try at a place is
 * attempt.ts, how long all of it may take call-time.ts.
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
import { answerTo, isOurShortage, lateBodyAnswer, malformedAnswer, type Failure } from '../outcomes.ts'
import { Serving } from '../serving.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { CallTime } from './call-time.ts'
import { editRequestFields } from './edit-fields.ts'
import type { Http2Request } from './gathered-request.ts'
import { equivalentStatus, grpcStatus } from './grpc.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field, type Field } from './hpack/field.ts'
import { Http2MirrorCopy } from './mirror-copy.ts'
import { ownTrailers, preflightHeaders, sendOwnAnswer } from './own-answer.ts'
import { Http2RequestFlow } from './request-flow.ts'
import { Http2ResponseFlow } from './response-flow.ts'
import { readResponse, type Http2Response } from './response.ts'
import type { Loss, Stream, StreamUser } from './stream.ts'
import { grpcStatusIn, readTrailers } from './trailers.ts'
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

export class Http2Exchange implements StreamUser, AttemptOwner {
  private readonly engine: Engine
  private readonly owner: StreamOwner
  private readonly client: Stream
  private readonly head: Http2Request
  private readonly serving: Serving
  private readonly request: Http2RequestFlow
  private readonly time: CallTime
  private state: 'connecting' | 'waiting' | 'responding' | 'done' = 'connecting'
  /** At the place that serves. */
  private attempt: Attempt | undefined
  private response: Http2ResponseFlow | undefined

  /** `hasEnded`: the request has no body. */
  constructor(engine: Engine, owner: StreamOwner, client: Stream, head: Http2Request, hasEnded: boolean) {
    this.engine = engine
    this.owner = owner
    this.client = client
    this.head = head
    this.time = new CallTime(engine, head)
    this.serving = new Serving(engine, owner.port, { method: head.method, target: head.target, isHop: head.isHop, protocol: head.isGrpc ? 'grpc' : 'http2' }, this.time.startedAt, head)
    this.serving.cameBy(owner)
    const { plan, mirror } = this.serving
    const forward = plan ? editRequestFields(head.forward, plan) : head.forward
    const timeoutMs = Math.min(head.timeoutMs ?? Number.POSITIVE_INFINITY, plan?.timeoutMs ?? Number.POSITIVE_INFINITY)
    const copy = mirror && new Http2MirrorCopy(engine, mirror, { forward, isGrpc: head.isGrpc, timeoutMs })
    this.request = new Http2RequestFlow(engine, client, head, { forward, hasEnded, copy })
  }

  start(): void {
    const { plan } = this.serving
    if (plan?.preflight) return this.answerPreflight(plan.preflight)
    const { hasEnded } = this.request
    if (hasEnded) this.time.requestEnded(plan?.timeoutMs)
    this.tryPlace(false)
    if (hasEnded) this.request.sendCopy()
  }

  /** A cross-origin preflight is no request for the app. */
  private answerPreflight(lines: readonly (readonly [name: string, value: string])[]): void {
    this.serving.end()
    this.end()
    this.client.sendHeaders(preflightHeaders(lines), true)
    this.request.stop(errorCode.noError)
  }

  // === Attempts to have it served at one place ===

  private tryPlace(fresh: boolean): void {
    const { place, plan } = this.serving
    this.state = 'connecting'
    this.time.attemptBegins(plan?.retries?.perTryTimeoutMs)
    this.attempt = new Attempt(this, place.pool)
    this.attempt.start(fresh)
  }

  private tryPlaceAfter(ms: number, fresh: boolean): void {
    this.state = 'connecting'
    this.time.attemptEnds()
    if (ms === 0) this.tryPlace(fresh)
    else setTimeout(() => this.state !== 'done' && this.tryPlace(fresh), ms)
  }

  onOpen(upstream: Stream): void {
    this.state = 'waiting'
    this.request.begin(upstream, this.serving.place.isLocal)
  }

  onNoSession(error: NodeJS.ErrnoException | undefined): void {
    this.failed('unsent', { isItsFault: !isOurShortage(error) })
  }

  private leavePlace(): void {
    const { attempt } = this
    this.attempt = undefined
    this.request.leave()
    attempt?.leave()
  }

  // === The client sends ===

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    if (this.request.takeTrailers(block, hasEnded)) this.onRequestEnd()
    else this.refuse()
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    if (bytes.length === 0 && !hasEnded) return
    this.time.moved()
    const fault = this.request.take(bytes, hasEnded)
    if (fault === 'fault') this.refuse()
    else if (fault === 'long') this.stopLongBody()
    else if (hasEnded) this.onRequestEnd()
  }

  private onRequestEnd(): void {
    this.time.requestEnded(this.serving.plan?.timeoutMs)
    this.request.sendCopy()
  }

  onTakenByApp(bytes: number): void {
    this.time.moved()
    this.request.onTaken(bytes)
  }

  onSent(bytes: number): void {
    this.time.moved()
    this.attempt?.consume(bytes)
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
      this.leavePlace()
      this.tryPlaceAfter(replacement.afterMs, false)
      return
    }
    const response = new Http2ResponseFlow(head, this.head.method)
    if (hasEnded && !response.take(0, true)) return this.onMalformed()
    this.state = 'responding'
    this.request.answered()
    this.response = response
    this.time.attemptEnds()
    if (this.serving.isDisplaced) this.owner.drain()
    this.client.sendHeaders(response.fields(this.serving), hasEnded)
    if (hasEnded) this.complete(head.grpcStatus)
  }

  onResponseData(bytes: Buffer, hasEnded: boolean): void {
    if (!this.response) return this.onMalformed()
    if (bytes.length === 0 && !hasEnded) return
    if (!this.response.take(bytes.length, hasEnded)) return this.onUpstreamReset(errorCode.protocolError, 'peer')
    if (!this.client.hasQueued) this.time.moved()
    this.client.sendData(bytes, hasEnded)
    if (hasEnded) this.complete(undefined)
    else if (this.client.hasQueued && (this.attempt?.heldBytes ?? 0) > maxHeldUpstream) this.abandon()
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
    if (isGrpc && status === String(grpcStatus.cancelled) && this.time.isPastCall) this.serving.failed('timeout')
    else this.serving.completed(isGrpc ? equivalentStatus(head.status, status) : head.status, head.serviceTimeUs)
    this.end()
  }

  private end(): void {
    this.state = 'done'
    this.request.end()
    this.time.stop()
    this.attempt?.served()
  }

  // === The app fails ===

  onUpstreamReset(code: number, loss: Loss): void {
    if (this.state === 'done') {
      // The app has answered, and wants no more of the request (RFC 9113 §8.1).
      this.leavePlace()
      this.request.stop(loss === 'peer' ? code : errorCode.noError)
      return
    }
    if (this.state === 'responding') return this.cut(code, loss)
    if (loss === 'unprocessed') this.failed('unsent', { code })
    else if (loss === 'lost') this.failed('lost')
    else this.failed('lost', { code, isAnswered: true })
  }

  /** `code`: by which the app has ended its stream. `isAnswered`: it spoke, so its connection was alive. */
  private failed(failure: Failure, { isItsFault = true, isAnswered = false, code = undefined as number | undefined } = {}): void {
    const { attempt } = this
    const isReused = !isAnswered && attempt?.isReused === true
    this.leavePlace()
    const next = this.serving.next({ failure, isReused, isItsFault, canReplay: this.request.isWhole })
    if (next) {
      this.tryPlaceAfter(next.afterMs, next.fresh)
      return
    }
    if (code !== undefined && attempt?.hasBegun && (failure === 'lost' || this.serving.reason !== 'hop')) {
      this.end()
      this.client.reset(code === errorCode.noError ? errorCode.internalError : code)
      return
    }
    this.answerFailure(failure, isItsFault)
  }

  private answerFailure(failure: Failure, isItsFault = true): void {
    const isRefusedHop = failure === 'unsent' && this.serving.reason === 'hop'
    const why = this.engine.isDraining ? 'draining' : isItsFault ? 'refused' : 'overloaded'
    this.answer(answerTo[failure], isRefusedHop ? [field(unsentHeader, why)] : [])
  }

  private onMalformed(): void {
    this.leavePlace()
    this.serving.failed('5xx')
    this.answer(malformedAnswer, [])
  }

  /** The response broke off: the client must not take it for whole. A call ends as it would if its own connection had been lost. */
  private cut(code: number, loss: Loss, outcome: 'reset' | 'timeout' = 'reset'): void {
    this.leavePlace()
    this.serving.failed(outcome)
    this.end()
    if (loss !== 'peer' && this.head.isGrpc) this.client.sendHeaders(ownTrailers(grpcStatus.unavailable, resetAnswer), true)
    else this.client.reset(loss !== 'peer' || code === errorCode.noError ? errorCode.internalError : code)
    this.request.stop(errorCode.noError)
  }

  // === The client fails, or we do ===

  onReset(code: number): void {
    if (this.state !== 'done') {
      if (code === errorCode.cancel && this.time.isPastCall && this.state !== 'responding') this.serving.failed('timeout')
      else this.serving.clientAborted()
    }
    this.leavePlace()
    if (this.state !== 'done') this.end()
  }

  onLook(): void {
    if (this.time.takeOver()) this.onDeadline()
    else this.endIfStalled()
  }

  private onDeadline(): void {
    if (this.state === 'done') return
    if (this.state === 'responding') return this.time.isPastPolicy ? this.cut(errorCode.cancel, 'peer', 'timeout') : this.abandon(grpcStatus.deadlineExceeded)
    if (!this.time.isPastLimits) return this.failed('timeout')
    this.leavePlace()
    this.serving.failed('timeout')
    this.answerFailure('timeout')
  }

  /**
   * One stream may stand still while the others of its connection go on: it is given up when the client takes nothing of its answer for
   * as long as Envoy lets a stream be idle, or sends nothing of a body that is waited for. A call may be silent: its caller has a deadline.
   */
  private endIfStalled(): void {
    const { bodyTimeoutMs, responseTimeoutMs } = this.engine.limits
    if (this.client.hasQueued) {
      if (this.time.stillMs > responseTimeoutMs) this.stopUntaken()
    } else if (this.state === 'done') this.onLookAtUpstream()
    else if (this.owesBody && (this.time.stillMs > bodyTimeoutMs || this.request.isTooSlow)) {
      this.leavePlace()
      this.serving.end()
      this.answer(lateBodyAnswer, [])
    }
  }

  private get owesBody(): boolean {
    return this.state === 'waiting' && this.request.isOwed && !this.head.isGrpc && !this.head.isHop
  }

  private stopUntaken(): void {
    if (this.state !== 'done') return this.abandon()
    this.leavePlace()
    this.client.reset(errorCode.cancel)
  }

  /** When it is answered, and what is left of the request stands still: the client does not send it, or the app does not take it. */
  onLookAtUpstream(): void {
    if (this.state !== 'done' || this.time.stillMs <= this.engine.limits.bodyTimeoutMs) return
    this.leavePlace()
    this.request.stop(errorCode.noError)
  }

  /** The client takes no more of its response, or has no more time for it. */
  private abandon(status?: number): void {
    this.leavePlace()
    this.serving.clientAborted()
    this.end()
    if (status !== undefined && this.head.isGrpc) this.client.sendHeaders(ownTrailers(status, answerTo.timeout), true)
    else this.client.reset(errorCode.cancel)
    this.request.stop(errorCode.noError)
  }

  /** The request turned out to be none. */
  private refuse(): void {
    this.leavePlace()
    this.serving.end()
    if (this.state !== 'done') this.end()
    this.client.fail(errorCode.protocolError)
  }

  private stopLongBody(): void {
    const hasBegun = this.state === 'responding'
    this.leavePlace()
    this.serving.end()
    if (!hasBegun) return this.answer(longBodyAnswer, [])
    this.end()
    this.client.reset(errorCode.cancel)
  }

  private answer(answer: OwnAnswer, more: readonly Field[]): void {
    this.end()
    sendOwnAnswer(this.client, answer, this.head, more)
    this.request.stop(errorCode.noError)
  }

  /** A mistake of ours costs this request, not the others. */
  private onBug(error: unknown): void {
    this.engine.log.error('exchange failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
    if (this.state === 'done') return
    this.leavePlace()
    this.serving.proxyFailed()
    this.end()
    this.client.reset(errorCode.internalError)
  }
}
