/**
 * Connections of HTTP/2 to one endpoint, shared by streams. Answers: a session with room, or a new one. Prior knowledge: nothing is
 * negotiated, streams begin as soon as the connection is open. Must not: know what a stream carries.
 *
 * Life of a session: connecting ──open──▶ serving ──GOAWAY, too many ids, or no table names the endpoint──▶ leaving ──▶ closed
 */
import { connect, type Socket } from 'node:net'
import type { Seat } from '../crowd.ts'
import type { Timed } from '../deadlines.ts'
import type { UpstreamPool } from '../upstream-pool.ts'
import { Session } from './session.ts'
import type { SessionUser } from './session-user.ts'

/** Who waits for a session. Exactly one of the two is called, once, perhaps before `take` returns. */
export interface SessionTaker {
  /** `isReused`: it has served another stream, so its server may be about to close it. */
  onSession(session: Session, isReused: boolean): void
  onNoSession(): void
}

/** Before the server has said how many streams it takes; what RFC 9113 §6.5.2 calls the least sensible limit. */
const streamsUntilSettings = 100
/** A session without streams is closed after this. */
const idleMs = 60_000
/** Between two looks at whether a peer is still there: it is asked when it was silent for one, and given up after another. Linkerd asks each 10 s. */
const lookMs = 10_000

class UpstreamSession implements SessionUser, Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  session: Session | undefined
  isLeaving = false
  private streams = 0
  private wasAsked = false
  private waiting: SessionTaker[] = []
  private readonly socket: Socket
  private readonly pool: UpstreamPool
  private readonly onGone: (gone: UpstreamSession) => void

  constructor(pool: UpstreamPool, onGone: (gone: UpstreamSession) => void) {
    this.pool = pool
    this.onGone = onGone
    this.deadline = pool.deadlines.after(pool.connectTimeoutMs)
    this.socket = connect({ host: pool.address, port: pool.port, noDelay: true, allowHalfOpen: true })
    this.socket.once('connect', () => this.onOpen())
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => this.onSocketClosed())
    pool.deadlines.add(this)
  }

  get hasRoom(): boolean {
    if (this.isLeaving) return false
    const { session } = this
    if (!session) return this.waiting.length < streamsUntilSettings
    return session.hasRoom && (session.hasPeerSettings || session.streams.size < streamsUntilSettings)
  }

  take(taker: SessionTaker): void {
    if (!this.session) {
      this.waiting.push(taker)
      return
    }
    if (this.session.streams.size === 0) this.deadline = this.nextLook()
    this.streams += 1
    taker.onSession(this.session, this.streams > 1)
  }

  /** Streams end in their time, then it closes. */
  leave(): void {
    this.isLeaving = true
    if (this.session) this.session.goAway()
    else this.socket.destroy()
  }

  destroy(): void {
    this.isLeaving = true
    this.session?.destroy()
    this.socket.destroy()
  }

  onDeadline(): void {
    if (!this.session) this.socket.destroy()
    else if (this.session.streams.size === 0) this.leave()
    else if (this.pool.isPeer) this.look(this.session)
  }

  /** Only sidecars are asked: an app may be busy for long, and some of gRPC's servers end a connection that asks often. */
  private nextLook(): number {
    return this.pool.isPeer ? this.pool.deadlines.after(lookMs) : Number.POSITIVE_INFINITY
  }

  /** A peer whose node has died says nothing, not even that: its streams would wait for the kernel, which waits for a quarter of an hour. */
  private look(session: Session): void {
    if (!session.takeSilence()) this.wasAsked = false
    else if (this.wasAsked) return this.destroy()
    else {
      this.wasAsked = true
      session.ping()
    }
    this.deadline = this.nextLook()
  }

  private onOpen(): void {
    this.deadline = Number.POSITIVE_INFINITY
    this.session = new Session(this.socket, false, { maxStreams: 0, maxListBytes: this.pool.limits.maxResponseHeadBytes, maxHeldBytes: Number.POSITIVE_INFINITY }, this)
    for (const taker of this.waiting.splice(0)) this.take(taker)
  }

  // === The session says ===

  /** A client is never sent streams: its session refuses them. */
  onStream(): void {}

  onIdleStreams(): void {
    if (this.session?.streams.size === 0) this.deadline = this.pool.deadlines.after(idleMs)
  }

  onGoAway(): void {
    this.isLeaving = true
  }

  onClosed(): void {
    this.isLeaving = true
  }

  private onSocketClosed(): void {
    this.isLeaving = true
    this.pool.deadlines.delete(this)
    this.onGone(this)
    for (const taker of this.waiting.splice(0)) taker.onNoSession()
  }
}

export class UpstreamSessions {
  private readonly pool: UpstreamPool
  private readonly sessions = new Set<UpstreamSession>()

  constructor(pool: UpstreamPool) {
    this.pool = pool
  }

  /** `fresh`: only a new connection will do. */
  take(taker: SessionTaker, fresh: boolean): void {
    if (!fresh) for (const session of this.sessions) if (session.hasRoom) return session.take(taker)
    const session = new UpstreamSession(this.pool, (gone) => this.sessions.delete(gone))
    this.sessions.add(session)
    session.take(taker)
  }

  retire(): void {
    for (const session of this.sessions) session.leave()
  }

  destroyAll(): void {
    for (const session of this.sessions) session.destroy()
  }
}

const known = new WeakMap<UpstreamPool, UpstreamSessions>()

/** The sessions that belong to a pool, and end with it. */
export function sessionsOf(pool: UpstreamPool): UpstreamSessions {
  const there = known.get(pool)
  if (there) return there
  const sessions = new UpstreamSessions(pool)
  known.set(pool, sessions)
  pool.sessions = sessions
  return sessions
}
