/**
 * The request of one exchange on its way up: its head, as much of its body as has come, and its trailers. Answers: each place that is tried
 * gets the same request; what could still be sent again is kept, within bounds; a copy of it is made where the table says so. Must not: know
 * where it goes, or what comes back.
 */
import { BodyPace } from '../body-pace.ts'
import type { Engine } from '../engine.ts'
import { hopHeader } from '../http/hop-by-hop.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { field, type Field } from './hpack/field.ts'
import type { Http2MirrorCopy } from './mirror-copy.ts'
import type { Http2Request } from './gathered-request.ts'
import type { Stream } from './stream.ts'
import { addPiece } from './pieces.ts'
import { readRequestTrailers } from './trailers.ts'

/** How much of a body is kept for another attempt, bytes: less than for HTTP/1, since one connection may have many streams. */
const maxKeptBytes = 16_384

const hopField = field(hopHeader, '1')

export class Http2RequestFlow {
  /** The client has said its last byte. */
  hasEnded: boolean
  /** Everything that has come could still be sent to another place. */
  isWhole = true
  private readonly engine: Engine
  private readonly client: Stream
  private readonly forward: readonly Field[]
  private readonly pace: BodyPace | undefined
  /** The stream to the place that serves. */
  private upstream: Stream | undefined
  private kept: Buffer[] = []
  private keptBytes = 0
  private trailers: readonly Field[] | undefined
  /** Of the length that was said. */
  private unread: number | undefined
  private received = 0
  /** Nobody wants more of it. */
  private isOver = false
  /** For the canary, until it has been sent. */
  private copy: Http2MirrorCopy | undefined

  /** `forward`: the head's fields as they go on. */
  constructor(engine: Engine, client: Stream, request: Http2Request, { forward, hasEnded, copy }: { readonly forward: readonly Field[]; readonly hasEnded: boolean; readonly copy: Http2MirrorCopy | undefined }) {
    this.engine = engine
    this.client = client
    this.forward = forward
    this.hasEnded = hasEnded
    this.unread = request.contentLength
    this.copy = copy
    if (engine.limits.minBodyRate > 0 && !hasEnded) this.pace = new BodyPace(engine.deadlines, engine.limits.minBodyRate)
  }

  /** Sends all that there is of it; the rest follows as it comes. */
  begin(upstream: Stream, isLocal: boolean): void {
    this.upstream = upstream
    const { forward, kept, trailers, hasEnded } = this
    const isBare = hasEnded && kept.length === 0 && trailers === undefined
    upstream.sendHeaders(isLocal ? forward : [...forward, hopField], isBare)
    if (isBare) return
    for (const [index, bytes] of kept.entries()) upstream.sendData(bytes, hasEnded && trailers === undefined && index === kept.length - 1)
    if (trailers) upstream.sendHeaders(trailers, true)
    this.forgetKept()
  }

  /** That place gets no more of it. */
  leave(): void {
    this.upstream = undefined
  }

  /** More of the body. `fault`: it is not as long as was said; `long`: longer than a body may be. */
  take(bytes: Buffer, hasEnded: boolean): 'fault' | 'long' | undefined {
    if (!this.takeLength(bytes.length, hasEnded)) return 'fault'
    this.received += bytes.length
    this.pace?.took()
    const { maxBodyBytes } = this.engine.limits
    if (maxBodyBytes > 0 && this.received > maxBodyBytes && !this.isOver) return 'long'
    this.hasEnded = hasEnded
    this.copy?.take(bytes)
    if (this.isWhole && !this.isOver) {
      addPiece(this.kept, bytes)
      this.keptBytes += bytes.length
    }
    if (this.upstream) {
      this.upstream.sendData(bytes, hasEnded)
      this.forgetKept()
    } else if (this.isOver) this.client.consume(bytes.length)
    return undefined
  }

  /** The fields after the body; whether they are trailers. */
  takeTrailers(block: DecodedBlock, hasEnded: boolean): boolean {
    const trailers = block.isTooLarge || !hasEnded ? undefined : readRequestTrailers(block.fields)
    if (!trailers || !this.takeLength(0, true)) return false
    this.hasEnded = true
    this.trailers = trailers
    this.upstream?.sendHeaders(trailers, true)
    return true
  }

  /** Whether the body is as long as was said, so far (RFC 9113 §8.1.1). */
  private takeLength(bytes: number, isLast: boolean): boolean {
    if (this.unread === undefined) return true
    this.unread -= bytes
    return this.unread >= 0 && (!isLast || this.unread === 0)
  }

  /** The place has taken more of the body: it is the client's turn. */
  onTaken(bytes: number): void {
    this.pace?.wait()
    this.client.consume(bytes)
  }

  /** The client is waited for, and has been slower than is asked for. */
  get isTooSlow(): boolean {
    return this.pace?.patienceMs(this.received) === 0
  }

  /** What has left and is too long to keep cannot be sent again. Until it has left, the client's window bounds it. */
  private forgetKept(): void {
    if (this.keptBytes > maxKeptBytes && this.upstream) this.keepNothing()
  }

  private keepNothing(): void {
    this.isWhole = false
    this.kept = []
    this.keptBytes = 0
  }

  /** A body is waited for, and its client has sent all that may be. */
  get isOwed(): boolean {
    return !this.hasEnded && this.client.unconsumed === 0
  }

  // === Ends ===

  /** The response has begun: no other place will be asked. */
  answered(): void {
    this.keepNothing()
    this.dropCopy('body')
  }

  /** It is answered. A place that still takes the request gets the rest of it. */
  end(): void {
    this.isOver = true
    this.dropCopy()
  }

  /** The response is complete without the rest of the request, which the client need not send (RFC 9113 §8.1). */
  stop(code: number): void {
    this.client.consume(this.client.unconsumed)
    if (!this.hasEnded && !this.client.hasQueued) this.client.reset(code)
  }

  /** The request is whole, and so is its copy. */
  sendCopy(): void {
    const { copy } = this
    this.copy = undefined
    copy?.send(this.trailers)
  }

  /** What is not whole by now is not copied: its request is refused, given up, or answered before its end. */
  private dropCopy(cause?: 'body'): void {
    this.copy?.drop(cause)
    this.copy = undefined
  }
}
