/**
 * One request and its response. From top to bottom: start → attempt → send → (failed → next attempt) → response head → relay →
 * complete. Answers: the client gets exactly one response, whole or visibly cut. Must not: touch the next request on either
 * connection, or judge who is charged (serving.ts).
 *
 *   connecting ──open──▶ waiting ──head──▶ responding ──last byte──▶ done
 *       │                   │                  └──cut──▶ done (the client is reset)
 *       └──────failed───────┴──▶ connecting (another attempt) or done (an answer of our own)
 */
import { describeError } from '../base/errors.ts'
import type { ClientSide } from './client-side.ts'
import type { Engine } from './engine.ts'
import { editRequest, editResponse } from './http/edit-head.ts'
import { endOfHead } from './http/end-of-head.ts'
import { connectedHeader, serviceTimeHeader, unsentHeader } from './http/hop-by-hop.ts'
import { printAnswer, type OwnAnswer } from './http/own-answer.ts'
import type { RequestHead } from './http/request-head.ts'
import type { ResponseHead } from './http/response-head.ts'
import { MirrorCopy } from './mirror-copy.ts'
import { answerTo, isOurShortage, lateBodyAnswer, malformedAnswer, type Failure } from './outcomes.ts'
import { RequestFlow } from './request-flow.ts'
import { ResponseFlow } from './response-flow.ts'
import { Serving } from './serving.ts'
import { TimeLimit } from './time-limit.ts'
import { Tunnel } from './tunnel.ts'
import type { UpstreamConnection, UpstreamPool, UpstreamUser } from './upstream-pool.ts'

export class Exchange implements UpstreamUser {
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly head: RequestHead
  private readonly serving: Serving
  private readonly request: RequestFlow
  private state: 'connecting' | 'waiting' | 'responding' | 'done' = 'connecting'
  private upstream: UpstreamConnection | undefined
  /** Of the whole request, by the service's policy. */
  private timeLimit: TimeLimit | undefined
  /** Bytes of an unfinished response head. */
  private unread: Buffer | undefined
  private response: ResponseFlow | undefined
  private hasClientEnded = false
  /** For the canary, until it has been sent. */
  private copy: MirrorCopy | undefined

  /** `startedAt` is on performance.now's clock. The body's first bytes come by `onClientData`, before `start`. */
  constructor(engine: Engine, client: ClientSide, head: RequestHead, startedAt: number) {
    this.engine = engine
    this.client = client
    this.serving = new Serving(engine, client.port, head, startedAt)
    this.serving.cameBy(client)
    const { plan } = this.serving
    this.head = plan ? editRequest(head, plan) : head
    if (this.serving.mirror) this.copy = new MirrorCopy(engine, this.serving.mirror, this.head, plan?.timeoutMs)
    this.request = new RequestFlow(engine, client, this.head, plan?.retries?.perTryTimeoutMs, this.copy)
  }

  start(): void {
    const { plan } = this.serving
    if (plan?.preflight) return this.answerPreflight(plan.preflight)
    if (plan?.timeoutMs !== undefined) this.timeLimit = new TimeLimit(this.engine.deadlines, plan.timeoutMs, () => this.onTimeLimit())
    if (this.request.isDone) this.timeLimit?.start()
    this.attempt(this.serving.place.pool, false)
    if (this.copy && this.request.isDone) this.sendCopy(this.copy)
  }

  private sendCopy(copy: MirrorCopy): void {
    this.copy = undefined
    copy.send(this.request.trailers)
  }

  private attemptAfter(ms: number, fresh: boolean): void {
    this.state = 'connecting'
    if (ms === 0) this.attempt(this.serving.place.pool, fresh)
    else setTimeout(() => this.state !== 'done' && this.attempt(this.serving.place.pool, fresh), ms)
  }

  // === An attempt to have it served at one place ===

  private attempt(pool: UpstreamPool, fresh: boolean): void {
    this.state = 'connecting'
    this.unread = undefined
    const upstream = pool.take(this, fresh)
    this.upstream = upstream
    if (upstream.isOpen) this.send(upstream)
  }

  onUpstreamOpen(): void {
    if (this.upstream) this.send(this.upstream)
  }

  private send(upstream: UpstreamConnection): void {
    this.state = 'waiting'
    if (this.serving.reason === 'hop' && !this.request.isDone) this.client.write(`HTTP/1.1 102 Processing\r\n${connectedHeader}: 1\r\n\r\n`)
    this.request.begin(upstream, this.serving.place.isLocal)
  }

  // === The request's body ===

  /** More bytes of the client: body, and perhaps the beginning of its next request. */
  onClientData(chunk: Buffer): void {
    const refusal = this.request.take(chunk)
    if (refusal) this.refuse(refusal)
    else if (this.request.isDone) this.onRequestEnd()
  }

