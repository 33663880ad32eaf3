/**
 * Connections to the app next door and to peers, kept alive between requests. The one used last is used next, so that the rest
 * grow old and are closed before their server does it. An idle connection that says anything is destroyed: bytes nobody asked for
 * would be taken for the next answer (response-queue poisoning).
 *
 * Life of a connection: connecting → busy ⇄ idle → closed
 */
import { connect, type Socket } from 'node:net'
import { trusted } from '../routing/ejection.ts'
import { Crowd, type Seat } from './crowd.ts'
import type { Deadlines, Timed } from './deadlines.ts'
import type { ProxyLimits } from './settings.ts'

/**
 * All connections read into this: what was read is looked at before anything else is read, so one buffer does for all of them, where
 * Node would allocate 64 KiB for each read. Whoever keeps bytes beyond the call copies them.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)
/**
 * A peer whose node has died says nothing, not even that. When it was silent for so long the kernel asks it, ten times in ten seconds
 * (libuv's figures), and then the connection has failed. Linkerd asks after 10 s too. Milliseconds.
 */
const askPeerAfterMs = 10_000

/** Who uses a connection at the moment: one exchange. Each call is about the connection it was given. */
export interface UpstreamUser {
  onUpstreamOpen(): void
  /** The bytes are lent for the call. */
  onUpstreamData(chunk: Buffer): void
  onUpstreamDrain(): void
  /** The server has said its last byte. */
  onUpstreamEnd(): void
  /** The connection is gone. `error` is undefined after a clean close. */
  onUpstreamClosed(error: NodeJS.ErrnoException | undefined): void
  /** The deadline of a busy connection has passed. */
  onUpstreamTimeout(): void
}

export class UpstreamConnection implements Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  /** In its pool. */
  place: Seat<UpstreamConnection> | undefined
  readonly socket: Socket
  readonly pool: UpstreamPool
  user: UpstreamUser | undefined
  isOpen = false
  /** It has served a request before. */
  isReused = false
  /** Until when it may be used again; on the clock of `Deadlines.sweptAt`. */
  idleUntil = 0
  private error: NodeJS.ErrnoException | undefined
  private readonly openListener = (): void => this.onOpen()
  private isDetached = false
  private readonly drainListener = (): void => this.user?.onUpstreamDrain()
  private readonly endListener = (): void => this.onEnd()
  private readonly closeListener = (): void => this.onClose()

  constructor(pool: UpstreamPool, user: UpstreamUser) {
    this.pool = pool
    this.user = user
    this.deadline = pool.deadlines.after(pool.connectTimeoutMs)
    this.socket = connect({
      host: pool.address,
      port: pool.port,
      noDelay: true,
      allowHalfOpen: true,
      // The app next door cannot vanish without the kernel's knowledge.
      keepAlive: pool.isPeer,
      keepAliveInitialDelay: askPeerAfterMs,
      onread: { buffer: readBuffer, callback: (size) => this.onRead(size) },
    })
    this.socket.on('connect', this.openListener)
    this.socket.on('drain', this.drainListener)
    this.socket.on('end', this.endListener)
    this.socket.on('close', this.closeListener)
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error
      // It closes a little later, and until then nobody shall be given it.
      pool.removeIdle(this)
    })
    pool.deadlines.add(this)
  }

  onDeadline(): void {
    if (this.user && this.isOpen) this.user.onUpstreamTimeout()
    else this.destroy()
  }

  /** Ends it at once; the user hears nothing more. */
  drop(): void {
    this.user = undefined
    this.destroy()
  }

  /** Leaves the socket to somebody else (a tunnel); its errors stay handled. */
  detach(): Socket {
    this.socket.off('connect', this.openListener)
    this.isDetached = true
    this.socket.off('drain', this.drainListener)
    this.socket.off('end', this.endListener)
    this.socket.off('close', this.closeListener)
    this.user = undefined
    this.pool.forget(this)
    return this.socket
  }

  private destroy(): void {
    this.pool.removeIdle(this)
    this.socket.destroy()
  }

  private onOpen(): void {
    this.isOpen = true
    this.deadline = Number.POSITIVE_INFINITY
    this.user?.onUpstreamOpen()
  }

  /** True: go on reading. Who has taken the socket over listens for `data`, as usual. */
  private onRead(size: number): boolean {
    if (this.user) this.user.onUpstreamData(readBuffer.subarray(0, size))
    else if (this.isDetached) this.socket.emit('data', Buffer.from(readBuffer.subarray(0, size)))
    else this.destroy()
    return true
  }

  private onEnd(): void {
    // Bun says it of a socket that was destroyed here as well.
    if (this.socket.destroyed) return
    if (this.user) this.user.onUpstreamEnd()
    else this.destroy()
  }

  private onClose(): void {
    this.pool.forget(this)
    const { user } = this
    this.user = undefined
    user?.onUpstreamClosed(this.error)
  }
}

