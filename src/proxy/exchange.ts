/**
 * One request and its response. From top to bottom: start → attempt → send → (failed → next attempt) → response head → relay →
 * complete. Answers: the client gets exactly one response, whole or visibly cut, and the book gets exactly one record for each
 * place that is to be charged. Must not: touch the next request on either connection.
 *
 *   connecting ──open──▶ waiting ──head──▶ responding ──last byte──▶ done
 *       │                   │                  └──cut──▶ done (the client is reset)
 *       └──────failed───────┴──▶ connecting (another attempt) or done (an answer of our own)
 */
import type { Outcome, Reason, Track } from '../api/protocol.ts'
import { describeError } from '../base/errors.ts'
import { afterFailure, type Step } from '../routing/after-failure.ts'
import type { ClientSide } from './client-side.ts'
import type { Engine } from './engine.ts'
import { endOfHead } from './http/end-of-head.ts'
import { connectedHeader, serviceTimeHeader, unsentHeader } from './http/hop-by-hop.ts'
import { printAnswer, type OwnAnswer } from './http/own-answer.ts'
import type { RequestHead } from './http/request-head.ts'
import type { ResponseHead } from './http/response-head.ts'
import type { ActiveRoutes, Place } from './live-routes.ts'
import { answerTo, classOf, lateBodyAnswer, malformedAnswer, outcomeOf, type Failure } from './outcomes.ts'
import { RequestFlow } from './request-flow.ts'
import { ResponseFlow } from './response-flow.ts'
import { Tunnel } from './tunnel.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-pool.ts'

/** Longest head of a response. More than of a request: the app next door is nobody's attacker, and some set many cookies. */
const maxResponseHeadBytes = 65_536

/** A client that has closed its side and for which nothing has come for this long is taken for gone, once its response has begun. */
const halfClosedMs = 5000

export class Exchange implements UpstreamUser {
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly head: RequestHead
  private readonly active: ActiveRoutes
  private readonly track: Track
  private readonly reason: Reason
  private readonly request: RequestFlow
  private readonly tried = new Set<Place>()
  private state: 'connecting' | 'waiting' | 'responding' | 'done' = 'connecting'
  private place: Place
  private upstream: UpstreamConnection | undefined
  private attemptStartedAt: number
  private headAt = 0
  /** Bytes of an unfinished response head. */
  private unread: Buffer | undefined
  private response: ResponseFlow | undefined
  private hasClientEnded = false

  /** `startedAt` is on performance.now's clock. The body's first bytes come by `onClientData`, before `start`. */
  constructor(engine: Engine, client: ClientSide, head: RequestHead, startedAt: number) {
    this.engine = engine
    this.client = client
    this.head = head
    this.active = engine.live.active
    this.attemptStartedAt = startedAt
    this.request = new RequestFlow(engine, client, head)
    if (client.port === 'direct') {
      this.track = this.active.local.track
      this.reason = head.isHop ? 'hop' : 'direct'
      this.place = this.active.local
    } else {
      const choice = engine.live.choose(engine.requestParser, startedAt)
      this.track = choice.track
      this.reason = choice.reason
      this.place = engine.live.firstPlace(this.active, choice.track)
    }
    this.active.book.inFlight += 1
  }

  start(): void {
    this.attempt(this.place, false)
  }

  // === An attempt to have it served at one place ===

  private attempt(place: Place, fresh: boolean): void {
    this.state = 'connecting'
    this.place = place
    this.unread = undefined
    const upstream = place.pool.take(this, fresh)
    this.upstream = upstream
    if (upstream.isOpen) this.send(upstream)
  }

  onUpstreamOpen(): void {
    if (this.upstream) this.send(this.upstream)
  }

  private send(upstream: UpstreamConnection): void {
    this.state = 'waiting'
    if (this.reason === 'hop' && !this.request.isDone) this.client.write(`HTTP/1.1 102 Processing\r\n${connectedHeader}: 1\r\n\r\n`)
    this.request.begin(upstream, this.place.isLocal)
  }

