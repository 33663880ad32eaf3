/**
 * The copy of a request in HTTP/1, for the canary. Answers: once the request is whole its copy is sent, the answer is read and thrown
 * away. Must not: be waited for, slow the real request down, be sent in part, or be tried again.
 *
 *   gathering ──last byte──▶ connecting ──open──▶ waiting ──head──▶ reading ──last byte──▶ done
 *       └──too long, or nobody wants it any more──▶ done    (a failure or the end of its time: from anywhere)
 *
 * Envoy's way: nothing is sent before the body is complete, so that a client that gives up in the middle is no failure of the canary.
 */
import { describeError } from '../base/errors.ts'
import type { Engine } from './engine.ts'
import { BodyReader } from './http/body-reader.ts'
import { endOfHead } from './http/end-of-head.ts'
import { hopHeader } from './http/hop-by-hop.ts'
import type { RequestHead } from './http/request-head.ts'
import type { ResponseHead } from './http/response-head.ts'
import { shadowHead } from './http/shadow-head.ts'
import { writePart } from './http/write-part.ts'
import type { MirrorCharge } from './mirror-charge.ts'
import { isOurShortage } from './outcomes.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-pool.ts'

export class MirrorCopy implements UpstreamUser {
  private readonly engine: Engine
  private readonly charge: MirrorCharge
  private readonly head: RequestHead
  private readonly timeoutMs: number
  private body: Buffer[] = []
  private bodyBytes = 0
  private trailers = ''
  private isOver = false
  private upstream: UpstreamConnection | undefined
  /** Bytes of an unfinished response head. */
  private unread: Buffer | undefined
  private response: ResponseHead | undefined
  private reader: BodyReader | undefined

  /** `timeoutMs`: of the service's policy, where that is less than a copy's own. */
  constructor(engine: Engine, charge: MirrorCharge, head: RequestHead, timeoutMs = engine.limits.mirrorTimeoutMs) {
    this.engine = engine
    this.charge = charge
    this.head = head
    this.timeoutMs = Math.min(timeoutMs, engine.limits.mirrorTimeoutMs)
  }

  /** More of the body. */
  take(payload: readonly Buffer[]): void {
    if (this.isOver) return
    for (const slice of payload) this.bodyBytes += slice.length
    if (this.bodyBytes > this.engine.limits.maxMirrorBytes) this.drop('body')
    else this.body.push(...payload)
  }

  /** The request is whole. */
  send(trailers: string): void {
    if (this.isOver) return
    this.trailers = trailers
    this.charge.sent()
    const upstream = this.charge.place.pool.take(this, false)
    this.upstream = upstream
    if (upstream.isOpen) this.onUpstreamOpen()
  }

  /** Its request came to nothing, or (`body`) cannot be copied. */
  drop(cause?: 'body'): void {
    this.isOver = true
    this.body = []
    this.charge.dropped(cause)
  }

  onUpstreamOpen(): void {
    const { upstream } = this
    if (!upstream) return
    upstream.deadline = this.engine.deadlines.after(this.timeoutMs)
    writePart(upstream.socket, `${shadowHead(this.head.forward)}${hopHeader}: 1\r\n\r\n`, this.body, { chunked: this.head.body === 'chunked', isLast: true, trailers: this.trailers })
    this.body = []
  }

  onUpstreamData(chunk: Buffer): void {
    try {
      this.readResponse(chunk)
    } catch (error) {
      this.engine.log.error('copy failed by a bug', { error: describeError(error), stack: error instanceof Error ? error.stack : undefined })
      this.leave(() => this.charge.dropped())
    }
  }

  private readResponse(chunk: Buffer): void {
    if (this.response) return this.skip(chunk, 0)
    const bytes = this.unread === undefined ? chunk : Buffer.concat([this.unread, chunk])
    this.unread = undefined
    for (let from = 0; this.upstream; ) {
      const end = endOfHead(bytes, from)
      if ((end < 0 ? bytes.length : end) - from > this.engine.limits.maxResponseHeadBytes) return this.fail('5xx')
      if (end < 0) {
        this.unread = Buffer.from(bytes.subarray(from))
        return
      }
      const head = this.engine.responseParser.parse(bytes.toString('latin1', from, end), this.head.method)
      from = end
      if (typeof head === 'string' || head.status === 101) return this.fail('5xx')
      if (head.status >= 200) return this.onHead(head, bytes, from)
    }
  }

  private onHead(head: ResponseHead, bytes: Buffer, from: number): void {
    this.charge.gotHead()
    if (head.unsent === 'refused') return this.fail('refused')
    if (head.unsent !== '') return this.leave(() => this.charge.dropped())
    this.response = head
    this.reader = head.body === 'none' ? undefined : new BodyReader(head.body, head.length ?? 0, this.engine.limits.maxChunkExtraBytes)
    this.skip(bytes, from)
  }

  private skip(chunk: Buffer, from: number): void {
    const { reader } = this
    const end = reader === undefined ? from : reader.read(chunk, from, [])
    if (reader?.fault !== undefined) return this.fail('reset')
    if (reader === undefined || reader.done) this.complete(end === chunk.length)
  }

  private complete(isClean: boolean): void {
    const { upstream, response } = this
    if (!upstream || !response) return
    this.upstream = undefined
    this.charge.completed(response.status, response.serviceTimeUs)
    upstream.pool.release(upstream, isClean && response.keepAlive, response.idleHintMs)
  }

  onUpstreamDrain(): void {}

  onUpstreamEnd(): void {
    if (this.response?.body === 'close') this.complete(false)
    else this.fail('reset')
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | undefined): void {
    if (isOurShortage(error)) this.leave(() => this.charge.dropped('busy'))
    else if (this.upstream) this.fail(this.upstream.isOpen ? 'reset' : 'refused')
  }

  /** An answer that has begun and goes on has been judged by then. */
  onUpstreamTimeout(): void {
    if (this.response) this.complete(false)
    else this.fail('timeout')
  }

  private fail(outcome: 'refused' | 'reset' | 'timeout' | '5xx'): void {
    this.leave(() => this.charge.failed(outcome))
  }

  private leave(record: () => void): void {
    const { upstream } = this
    if (!upstream) return
    this.upstream = undefined
    record()
    upstream.drop()
    upstream.pool.releaseLost()
  }
}