export class UpstreamPool {
  readonly address: string
  readonly port: number
  readonly limits: ProxyLimits
  readonly deadlines: Deadlines
  /** At the other end is a sidecar, perhaps of another node; else the app next door. */
  readonly isPeer: boolean
  readonly connectTimeoutMs: number
  /** Requests in flight. */
  active = 0
  /** How requests have ended here. */
  readonly health = trusted()
  /** No table names it any more: its connections end with their requests. */
  isRetired = false
  /** Connections of HTTP/2 to the same address (h2/upstream-sessions.ts), where there are any. */
  sessions: { retire(): void; destroyAll(): void } | undefined
  private readonly idle: UpstreamConnection[] = []
  private readonly open = new Crowd<UpstreamConnection>()

  constructor(address: string, port: number, { limits, deadlines, isPeer }: { readonly limits: ProxyLimits; readonly deadlines: Deadlines; readonly isPeer: boolean }) {
    this.address = address
    this.port = port
    this.limits = limits
    this.deadlines = deadlines
    this.isPeer = isPeer
    this.connectTimeoutMs = isPeer ? limits.peerConnectTimeoutMs : limits.connectTimeoutMs
  }

  /** A connection for one request: the last one that became idle, or a new one when there is none or `fresh` is asked for. */
  take(user: UpstreamUser, fresh: boolean): UpstreamConnection {
    this.active += 1
    const idle = fresh ? undefined : this.takeIdle()
    if (idle) {
      idle.user = user
      idle.isReused = true
      idle.deadline = Number.POSITIVE_INFINITY
      return idle
    }
    const connection = new UpstreamConnection(this, user)
    connection.place = this.open.enter(connection)
    return connection
  }

  private takeIdle(): UpstreamConnection | undefined {
    const idle = this.idle.pop()
    if (idle === undefined || idle.idleUntil >= this.deadlines.sweptAt) return idle
    // This process stood still while the server's time ran on. Those below were idle for longer.
    for (const late of [idle, ...this.idle.splice(0)]) late.drop()
    return undefined
  }

  /** The request is over. A connection that is not `reusable`, or whose server has not taken all of the request, is destroyed. */
  release(connection: UpstreamConnection, reusable: boolean, idleHintMs: number | undefined): void {
    this.active -= 1
    if (!reusable || this.isRetired || connection.socket.destroyed || connection.socket.writableLength > 0) {
      connection.drop()
      return
    }
    connection.user = undefined
    connection.socket.resume()
    // One second less than the server's own word: a request must not cross its close on the way.
    const idleMs = Math.min(this.limits.upstreamIdleMs, idleHintMs === undefined ? this.limits.upstreamIdleMs : idleHintMs - 1000)
    if (idleMs <= 0) {
      connection.drop()
      return
    }
    connection.deadline = this.deadlines.after(idleMs)
    connection.idleUntil = this.deadlines.sweptAt + idleMs
    this.idle.push(connection)
  }

  /** The request is over and its connection is gone or somebody else's. */
  releaseLost(): void {
    this.active -= 1
  }

  retire(): void {
    this.isRetired = true
    for (const connection of this.idle.splice(0)) connection.drop()
    this.sessions?.retire()
  }

  destroyAll(): void {
    this.open.forEach((connection) => connection.drop())
    this.sessions?.destroyAll()
  }

  removeIdle(connection: UpstreamConnection): void {
    const index = this.idle.indexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
  }

  forget(connection: UpstreamConnection): void {
    this.removeIdle(connection)
    if (connection.place) this.open.leave(connection.place)
    this.deadlines.delete(connection)
  }
}

/** The pools of all endpoints that the table in force names. */
export class UpstreamPools {
  private readonly pools = new Map<string, UpstreamPool>()
  private readonly limits: ProxyLimits
  private readonly deadlines: Deadlines

  constructor(limits: ProxyLimits, deadlines: Deadlines) {
    this.limits = limits
    this.deadlines = deadlines
  }

  get(address: string, port: number): UpstreamPool {
    const key = `${address} ${port}`
    const known = this.pools.get(key)
    if (known) return known
    const pool = new UpstreamPool(address, port, { limits: this.limits, deadlines: this.deadlines, isPeer: true })
    this.pools.set(key, pool)
    return pool
  }

  /** Retires every pool that is not in `wanted`. */
  retain(wanted: ReadonlySet<UpstreamPool>): void {
    for (const [key, pool] of this.pools) {
      if (wanted.has(pool)) continue
      pool.retire()
      this.pools.delete(key)
    }
  }

  destroyAll(): void {
    for (const pool of this.pools.values()) pool.destroyAll()
  }
}