  // === The request's body ===

  /** More bytes of the client: body, and perhaps the beginning of its next request. */
  onClientData(chunk: Buffer): void {
    const refusal = this.request.take(chunk)
    if (refusal) this.refuse(refusal)
  }

  onUpstreamDrain(): void {
    this.request.onDrain()
  }

  /** The client's deadline: no `100 Continue` came, the body stopped coming, or the response is not taken. */
  onClientDeadline(): void {
    if (this.state !== 'responding' && this.request.onDeadline()) return
    if (this.state === 'responding' || this.request.isDone) this.abandon()
    else this.refuse(lateBodyAnswer)
  }

  // === The response ===

  onUpstreamData(chunk: Buffer): void {
    try {
      this.readResponse(chunk)
    } catch (error) {
      this.onBug(error)
    }
  }

  private readResponse(chunk: Buffer): void {
    if (this.response) {
      this.relay(this.response, chunk, 0)
      return
    }
    const bytes = this.unread === undefined ? chunk : Buffer.concat([this.unread, chunk])
    this.unread = undefined
    let from = 0
    while (this.state === 'waiting') {
      const end = endOfHead(bytes, from)
      if ((end < 0 ? bytes.length : end) - from > maxResponseHeadBytes) {
        this.onMalformed()
        return
      }
      if (end < 0) {
        this.unread = from === 0 ? bytes : bytes.subarray(from)
        return
      }
      const head = this.engine.responseParser.parse(bytes.toString('latin1', from, end), this.head.method)
      from = end
      if (typeof head === 'string') this.onMalformed()
      else if (head.status === 101) this.onSwitch(head, bytes.subarray(from))
      else if (head.status < 200) this.onInterim(head)
      else this.onResponseHead(head, bytes, from)
    }
  }

  /** 1xx other than 101: passed on, except to HTTP/1.0 (RFC 9110 §15.2). */
  private onInterim(head: ResponseHead): void {
    if (head.isConnected) {
      this.request.commit()
      return
    }
    if (this.head.minor > 0) this.client.write(`${this.client.probeTail()}${head.forward}\r\n`)
    if (head.status === 100) this.request.release()
  }

  private onResponseHead(head: ResponseHead, bytes: Buffer, from: number): void {
    this.headAt = performance.now()
    if (head.unsent !== '' && !this.place.isLocal) {
      this.failed('unsent', { isItsFault: head.unsent !== 'draining', isAnswered: true })
      return
    }
    if (head.status >= 500 && this.stepAfter('status', false) === 'primary' && this.goToPrimary('5xx')) return
    this.state = 'responding'
    if (this.upstream) this.upstream.deadline = Number.POSITIVE_INFINITY
    this.request.answered()
    const mayKeepAlive = this.request.isDone && !this.engine.isDraining
    const response = new ResponseFlow(this.client, this.head, head, { mayKeepAlive, line: this.serviceTimeLine() })
    this.response = response
    this.relay(response, bytes, from)
  }

  /** For the sidecar that sent this hop. */
  private serviceTimeLine(): string {
    if (this.reason !== 'hop') return ''
    return `${serviceTimeHeader}: ${Math.max(0, Math.round((this.headAt - this.attemptStartedAt) * 1000))}\r\n`
  }

  private relay(response: ResponseFlow, chunk: Buffer, from: number): void {
    const relayed = response.relay(chunk, from)
    switch (relayed) {
      case 'more':
        if (this.hasClientEnded) this.client.deadline = this.engine.deadlines.after(halfClosedMs)
        return
      case 'full':
        this.upstream?.socket.pause()
        this.client.deadline = this.engine.deadlines.after(this.engine.limits.bodyTimeoutMs)
        return
      case 'fault':
        return this.cut()
      case 'last':
      case 'excess':
        // After an excess the connection cannot be trusted any more.
        return this.complete(response, relayed === 'last')
    }
  }

