/**
 * Connections of HTTP/2 to one endpoint, shared by streams. Answers: a session with room, or a new one. Prior knowledge: nothing is
 * negotiated, streams begin as soon as the connection is open. Must not: know what a stream carries.
 * What a server has said about how many streams it takes holds for the next connection as well.
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
  /** `error` where the connection failed by one. */
  onNoSession(error: NodeJS.ErrnoException | undefined): void
}

/** Before the server has said how many streams it takes; what RFC 9113 §6.5.2 calls the least sensible limit. */
const streamsUntilSettings = 100
/** A session without streams is closed after this. */
const idleMs = 60_000
/** Between two looks at the streams, and at whether a peer is still there: it is asked when it was silent for one, and given up after another. Linkerd asks each 10 s. */
const lookMs = 10_000

class UpstreamSession implements SessionUser, Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  session: Session | undefined
  isLeaving = false
  private streams = 0
  private wasAsked = false
  private error: NodeJS.ErrnoException | undefined
  private waiting: { readonly taker: SessionTaker; readonly fresh: boolean }[] = []
  private readonly socket: Socket
  private readonly pool: UpstreamPool
  private readonly others: UpstreamSessions

  constructor(pool: UpstreamPool, others: UpstreamSessions) {
    this.pool = pool
    this.others = others
    this.deadline = pool.deadlines.after(pool.connectTimeoutMs)
    this.socket = connect({ host: pool.address, port: pool.port, noDelay: true, allowHalfOpen: true })
    this.socket.once('connect', () => this.onOpen())
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.socket.on('close', () => this.onSocketClosed())
    pool.deadlines.add(this)
  }

  /** `fresh`: for somebody who wants a new connection. */
  hasRoom(fresh: boolean): boolean {
    if (this.isLeaving) return false
    const { session, others } = this
    if (!session) return this.waiting.length < others.streamsUntilSettings
    return !fresh && session.hasRoom && (session.hasPeerSettings || session.streams.size < others.streamsUntilSettings)
  }

  take(taker: SessionTaker, fresh: boolean): void {
    if (!this.session) {
      this.waiting.push({ taker, fresh })
      return
    }
    if (this.session.streams.size === 0) this.deadline = this.nextLook()
    this.streams += 1
    taker.onSession(this.session, !fresh && this.streams > 1)
  }

  forget(taker: SessionTaker): void {
    this.waiting = this.waiting.filter((one) => one.taker !== taker)
  }

  /** Streams end in their time, then it closes. */
  leave(): void {
    this.isLeaving = true
    if (this.session) this.session.goAway()
    else if (this.waiting.length === 0) this.socket.destroy()
  }

  destroy(): void {
    this.isLeaving = true
    this.session?.destroy()
    this.socket.destroy()
  }

  onDeadline(): void {
    if (!this.session) this.socket.destroy()
    else if (this.session.streams.size === 0) this.leave()
    else this.look(this.session)
  }

  private nextLook(): number {
    return this.pool.deadlines.after(lookMs)
  }

  private look(session: Session): void {
    this.deadline = this.nextLook()
    for (const { user } of session.streams.all()) user?.onLook?.()
    // An app may be busy for long, and some of gRPC's servers end a connection that asks often.
    if (this.pool.isPeer) this.askWhetherThere(session)
  }

  /** A peer whose node has died says nothing, not even that: its streams would wait for the kernel, which waits for a quarter of an hour. */
  private askWhetherThere(session: Session): void {
    if (!session.takeSilence()) this.wasAsked = false
    else if (this.wasAsked) return this.destroy()
    else {
      this.wasAsked = true
      session.ping()
    }
  }

  private onOpen(): void {
    this.deadline = Number.POSITIVE_INFINITY
    this.session = new Session(this.socket, false, { maxStreams: 0, maxListBytes: this.pool.limits.maxResponseHeadBytes, maxHeldBytes: Number.POSITIVE_INFINITY }, this)
    for (const { taker, fresh } of this.waiting.splice(0)) this.take(taker, fresh)
    if (this.isLeaving) this.session.goAway()
  }

  // === The session says ===

  /** A client is never sent streams: its session refuses them. */
  onStream(): void {}

  onIdleStreams(): void {
    const { session, others } = this
    if (!session) return
    if (session.hasPeerSettings) others.streamsUntilSettings = Math.max(1, Math.min(streamsUntilSettings, session.maxPeerStreams))
    if (session.streams.size > 0) return
    if (session.maxPeerStreams === 0) this.leave()
    else this.deadline = this.pool.deadlines.after(idleMs)
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
    this.others.delete(this)
    for (const { taker } of this.waiting.splice(0)) taker.onNoSession(this.error)
  }
}

export class UpstreamSessions {
  /** Streams that one connection gets before its server has said how many it takes. */
  streamsUntilSettings = streamsUntilSettings
  private readonly pool: UpstreamPool
  private readonly sessions = new Set<UpstreamSession>()

  constructor(pool: UpstreamPool) {
    this.pool = pool
  }

  /** `fresh`: only a connection that is not open yet will do. */
  take(taker: SessionTaker, fresh: boolean): void {
    for (const session of this.sessions) if (session.hasRoom(fresh)) return session.take(taker, fresh)
    const session = new UpstreamSession(this.pool, this)
    this.sessions.add(session)
    session.take(taker, fresh)
  }

  /** Waits no longer, and is called no more. */
  forget(taker: SessionTaker): void {
    for (const session of this.sessions) session.forget(taker)
  }

  delete(session: UpstreamSession): void {
    this.sessions.delete(session)
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
