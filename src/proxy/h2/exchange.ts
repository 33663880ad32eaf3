/**
 * One request and its response in HTTP/2: two streams, each byte from one to the other as fast as both allow. Answers: the client gets
 * the response with its trailers, or a reset with the app's code; what provably was not processed is sent elsewhere. Must not: know
 * connections, or judge who is charged (serving.ts).
 *
 *   connecting ──session──▶ waiting ──head──▶ responding ──end of stream──▶ done
 *       │                     │                   └──reset, lost──▶ done (the client gets the code, or UNAVAILABLE)
 *       └──────failed─────────┴──▶ connecting (another attempt) or done (an answer of our own)
 */
import { describeError } from '../../base/errors.ts'
import { BodyPace } from '../body-pace.ts'
import type { Engine } from '../engine.ts'
import { hopHeader, serviceTimeHeader, unsentHeader } from '../http/hop-by-hop.ts'
import type { OwnAnswer } from '../http/own-answer.ts'
import { answerTo, lateBodyAnswer, malformedAnswer, type Failure } from '../outcomes.ts'
import { Serving } from '../serving.ts'
import type { UpstreamPool } from '../upstream-pool.ts'
import { firstDeadline, isPastDeadline } from './call-deadline.ts'
import { editFields, editRequestFields } from './edit-fields.ts'
import { ownHeaders, ownTrailers } from './own-answer.ts'
import { equivalentStatus, grpcStatus } from './grpc.ts'
import { Http2MirrorCopy } from './mirror-copy.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field, type Field } from './hpack/field.ts'
import { readTrailers, type Http2Request } from './request.ts'
import { grpcStatusIn, readResponse, type Http2Response } from './response.ts'
import type { Session } from './session.ts'
import type { Loss, Stream, StreamUser } from './stream.ts'
import { sessionsOf, type SessionTaker } from './upstream-sessions.ts'
import { errorCode } from './wire.ts'

/** How much of a body is kept for another attempt, bytes: less than for HTTP/1, since one connection may have many streams. */
const maxKeptBytes = 16_384
/** A client that does not take its response is given up when this much waits in all streams of the app's connection. */
const maxHeldUpstream = 16_777_216

const hopField = field(hopHeader, '1')
const resetAnswer: OwnAnswer = answerTo.lost
const longBodyAnswer: OwnAnswer = { status: 413, code: 'bad-request', message: 'The proxy refused this request: the body is too long.' }

/** The connection that a request came by. */
export interface StreamOwner {
  readonly port: 'route' | 'direct'
  /** The client had better connect anew: it is told, and nothing is cut. */
  drain(): void
}

export class Http2Exchange implements StreamUser, SessionTaker {
  /** On the clock of Deadlines; the connection looks. */
  deadline = Number.POSITIVE_INFINITY
  private readonly engine: Engine
  private readonly owner: StreamOwner
  private readonly client: Stream
  private readonly request: Http2Request
  private readonly serving: Serving
  private readonly startedAt: number
  private readonly forward: readonly Field[]
  /** When the policy's time is over, on the clock of Deadlines. */
  private timeLimit = Number.POSITIVE_INFINITY
  private readonly upstreamUser: StreamUser
  private state: 'connecting' | 'waiting' | 'responding' | 'done' = 'connecting'
  /** The stream to the place that serves, and the pool that counts it. */
  private upstream: Stream | undefined
  private pool: UpstreamPool | undefined
  private isReused = false
  /** What came of the body, while another place could still get it. */
  private kept: Buffer[] = []
  private keptBytes = 0
  private isWhole = true
  private hasEnded: boolean
  private trailers: readonly Field[] | undefined
  private unread: number | undefined
  private received = 0
  private response: Http2Response | undefined
  private unsentOfResponse: number | undefined
  /** When the client last moved: sent of its body, or took of its response. On the clock of Deadlines. */
  private movedAt: number
  private readonly pace: BodyPace | undefined
  /** For the canary, until it has been sent. */
  private copy: Http2MirrorCopy | undefined