  onClientDrain(): void {
    if (this.state !== 'responding') return
    this.upstream?.socket.resume()
    this.client.deadline = this.hasClientEnded ? this.engine.deadlines.after(halfClosedMs) : Number.POSITIVE_INFINITY
    if (!this.request.isDone) this.request.onDrain()
  }

  private complete(response: ResponseFlow, isClean: boolean): void {
    const { upstream } = this
    if (!upstream) return
    const reusable = isClean && response.head.keepAlive && this.request.isDone && upstream.socket.writableLength === 0
    this.place.pool.release(upstream, reusable, response.head.idleHintMs)
    this.upstream = undefined
    this.charge(this.place.track, classOf(response.head.status), this.latencyMs(response.head))
    this.finish()
    this.client.onExchangeEnd(response.keepAlive)
  }

  /** A hop's latency without the network and the second sidecar: its time to the head is replaced by what was measured beside the app. */
  private latencyMs({ serviceTimeUs }: ResponseHead): number {
    const total = performance.now() - this.attemptStartedAt
    if (this.place.isLocal || serviceTimeUs === undefined) return total
    return Math.max(0, total - (this.headAt - this.attemptStartedAt)) + serviceTimeUs / 1000
  }

  // === WebSocket ===

  private onSwitch(head: ResponseHead, rest: Buffer): void {
    const { upstream } = this
    if (!this.head.upgrade || !head.upgrade || !upstream) {
      this.onMalformed()
      return
    }
    this.headAt = performance.now()
    this.charge(this.place.track, '1xx', this.latencyMs(head))
    this.finish()
    this.upstream = undefined
    this.place.pool.releaseLost()
    const server = upstream.detach()
    const early = this.client.detach()
    this.client.write(`${head.forward}Connection: Upgrade\r\nUpgrade: websocket\r\n${this.serviceTimeLine()}\r\n`)
    if (rest.length > 0) this.client.socket.write(rest)
    if (early) server.write(early)
    this.client.onTunnel(new Tunnel(this.engine, this.client.socket, server, () => this.client.onTunnelClosed()))
  }

  // === Failures ===

  onUpstreamEnd(): void {
    if (!this.response) this.failed('lost')
    else if (this.response.endWithConnection()) this.complete(this.response, false)
    else this.cut()
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | undefined): void {
    if (this.state === 'responding') this.cut()
    else if (this.state === 'connecting') this.failed('unsent')
    else this.failed(this.wasNeverWritten(error) ? 'unsent' : 'lost')
  }

  onUpstreamTimeout(): void {
    if (this.state === 'responding') this.cut()
    else this.failed('timeout')
  }

  /** The kernel refused our one small write: its buffer was empty before, so nothing of it was taken. */
  private wasNeverWritten(error: NodeJS.ErrnoException | undefined): boolean {
    const isRefusedWrite = error?.syscall === 'write' && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
    return isRefusedWrite && this.upstream?.isReused === true && this.request.isUntouched
  }

  private stepAfter(failure: Failure, isReused: boolean): Step {
    return afterFailure({
      port: this.client.port,
      track: this.place.track,
      self: this.active.local.track,
      isLocal: this.place.isLocal,
      failure,
      isReused,
      method: this.head.method,
      canReplay: this.request.isWhole,
      rescue: this.active.routes.table.rescue,
    })
  }

  /** `isItsFault`: false where a pod that goes away said so itself. `isAnswered`: the peer spoke, so its connection was alive. */
  private failed(failure: Failure, { isItsFault = true, isAnswered = false } = {}): void {
    const step = this.stepAfter(failure, !isAnswered && this.upstream?.isReused === true)
    const elapsedMs = performance.now() - this.attemptStartedAt
    this.dropUpstream()
    if (step === 'again') {
      this.attempt(this.place, true)
      return
    }
    if (step === 'primary' && this.goToPrimary('reset')) return
    if (!this.place.isLocal && isItsFault) this.charge(this.place.track, outcomeOf[failure], elapsedMs)
    this.tried.add(this.place)
    const next = step === 'elsewhere' ? this.engine.live.nextPlace(this.active, this.track, this.tried) : undefined
    if (next) this.moveTo(next)
    else this.giveUp(failure, elapsedMs)
  }

