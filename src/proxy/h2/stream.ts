import type { DecodedBlock } from './hpack/decoder.ts'
import type { Field } from './hpack/field.ts'
import type { Outgoing, Sender } from './outgoing.ts'
import { addPiece } from './pieces.ts'
import type { ReceiveWindow } from './receive-window.ts'
import { defaultWindow } from './wire.ts'

/**
 * Why a stream ended before its time. `peer`: by RST_STREAM, or by a frame of the peer that was none. `unprocessed`: the peer has
 * certainly not acted on it (REFUSED_STREAM, or GOAWAY with a lower id). `lost`: the connection is gone.
 */
export type Loss = 'peer' | 'unprocessed' | 'lost'

/** What a stream needs of its connection; `session.ts` is what it is. */
export interface StreamSession {
  readonly window: ReceiveWindow
  readonly outgoing: Outgoing
  resetStream(stream: Stream, code: number): void
  /** The peer's mistake on one stream. */
  failStream(stream: Stream, code: number): void
  /** Both sides have said their last. */
  forget(stream: Stream): void
}

/** Who uses a stream. Calls come from the session, each about the stream it was given; after `onReset` none comes. */
export interface StreamUser {
  /** The head, an interim head, or trailers. */
  onHeaders(block: DecodedBlock, hasEnded: boolean): void
  /** The bytes are the user's; `consume` gives the peer leave to send as many more. */
  onData(bytes: Buffer, hasEnded: boolean): void
  /** Of what was given to `sendData`, so many bytes have left. */
  onSent(bytes: number): void
  onReset(code: number, loss: Loss): void
  /** Some time has passed. */
  onLook?(): void
}

/**
 * One stream of one connection (RFC 9113 §5.1). Answers: what is given to it leaves in order, no faster than the peer allows; what
 * the peer sends is bounded by what was consumed. Must not: know the stream at the other side of the proxy.
 */
export class Stream implements Sender {
  readonly id: number
  readonly session: StreamSession
  user: StreamUser | undefined
  /** What we may still send, and what the peer may; negative after a change of settings. */
  sendWindow: number
  receiveWindow = defaultWindow
  /** Received bytes that were not consumed yet. */
  unconsumed = 0
  hasReceivedEnd = false
  /** Everything has been given to us, and all of it has left. */
  hasSentEnd = false
  isReset = false
  /** We have said something on it. */
  hasBegun = false
  private isEnding = false
  private consumed = 0
  private readonly queue: Buffer[] = []
  private trailers: readonly Field[] | undefined

  constructor(session: StreamSession, id: number, sendWindow: number) {
    this.session = session
    this.id = id
    this.sendWindow = sendWindow
  }

  get isOver(): boolean {
    return this.isReset || (this.hasReceivedEnd && this.hasSentEnd)
  }

  get hasQueued(): boolean {
    return this.queue.length > 0
  }

  sendHeaders(fields: readonly Field[], isLast: boolean): void {
    if (this.isReset || this.isEnding) return
    if (isLast) this.isEnding = true
    if (this.queue.length > 0) this.trailers = fields
    else this.writeHeaders(fields, isLast)
  }

  sendData(bytes: Buffer, isLast: boolean): void {
    if (this.isReset || this.isEnding) return
    if (isLast) this.isEnding = true
    if (this.queue.length === 0 && this.session.outgoing.tryData(this, bytes, isLast)) {
      this.afterSent(bytes.length, isLast)
      return
    }
    addPiece(this.queue, bytes)
    this.session.outgoing.waiting.add(this)
    this.pump()
  }

  /** Sends what waits, as far as it goes. */
  pump(): void {
    for (let [first] = this.queue; first && !this.isReset; [first] = this.queue) {
      const room = Math.min(this.session.outgoing.dataRoom(), this.sendWindow)
      if (first.length > 0 && room <= 0) return
      const part = first.length <= room ? first : first.subarray(0, room)
      if (part === first) this.queue.shift()
      else this.queue[0] = first.subarray(room)
      const isLast = this.isEnding && this.queue.length === 0 && this.trailers === undefined
      if (!this.session.outgoing.tryData(this, part, isLast)) {
        this.queue.unshift(part)
        return
      }
      this.afterSent(part.length, isLast)
    }
    this.session.outgoing.waiting.delete(this)
    const { trailers } = this
    this.trailers = undefined
    if (trailers && !this.isReset) this.writeHeaders(trailers, this.isEnding)
  }

  /** So many of the received bytes need no more memory. */
  consume(bytes: number): void {
    const taken = Math.min(bytes, this.unconsumed)
    this.unconsumed -= taken
    this.session.window.release(taken)
    if (this.isReset || this.hasReceivedEnd) return
    this.consumed += taken
    if (this.consumed < defaultWindow / 2) return
    this.session.outgoing.grant(this.id, this.consumed)
    this.receiveWindow += this.consumed
    this.consumed = 0
  }

  /** Ends it before its time. The user hears nothing more. */
  reset(code: number): void {
    if (this.isOver) return
    this.user = undefined
    this.session.resetStream(this, code)
  }

  /** Ends it for a mistake of the peer. The user hears nothing more. */
  fail(code: number): void {
    if (this.isOver) return
    this.user = undefined
    this.session.failStream(this, code)
  }

  /** The session has ended it. */
  onGone(code: number, loss: Loss): void {
    const { user } = this
    this.discard()
    user?.onReset(code, loss)
  }

  discard(): void {
    this.isReset = true
    this.user = undefined
    this.queue.length = 0
    this.trailers = undefined
    this.session.outgoing.waiting.delete(this)
    this.consume(this.unconsumed)
  }

  private writeHeaders(fields: readonly Field[], isLast: boolean): void {
    this.hasBegun = true
    this.session.outgoing.headers(this.id, fields, isLast)
    if (isLast) this.onSentEnd()
  }

  private afterSent(bytes: number, isLast: boolean): void {
    if (bytes > 0) this.user?.onSent(bytes)
    if (isLast) this.onSentEnd()
  }

  /** The peer has said its last. */
  onReceivedEnd(): void {
    this.hasReceivedEnd = true
    if (this.hasSentEnd) this.session.forget(this)
  }

  private onSentEnd(): void {
    this.hasSentEnd = true
    if (this.hasReceivedEnd) this.session.forget(this)
  }
}
