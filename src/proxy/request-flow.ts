/**
 * A request's body on its way up. Answers: the bytes go to the place that serves, no faster than it takes them, framed anew; and
 * until the app has surely got the request, what was sent is kept so that another place can get it too. Must not: know why a place
 * was chosen or what became of it.
 *
 *   waiting for a place ──begin──▶ (held back until 100 Continue) ──▶ flowing ──last byte──▶ done
 *          ▲                                                            │
 *          └────────────────────────── end (the place failed) ──────────┘
 */
import { BodyPace } from './body-pace.ts'
import type { ClientSide } from './client-side.ts'
import type { Engine } from './engine.ts'
import { BodyReader } from './http/body-reader.ts'
import { hopHeader } from './http/hop-by-hop.ts'
import type { OwnAnswer } from './http/own-answer.ts'
import type { RequestHead } from './http/request-head.ts'
import { writePart } from './http/write-part.ts'
import type { MirrorCopy } from './mirror-copy.ts'
import type { UpstreamConnection } from './upstream-pool.ts'

export class RequestFlow {
  /** Nothing that was read has been thrown away: another place can get the request. */
  isWhole = true
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly head: RequestHead
  private readonly responseTimeoutMs: number
  private readonly reader: BodyReader | undefined
  private readonly copy: MirrorCopy | undefined
  private readonly pace: BodyPace | undefined
  private held: Buffer[] = []
  private heldBytes = 0
  /** Where the head was sent. */
  private upstream: UpstreamConnection | undefined
  /** The body waits for `100 Continue`. */
  private isHeldBack: boolean
  /** The app has taken the connection. Until a peer says so, everything that was sent to it is kept. */
  private isCommitted = false
  /** The response has begun: the app alone says when it ends. */
  private isAnswered = false
  /** Something was written after the head. */
  private hasFollowed = false

  /** `perTryTimeoutMs`: of the service's policy, until the response begins. `copy` gets the body too. */
  constructor(engine: Engine, client: ClientSide, head: RequestHead, perTryTimeoutMs = engine.limits.responseTimeoutMs, copy?: MirrorCopy) {
    this.responseTimeoutMs = Math.min(perTryTimeoutMs, engine.limits.responseTimeoutMs)
    this.engine = engine
    this.client = client
    this.head = head
    this.reader = head.body === 'none' ? undefined : new BodyReader(head.body, head.length, engine.limits.maxChunkExtraBytes)
    this.isHeldBack = head.expectsContinue
    this.copy = copy
    if (engine.limits.minBodyRate > 0 && this.reader) this.pace = new BodyPace(engine.deadlines, engine.limits.minBodyRate)
  }

  /** The last byte has been read. */
  get isDone(): boolean {
    return this.reader === undefined || this.reader.done
  }

  /** Lines of the body's trailers, each with its CRLF. */
  get trailers(): string {
    return this.reader?.trailers ?? ''
  }

  /** The place was given the head and nothing else, in one small write. */
  get isHeadAlone(): boolean {
    return !this.hasFollowed && (this.reader === undefined || this.reader.readBytes === 0)
  }

  /** Sends the head, and what has been read of the body. */
  begin(upstream: UpstreamConnection, isLocal: boolean): void {
    this.upstream = upstream
    this.isCommitted = isLocal
    const prefix = this.head.forward + (isLocal ? '\r\n' : `${hopHeader}: 1\r\n\r\n`)
    if (this.isHeldBack) {
      upstream.socket.write(prefix, 'latin1')
      this.client.deadline = this.engine.deadlines.after(this.engine.limits.continueTimeoutMs)
      upstream.deadline = this.engine.deadlines.after(this.responseTimeoutMs)
    } else {
      this.forward(prefix, this.held)
    }
  }

  /** The place is not to be sent anything more. */
  end(): void {
    this.upstream = undefined
  }

  /** The response has begun: nobody else will need the request. */
  answered(): void {
    this.isAnswered = true
    this.isCommitted = true
    this.letGo()
    // What it was given to keep its pace is not what it has from here on.
    if (this.pace && this.client.deadline !== Number.POSITIVE_INFINITY) this.client.deadline = this.engine.deadlines.after(this.patienceMs())
  }