  private moveTo(place: Place): void {
    this.engine.counters.rescuedRequests += 1
    this.attemptStartedAt = performance.now()
    this.attempt(place, false)
  }

  /** The canary is charged, the user is served by the primary. False where there is no primary. */
  private goToPrimary(outcome: Outcome): boolean {
    const primary = this.engine.live.primaryPlace(this.active)
    if (!primary) return false
    this.charge(this.place.track, outcome, performance.now() - this.attemptStartedAt)
    this.dropUpstream()
    this.moveTo(primary)
    return true
  }

  private giveUp(failure: Failure, elapsedMs: number): void {
    const answer = answerTo[failure]
    if (this.place.isLocal) {
      // An app that is gone because its pod goes away has not failed.
      if (failure === 'unsent' && this.engine.isDraining) this.active.book.recordProxyError()
      else this.charge(this.place.track, outcomeOf[failure], elapsedMs)
    }
    const isRefusedHop = failure === 'unsent' && this.reason === 'hop'
    this.answer(isRefusedHop ? { ...answer, line: `${unsentHeader}: ${this.engine.isDraining ? 'draining' : 'refused'}\r\n` } : answer)
  }

  /** A mistake of ours costs this request, not the others. */
  onBug(error: unknown): void {
    this.engine.log.error('exchange failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
    if (this.state === 'done') return
    this.dropUpstream()
    this.active.book.recordProxyError()
    this.finish()
    this.client.reset()
  }

  private onMalformed(): void {
    this.dropUpstream()
    this.charge(this.place.track, '5xx', performance.now() - this.attemptStartedAt)
    this.answer(malformedAnswer)
  }

  /** The response broke off: the client must not take it for whole. */
  private cut(): void {
    this.dropUpstream()
    this.charge(this.place.track, 'reset', performance.now() - this.attemptStartedAt)
    this.finish()
    this.client.reset()
  }

  /** The request turned out to be none: the client's fault. */
  private refuse(answer: OwnAnswer): void {
    this.client.countRefused(answer.status)
    this.dropUpstream()
    if (this.state === 'responding') {
      this.finish()
      this.client.reset()
    } else {
      this.answer(answer)
    }
  }

  private answer(answer: OwnAnswer): void {
    const keepAlive = this.head.keepAlive && this.request.isDone && !this.engine.isDraining && answer.status >= 500
    this.finish()
    this.client.write(this.client.probeTail() + printAnswer(answer, this.head.method, keepAlive))
    this.client.onExchangeEnd(keepAlive)
  }

  /** The client has gone away, or stopped taking its response. */
  abandon(): void {
    if (this.state === 'done') return
    this.dropUpstream()
    this.active.book.recordClientAbort()
    this.finish()
    this.client.reset()
  }

  /** The client has sent its last byte. It may still wait for the answer. */
  onClientEnd(): void {
    this.hasClientEnded = true
    if (!this.request.isDone) this.abandon()
    else if (this.state === 'responding') this.client.deadline = this.engine.deadlines.after(halfClosedMs)
    else if (this.head.minor > 0) this.client.probeHalfClosed()
  }

  private dropUpstream(): void {
    const { upstream } = this
    if (!upstream) return
    this.upstream = undefined
    this.request.end()
    upstream.drop()
    this.place.pool.releaseLost()
  }

  private charge(track: Track, outcome: Outcome, latencyMs: number): void {
    this.active.book.record(track, this.reason, outcome, latencyMs)
  }

  private finish(): void {
    this.state = 'done'
    this.active.book.inFlight -= 1
  }
}