  /** `hasEnded`: the request has no body. */
  constructor(engine: Engine, owner: StreamOwner, client: Stream, request: Http2Request, hasEnded: boolean) {
    this.engine = engine
    this.owner = owner
    this.client = client
    this.request = request
    this.hasEnded = hasEnded
    this.unread = request.contentLength
    this.movedAt = engine.deadlines.now
    if (engine.limits.minBodyRate > 0 && !hasEnded) this.pace = new BodyPace(engine.deadlines, engine.limits.minBodyRate)
    this.startedAt = performance.now()
    this.serving = new Serving(engine, owner.port, { method: request.method, target: request.target, isHop: request.isHop, protocol: request.isGrpc ? 'grpc' : 'http2' }, this.startedAt, request)
    this.upstreamUser = {
      onHeaders: (block, ended) => this.onResponseBlock(block, ended),
      onData: (bytes, ended) => this.onResponseData(bytes, ended),
      onSent: (bytes) => this.onTakenUpstream(bytes),
      onReset: (code, loss) => this.onUpstreamReset(code, loss),
    }
    const { plan } = this.serving
    this.forward = plan ? editRequestFields(request.forward, plan) : request.forward
    this.deadline = firstDeadline(request, engine.deadlines, engine.limits.responseTimeoutMs)
    if (this.serving.mirror) {
      const timeoutMs = Math.min(request.timeoutMs ?? Number.POSITIVE_INFINITY, plan?.timeoutMs ?? Number.POSITIVE_INFINITY)
      this.copy = new Http2MirrorCopy(engine, this.serving.mirror, { forward: this.forward, isGrpc: request.isGrpc, timeoutMs })
    }
  }

  start(): void {
    const { plan } = this.serving
    if (plan?.preflight) return this.answerPreflight(plan.preflight)
    if (this.hasEnded) this.limitTime()
    this.attempt(false)
    if (this.hasEnded) this.sendCopy()
  }

  private sendCopy(): void {
    const { copy } = this
    this.copy = undefined
    copy?.send(this.trailers)
  }

  /** What is not whole by now is not copied: its request is refused, given up, or answered before its end. */
  private dropCopy(cause?: 'body'): void {
    this.copy?.drop(cause)
    this.copy = undefined
  }

  /** The request has ended: the policy's time runs. */
  private limitTime(): void {
    const { plan } = this.serving
    if (plan?.timeoutMs === undefined) return
    this.timeLimit = this.engine.deadlines.after(plan.timeoutMs)
    this.deadline = Math.min(this.deadline, this.timeLimit)
  }

  /** A cross-origin preflight is no request for the app. */
  private answerPreflight(lines: readonly (readonly [name: string, value: string])[]): void {
    this.serving.end()
    this.end()
    this.client.sendHeaders([field(':status', '200'), field('date', new Date().toUTCString()), ...lines.map(([name, value]) => field(name.toLowerCase(), value)), field('content-length', '0')], true)
    this.stopRequest()
  }

  // === An attempt to have it served at one place ===

  private attempt(fresh: boolean): void {
    this.state = 'connecting'
    const perTryMs = this.serving.plan?.retries?.perTryTimeoutMs
    if (perTryMs !== undefined) this.deadline = Math.min(this.timeLimit, this.engine.deadlines.after(perTryMs))
    this.pool = this.serving.place.pool
    this.pool.active += 1
    sessionsOf(this.pool).take(this, fresh)
  }

  private attemptAfter(ms: number, fresh: boolean): void {
    this.state = 'connecting'
    if (ms === 0) this.attempt(fresh)
    else setTimeout(() => this.state !== 'done' && this.attempt(fresh), ms)
  }

  onSession(session: Session, isReused: boolean): void {
    if (this.state !== 'connecting') return
    this.state = 'waiting'
    this.isReused = isReused
    const upstream = session.open()
    this.upstream = upstream
    upstream.user = this.upstreamUser
    const { forward } = this
    const isBare = this.hasEnded && this.kept.length === 0 && this.trailers === undefined
    upstream.sendHeaders(this.serving.place.isLocal ? forward : [...forward, hopField], isBare)
    if (isBare) return
    const { kept } = this
    for (const [index, bytes] of kept.entries()) upstream.sendData(bytes, this.hasEnded && this.trailers === undefined && index === kept.length - 1)
    if (this.trailers) upstream.sendHeaders(this.trailers, true)
    else if (this.hasEnded && kept.length === 0) upstream.sendData(Buffer.alloc(0), true)
    this.forgetKept()
  }

  onNoSession(): void {
    if (this.state === 'connecting') this.failed('unsent')
  }