  /** More bytes of the client: body, and perhaps the beginning of its next request. An answer where they are no body. */
  take(chunk: Buffer): OwnAnswer | undefined {
    const payload: Buffer[] = []
    const { reader } = this
    const end = reader === undefined || reader.done ? 0 : reader.read(chunk, 0, payload)
    if (end < chunk.length) this.client.stash(end === 0 ? chunk : chunk.subarray(end))
    if (reader === undefined || end === 0) return undefined
    this.pace?.took()
    const { maxBodyBytes } = this.engine.limits
    if (reader.fault !== undefined) return { status: 400, code: 'bad-body', message: `The body is malformed: ${reader.fault}.` }
    if (maxBodyBytes > 0 && reader.readBytes > maxBodyBytes) return { status: 413, code: 'too-long', message: 'The body is longer than this proxy accepts.' }
    this.copy?.take(payload)
    this.passOn(payload)
    return undefined
  }

  /** The app wants the body, or does not say so in time. */
  release(): void {
    if (!this.isHeldBack) return
    this.isHeldBack = false
    if (this.upstream && !this.isAnswered) this.forward('', this.held)
  }

  /** The app has taken the connection: what is read from now on is its own affair. */
  commit(): void {
    if (this.isCommitted) return
    this.isCommitted = true
    if (this.isFull) this.letGo()
    if (!this.isHeldBack && this.upstream?.socket.writableNeedDrain === false) this.wantMore()
  }

  /** The place takes bytes again. */
  onDrain(): void {
    if (this.isAnswered && this.upstream) this.upstream.deadline = Number.POSITIVE_INFINITY
    if (!this.isHeldBack) this.wantMore()
  }

  /** The client's deadline has passed. False where that is the client's fault. */
  onDeadline(): boolean {
    if (this.isHeldBack && !this.isAnswered) this.release()
    else if (!this.isCommitted && this.isFull) this.commit()
    else return false
    return true
  }

  private passOn(payload: readonly Buffer[]): void {
    const flows = this.upstream !== undefined && !this.isHeldBack
    this.hold(payload, !flows || !this.isCommitted)
    if (flows) return this.forward('', payload)
    // Where no place has been found yet, nobody waits for the client.
    if (!this.upstream) this.client.deadline = Number.POSITIVE_INFINITY
    if (!this.isDone) this.client.pause()
  }

  private forward(prefix: string, payload: readonly Buffer[]): void {
    const { upstream } = this
    if (!upstream) return
    if (!this.isAnswered) upstream.deadline = this.engine.deadlines.after(this.responseTimeoutMs)
    if (prefix === '') this.hasFollowed = true
    const flows = writePart(upstream.socket, prefix, payload, { chunked: this.head.body === 'chunked', isLast: this.isDone, trailers: this.reader?.trailers ?? '' })
    this.client.deadline = Number.POSITIVE_INFINITY
    if (this.isDone) return
    if (flows) return this.wantMore()
    // While the client is not read its end is not heard either: an app that does not go on must not keep the two for ever.
    if (this.isAnswered) upstream.deadline = this.engine.deadlines.after(this.engine.limits.responseTimeoutMs)
    this.client.pause()
  }

  private wantMore(): void {
    if (this.isDone) return
    if (!this.isCommitted && this.isFull) {
      // A peer that says nothing gets the rest after a while all the same.
      this.client.pause()
      this.client.deadline = this.engine.deadlines.after(this.engine.limits.continueTimeoutMs)
      return
    }
    this.client.deadline = this.engine.deadlines.after(this.patienceMs())
    this.client.resume()
  }

  /** Where the answer has begun the two take turns, at their own pace. */
  private patienceMs(): number {
    const { bodyTimeoutMs } = this.engine.limits
    return this.pace && !this.isAnswered ? Math.min(bodyTimeoutMs, this.pace.patienceMs(this.reader?.readBytes ?? 0)) : bodyTimeoutMs
  }

  private get isFull(): boolean {
    return this.heldBytes > this.engine.limits.maxReplayBytes
  }

  /** Keeps payload; what nobody has surely got yet (`mustHold`) is kept whatever its size, and the client is paused meanwhile. */
  private hold(payload: readonly Buffer[], mustHold: boolean): void {
    if (!this.isWhole) return
    for (const slice of payload) this.heldBytes += slice.length
    if (mustHold || !this.isFull) this.held.push(...payload)
    else this.letGo()
  }

  private letGo(): void {
    this.isWhole = false
    this.held = []
  }
}