  private onRequestEnd(): void {
    this.timeLimit?.start()
    if (this.copy) this.sendCopy(this.copy)
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
    const { upstream } = this
    let from = 0
    // A refused hop may already wait for its answer on another connection: what is left of these bytes is not that answer.
    while (this.state === 'waiting' && this.upstream === upstream) {
      const end = endOfHead(bytes, from)
      if ((end < 0 ? bytes.length : end) - from > this.engine.limits.maxResponseHeadBytes) {
        this.onMalformed()
        return
      }
      if (end < 0) {
        this.unread = Buffer.from(bytes.subarray(from))
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
    if (this.client.socket.writableNeedDrain) this.upstream?.socket.pause()
    if (head.status === 100) this.request.release()
  }

  private onResponseHead(head: ResponseHead, bytes: Buffer, from: number): void {
    this.serving.gotHead()
    if (head.unsent !== '' && !this.serving.place.isLocal) {
      this.failed('unsent', { isItsFault: head.unsent === 'refused', isAnswered: true })
      return
    }
    const replacement = this.serving.replacementFor(head.status, this.request.isWhole)
    if (replacement) {
      this.dropUpstream()
      this.attemptAfter(replacement.afterMs, false)
      return
    }
    this.state = 'responding'
    if (this.upstream) this.upstream.deadline = Number.POSITIVE_INFINITY
    this.request.answered()
    this.dropCopy('body')
    const mayKeepAlive = this.request.isDone && !this.isClientToLeave && !this.engine.live.active.isLeaving && !this.serving.isDisplaced
    const { maxChunkExtraBytes } = this.engine.limits
    const edit = this.serving.plan?.response
    this.response = new ResponseFlow(this.client, this.head, edit ? editResponse(head, edit) : head, { mayKeepAlive, line: this.serviceTimeLine() + this.cookieLines(), maxChunkExtraBytes })
    this.relay(this.response, bytes, from)
  }

  /** Its next request had better come over another connection: the pod goes away, or this one is old. */
  private get isClientToLeave(): boolean {
    return this.engine.isDraining || this.client.retiresAt <= this.engine.deadlines.now
  }

  /** For the sidecar that sent this hop. */
  private serviceTimeLine(): string {
    return this.serving.reason === 'hop' ? `${serviceTimeHeader}: ${this.serving.serviceTimeUs}\r\n` : ''
  }

  private cookieLines(): string {
    const { setCookies } = this.serving
    return setCookies.length === 0 ? '' : setCookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')
  }

  private relay(response: ResponseFlow, chunk: Buffer, from: number): void {
    const relayed = response.relay(chunk, from)
    switch (relayed) {
      case 'more':
        if (this.hasClientEnded) this.expectProgress()
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
    if (this.state === 'waiting' || this.state === 'responding') this.upstream?.socket.resume()
    if (this.state !== 'responding') return
    this.client.deadline = Number.POSITIVE_INFINITY
    if (this.hasClientEnded) this.expectProgress()
    if (!this.request.isDone) this.request.onDrain()
  }

  private complete(response: ResponseFlow, isClean: boolean): void {
    const { upstream } = this
    const { head } = response
    if (!upstream) return
    const reusable = isClean && head.keepAlive && this.request.isDone
    this.upstream = undefined
    this.serving.place.pool.release(upstream, reusable, head.idleHintMs)
    this.serving.completed(head.status, head.serviceTimeUs)
    this.finish()
    this.client.onExchangeEnd(response.keepAlive)
  }

  // === WebSocket ===

  private onSwitch(head: ResponseHead, rest: Buffer): void {
    const { upstream } = this
    if (!this.head.upgrade || !head.upgrade || !upstream) {
      this.onMalformed()
      return
    }
    this.serving.gotHead()
    this.serving.completed(head.status, head.serviceTimeUs)
    this.serving.place.pool.releaseLost()
    this.finish()
    this.upstream = undefined
    const server = upstream.detach()
    const early = this.client.detach()
    this.client.write(`${this.client.probeTail()}${head.forward}Connection: Upgrade\r\nUpgrade: websocket\r\n${this.serviceTimeLine()}${this.cookieLines()}\r\n`)
    if (rest.length > 0) this.client.socket.write(Buffer.from(rest))
    if (early) server.write(early)
    this.client.onTunnel(new Tunnel(this.engine, this.client.socket, server, () => this.client.onTunnelClosed()))
  }

  // === The app fails ===

  onUpstreamEnd(): void {
    if (!this.response) this.failed('lost')
    else if (this.response.endWithConnection()) this.complete(this.response, false)
    else this.cut()
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | undefined): void {
    if (this.state === 'responding') this.cut()
    else if (this.state === 'connecting') this.failed('unsent', { isItsFault: !isOurShortage(error) })
    else this.failed(this.wasNeverWritten(error) ? 'unsent' : 'lost')
  }

  onUpstreamTimeout(): void {
    if (this.state === 'responding') this.cut()
    else this.failed('timeout')
  }

  /** The kernel refused our one small write: its buffer was empty before, so nothing of it was taken. */
  private wasNeverWritten(error: NodeJS.ErrnoException | undefined): boolean {
    const isRefusedWrite = error?.syscall === 'write' && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
    return isRefusedWrite && this.request.isHeadAlone
  }

  /** `isItsFault`: false where a pod that goes away said so itself, or this one lacks the means. `isAnswered`: the peer spoke, so its connection was alive. */
  private failed(failure: Failure, { isItsFault = true, isAnswered = false } = {}): void {
    const isReused = !isAnswered && this.upstream?.isReused === true
    this.dropUpstream()
    const next = this.serving.next({ failure, isReused, isItsFault, canReplay: this.request.isWhole })
    if (next) {
      this.attemptAfter(next.afterMs, next.fresh)
      return
    }
    const answer = answerTo[failure]
    const isRefusedHop = failure === 'unsent' && this.serving.reason === 'hop'
    const why = this.engine.isDraining ? 'draining' : isItsFault ? 'refused' : 'overloaded'
    this.answer(isRefusedHop ? { ...answer, line: `${unsentHeader}: ${why}\r\n` } : answer)
  }

  /** The policy's time is over: before the response the client hears so, in the middle of it the connection is cut. */
  private onTimeLimit(): void {
    if (this.state === 'done') return
    const hasBegun = this.state === 'responding'
    this.dropUpstream()
    this.serving.failed('timeout')
    if (!hasBegun) return this.answer(answerTo.timeout)
    this.finish()
    this.client.reset()
  }

  private onMalformed(): void {
    this.dropUpstream()
    this.serving.failed('5xx')
    this.answer(malformedAnswer)
  }

  /** The response broke off: the client must not take it for whole. */
  private cut(): void {
    this.dropUpstream()
    this.serving.failed('reset')
    this.finish()
    this.client.reset()
  }

  // === The client fails, or we do ===

  /** The request turned out to be none. */
  private refuse(answer: OwnAnswer): void {
    this.client.countRefused(answer.status)
    this.dropUpstream()
    this.serving.end()
    if (this.state !== 'responding') {
      this.answer(answer)
      return
    }
    this.finish()
    this.client.reset()
  }

  /** A cross-origin preflight is no request for the app. */
  private answerPreflight(lines: readonly (readonly [name: string, value: string])[]): void {
    const keepAlive = this.head.keepAlive && this.request.isDone && !this.isClientToLeave
    this.serving.end()
    this.finish()
    const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.client.write(`${this.client.probeTail()}HTTP/1.1 200 OK\r\nDate: ${new Date().toUTCString()}\r\n${fields}Content-Length: 0\r\n${keepAlive ? '' : 'Connection: close\r\n'}\r\n`)
    this.client.onExchangeEnd(keepAlive)
  }

  /** Nothing more of this exchange: its clock stops. */
  private finish(): void {
    this.state = 'done'
    this.timeLimit?.stop()
    this.dropCopy()
  }

  /** What is not whole by now is not copied: its request is refused, given up, or answered before its end. */
  private dropCopy(cause?: 'body'): void {
    this.copy?.drop(cause)
    this.copy = undefined
  }

  private answer(answer: OwnAnswer): void {
    const keepAlive = this.head.keepAlive && this.request.isDone && !this.isClientToLeave && answer.status >= 500
    this.finish()
    this.client.write(this.client.probeTail() + printAnswer(answer, this.head.method, keepAlive))
    this.client.onExchangeEnd(keepAlive)
  }

  /** The client has gone away, or stopped taking its response. */
  abandon(): void {
    if (this.state === 'done') return
    this.dropUpstream()
    this.serving.clientAborted()
    this.finish()
    this.client.reset()
  }

  /** The client has sent its last byte. It may still wait for the response. */
  onClientEnd(): void {
    this.hasClientEnded = true
    if (!this.request.isDone) this.abandon()
    else if (this.state === 'responding') this.expectProgress()
    else if (this.head.minor > 0) this.client.probeHalfClosed()
  }

  /** A client that has closed its side in the middle of a response, and to which nothing can be said for a while, is gone. */
  private expectProgress(): void {
    this.client.deadline = this.engine.deadlines.after(this.engine.limits.halfClosedMs)
  }

  /** A mistake of ours costs this request, not the others. */
  onBug(error: unknown): void {
    this.engine.log.error('exchange failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
    if (this.state === 'done') return
    this.dropUpstream()
    this.serving.proxyFailed()
    this.finish()
    this.client.reset()
  }

  private dropUpstream(): void {
    const { upstream } = this
    if (!upstream) return
    this.upstream = undefined
    this.request.end()
    upstream.drop()
    upstream.pool.releaseLost()
  }
}