  // === The request's body ===

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    const trailers = block.isTooLarge || !hasEnded ? undefined : readTrailers(block.fields)
    if (!trailers || !this.takeLength(0, true)) return this.refuse()
    this.hasEnded = true
    this.limitTime()
    this.trailers = trailers
    this.upstream?.sendHeaders(trailers, true)
    this.sendCopy()
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    if (!this.takeLength(bytes.length, hasEnded)) return this.refuse()
    this.received += bytes.length
    this.pace?.took()
    this.movedAt = this.engine.deadlines.now
    const { maxBodyBytes } = this.engine.limits
    if (maxBodyBytes > 0 && this.received > maxBodyBytes && this.state !== 'done') return this.stopLongBody()
    this.hasEnded = hasEnded
    if (hasEnded) this.limitTime()
    if (this.copy) this.takeForCopy(bytes, hasEnded)
    const { upstream } = this
    if (this.state === 'done' && !upstream) return this.client.consume(bytes.length)
    if (this.isWhole && this.state !== 'responding') {
      this.kept.push(bytes)
      this.keptBytes += bytes.length
    }
    if (!upstream) return
    upstream.sendData(bytes, hasEnded)
    this.forgetKept()
  }

  private takeForCopy(bytes: Buffer, hasEnded: boolean): void {
    this.copy?.take(bytes)
    if (hasEnded) this.sendCopy()
  }

  /** Whether the body is as long as was said, so far (RFC 9113 §8.1.1). */
  private takeLength(bytes: number, isLast: boolean): boolean {
    if (this.unread === undefined) return true
    this.unread -= bytes
    return this.unread >= 0 && (!isLast || this.unread === 0)
  }

  /** The app has taken more of the body: it is the client's turn. */
  private onTakenUpstream(bytes: number): void {
    this.movedAt = this.engine.deadlines.now
    this.pace?.wait()
    this.client.consume(bytes)
  }

  /** What has left and is too long to keep cannot be sent again. Until it has left, the client's window bounds it. */
  private forgetKept(): void {
    if (this.keptBytes <= maxKeptBytes || !this.upstream) return
    this.isWhole = false
    this.kept = []
    this.keptBytes = 0
  }

  onSent(bytes: number): void {
    this.movedAt = this.engine.deadlines.now
    this.upstream?.consume(bytes)
  }

  // === The response ===

  private onResponseBlock(block: DecodedBlock, hasEnded: boolean): void {
    try {
      if (this.response) this.onTrailers(block, hasEnded)
      else this.onResponse(block.isTooLarge ? undefined : readResponse(block.fields), hasEnded)
    } catch (error) {
      this.onBug(error)
    }
  }

  private onResponse(response: Http2Response | undefined, hasEnded: boolean): void {
    if (!response || response.status === 101 || (response.status < 200 && hasEnded)) return this.onMalformed()
    if (response.status < 200) return this.client.sendHeaders(response.forward, false)
    this.serving.gotHead()
    if (response.unsent !== '' && !this.serving.place.isLocal) return this.failed('unsent', { isItsFault: response.unsent !== 'draining' })
    const replacement = this.serving.replacementFor(response.status, this.isWhole, hasEnded && this.request.isGrpc ? response.grpcStatus : undefined)
    if (replacement) {
      this.dropUpstream()
      this.attemptAfter(replacement.afterMs, false)
      return
    }
    this.state = 'responding'
    this.response = response
    this.kept = []
    this.keptBytes = 0
    this.isWhole = false
    this.dropCopy('body')
    this.unsentOfResponse = this.request.method === 'HEAD' || response.status === 304 ? undefined : response.contentLength
    if (this.request.timeoutMs === undefined) this.deadline = this.timeLimit
    if (this.serving.isDisplaced) this.owner.drain()
    this.client.sendHeaders(this.responseFields(response), hasEnded)
    if (hasEnded) this.complete(response.grpcStatus)
  }

  private responseFields({ forward }: Http2Response): readonly Field[] {
    const { plan, reason, setCookies, serviceTimeUs } = this.serving
    const edited = plan?.response ? editFields(forward, plan.response) : forward
    if (reason === 'hop') return [...edited, field(serviceTimeHeader, String(serviceTimeUs))]
    return setCookies.length === 0 ? edited : [...edited, ...setCookies.map((cookie) => field('set-cookie', cookie))]
  }

  private onResponseData(bytes: Buffer, hasEnded: boolean): void {
    if (!this.response) return this.onMalformed()
    if (this.unsentOfResponse !== undefined) {
      this.unsentOfResponse -= bytes.length
      if (this.unsentOfResponse < 0 || (hasEnded && this.unsentOfResponse > 0)) return this.onUpstreamReset(errorCode.protocolError, 'peer')
    }
    if (!this.client.hasQueued) this.movedAt = this.engine.deadlines.now
    this.client.sendData(bytes, hasEnded)
    if (hasEnded) this.complete(undefined)
    else if (this.client.hasQueued && (this.upstream?.session.window.held ?? 0) > maxHeldUpstream) this.abandon()
  }

  private onTrailers(block: DecodedBlock, hasEnded: boolean): void {
    const trailers = block.isTooLarge || !hasEnded ? undefined : readTrailers(block.fields)
    if (!trailers) return this.onUpstreamReset(errorCode.protocolError, 'peer')
    this.client.sendHeaders(trailers, true)
    this.complete(grpcStatusIn(trailers))
  }

  /** The response has come to its end. The request may still go on. */
  private complete(status: string | undefined): void {
    const { response } = this
    if (!response || this.state === 'done') return
    const isGrpc = this.request.isGrpc && (response.isGrpc || response.status !== 200)
    // Some servers call it cancelled when the time of a call is up.
    if (isGrpc && status === String(grpcStatus.cancelled) && isPastDeadline(this.request, this.startedAt)) this.serving.failed('timeout')
    else this.serving.completed(isGrpc ? equivalentStatus(response.status, status) : response.status, response.serviceTimeUs)
    this.end()
  }

  private end(): void {
    this.state = 'done'
    this.dropCopy()
    this.deadline = Number.POSITIVE_INFINITY
    if (this.pool) this.pool.active -= 1
    this.pool = undefined
  }

  // === The app fails ===

  private onUpstreamReset(code: number, loss: Loss): void {
    if (this.state === 'done') {
      // The app has answered, and wants no more of the request (RFC 9113 §8.1).
      this.upstream = undefined
      this.stopRequest(code)
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
    const next = this.serving.next({ failure, isReused, isItsFault, canReplay: this.isWhole })
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
    if (loss !== 'peer' && this.request.isGrpc) this.client.sendHeaders(ownTrailers(grpcStatus.unavailable, resetAnswer), true)
    else this.client.reset(loss !== 'peer' || code === errorCode.noError ? errorCode.internalError : code)
    this.stopRequest()
  }

  // === The client fails, or we do ===

  onReset(code: number): void {
    const { upstream } = this
    if (this.state !== 'done') {
      if (code === errorCode.cancel && isPastDeadline(this.request, this.startedAt) && this.state !== 'responding') this.serving.failed('timeout')
      else this.serving.clientAborted()
    }
    this.dropUpstream()
    upstream?.consume(upstream.unconsumed)
    if (this.state !== 'done') this.end()
  }

  onDeadline(): void {
    this.deadline = Number.POSITIVE_INFINITY
    if (this.state === 'done') return
    const isOverLimit = this.timeLimit <= this.engine.deadlines.now
    if (this.state === 'responding') return isOverLimit ? this.cut(errorCode.cancel, 'peer', 'timeout') : this.abandon(grpcStatus.deadlineExceeded)
    if (!isOverLimit) return this.failed('timeout')
    this.dropUpstream()
    this.serving.failed('timeout')
    this.answerFailure('timeout')
  }

  /**
   * One stream may stand still while the others of its connection go on: it is given up when the client takes nothing of its answer for
   * as long as Envoy lets a stream be idle, or sends nothing of a body that is waited for. A call may be silent: its caller has a deadline.
   */
  endIfStalled(): void {
    const { deadlines, limits } = this.engine
    const stillMs = deadlines.now - this.movedAt
    if (this.client.hasQueued) {
      if (stillMs > limits.responseTimeoutMs) this.stopUntaken()
    } else if (this.owesBody && (stillMs > limits.bodyTimeoutMs || this.pace?.patienceMs(this.received) === 0)) {
      this.dropUpstream()
      this.serving.end()
      this.answer(lateBodyAnswer, [])
    }
  }

  private get owesBody(): boolean {
    return this.state === 'waiting' && !this.hasEnded && this.client.unconsumed === 0 && !this.request.isGrpc && !this.request.isHop
  }

  private stopUntaken(): void {
    if (this.state === 'done') this.client.reset(errorCode.cancel)
    else this.abandon()
  }

  /** The client takes no more of its response, or has no more time for it. */
  private abandon(status?: number): void {
    this.dropUpstream()
    this.serving.clientAborted()
    this.end()
    if (status !== undefined && this.request.isGrpc) this.client.sendHeaders(ownTrailers(status, answerTo.timeout), true)
    else this.client.reset(errorCode.cancel)
    this.stopRequest()
  }

  /** The request turned out to be none. */
  private refuse(): void {
    this.dropUpstream()
    this.serving.end()
    if (this.state !== 'done') this.end()
    this.client.reset(errorCode.protocolError)
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
    const { headers, body } = ownHeaders(answer, this.request)
    this.client.sendHeaders([...headers, ...more], body === undefined)
    if (body) this.client.sendData(body, true)
    this.stopRequest()
  }

  /** The response is complete without the rest of the request (RFC 9113 §8.1). */
  private stopRequest(code: number = errorCode.noError): void {
    this.client.consume(this.client.unconsumed)
    if (!this.hasEnded && !this.client.hasQueued) this.client.reset(code)
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
    this.upstream = undefined
    upstream?.reset(errorCode.cancel)
    if (this.pool) this.pool.active -= 1
    this.pool = undefined
  }
}
