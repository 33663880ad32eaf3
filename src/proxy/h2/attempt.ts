import type { UpstreamPool } from '../upstream-pool.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import type { Session } from './session.ts'
import type { Loss, Stream, StreamUser } from './stream.ts'
import { sessionsOf, type SessionTaker } from './upstream-sessions.ts'
import { errorCode } from './wire.ts'

/** Who tries; each call is about the attempt under way. */
export interface AttemptOwner {
  /** The request can begin. */
  onOpen(upstream: Stream): void
  /** No connection came about. */
  onNoSession(error: NodeJS.ErrnoException | undefined): void
  onResponseBlock(block: DecodedBlock, hasEnded: boolean): void
  onResponseData(bytes: Buffer, hasEnded: boolean): void
  /** The app has taken more of the body. */
  onTakenByApp(bytes: number): void
  onUpstreamReset(code: number, loss: Loss): void
  /** Some time has passed. */
  onLookAtUpstream(): void
}

/**
 * One attempt to have a request served at one place: a stream on a connection to it. Answers: its owner hears of this attempt until it leaves
 * it, and of none that it has left; the place counts it while it is served. Must not: know what becomes of the request.
 */
export class Attempt implements SessionTaker, StreamUser {
  /** Its connection had served others before. */
  isReused = false
  private upstream: Stream | undefined
  /** The place counts it no more. */
  private isServed = false
  private readonly owner: AttemptOwner
  private readonly pool: UpstreamPool

  constructor(owner: AttemptOwner, pool: UpstreamPool) {
    this.owner = owner
    this.pool = pool
    pool.active += 1
  }

  /** `fresh`: only a new connection will do. */
  start(fresh: boolean): void {
    sessionsOf(this.pool).take(this, fresh)
  }

  get hasBegun(): boolean {
    return this.upstream !== undefined
  }

  /** Bytes that all streams of its connection have sent and nobody has taken. */
  get heldBytes(): number {
    return this.upstream?.session.window.held ?? 0
  }

  /** So much of the response has been taken. */
  consume(bytes: number): void {
    this.upstream?.consume(bytes)
  }

  /** The response is complete; the rest of the request may still be on its way. */
  served(): void {
    if (!this.isServed) this.pool.active -= 1
    this.isServed = true
  }

  /** Nothing more is wanted of it, nor heard. */
  leave(): void {
    this.served()
    const { upstream } = this
    if (!upstream) return sessionsOf(this.pool).forget(this)
    upstream.reset(errorCode.cancel)
    // One that was over has bytes that the client has not taken.
    upstream.consume(upstream.unconsumed)
  }

  // === The connection and the stream say ===

  onSession(session: Session, isReused: boolean): void {
    if (this.isServed) return
    this.isReused = isReused
    const upstream = session.open()
    upstream.user = this
    this.upstream = upstream
    this.owner.onOpen(upstream)
  }

  onNoSession(error: NodeJS.ErrnoException | undefined): void {
    if (!this.isServed) this.owner.onNoSession(error)
  }

  onHeaders(block: DecodedBlock, hasEnded: boolean): void {
    this.owner.onResponseBlock(block, hasEnded)
  }

  onData(bytes: Buffer, hasEnded: boolean): void {
    this.owner.onResponseData(bytes, hasEnded)
  }

  onSent(bytes: number): void {
    this.owner.onTakenByApp(bytes)
  }

  onReset(code: number, loss: Loss): void {
    this.owner.onUpstreamReset(code, loss)
  }

  onLook(): void {
    this.owner.onLookAtUpstream()
  }
}
