/**
 * One client's connection: requests one after the other. Answers: where a request begins, what happens between two of them, how
 * the connection ends. Must not: know where a request goes.
 *
 *   head ──head complete──▶ exchange ──kept alive──▶ head
 *    │                        ├──kept alive, answer not taken yet──▶ unread ──taken──▶ head
 *    │                        └──last answer──▶ linger ──client's end, or time──▶ closed
 *    ├──refused──▶ linger
 *    └──HTTP/2, TLS, tcp──▶ tunnel (h2/, tcp-exchange.ts) ──▶ closed
 */
import type { Socket } from 'node:net'
import { describeError } from '../base/errors.ts'
import { resetSocket } from '../runtime/reset-socket.ts'
import type { ClientMemory } from './another-try.ts'
import type { ClientSide, ForeignConnection } from './client-side.ts'
import { retirementOf } from './connection-age.ts'
import type { Seat } from './crowd.ts'
import type { Timed } from './deadlines.ts'
import type { Engine } from './engine.ts'
import { Exchange } from './exchange.ts'
import { HalfClosedProbe } from './half-closed-probe.ts'
import { endOfHead, hasBareLf } from './http/end-of-head.ts'
import { unsentHeader } from './http/hop-by-hop.ts'
import { printAnswer } from './http/own-answer.ts'
import { isFault } from './http/request-head.ts'
import { foreignProtocol } from './http/foreign-protocol.ts'
import { TcpExchange } from './tcp-exchange.ts'

/** What is thrown away of an unwanted request before the connection is cut, bytes. */
const maxLingerBytes = 1_048_576
/** What is kept of requests that come before their turn, bytes: some heads. */
const maxEarlyBytes = 16_384
/** What the direct port accepts beyond the limits: the sidecar that sent a hop has added Via and its like to a head that was within them. */
const hopExtra = { bytes: 2048, fields: 8 }

export class ClientConnection implements ClientSide, Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  readonly socket: Socket
  readonly port: 'route' | 'direct'
  private readonly engine: Engine
  private readonly onGone: (connection: ClientConnection) => void
  readonly address: string
  readonly retiresAt: number
  private readonly dataListener = (chunk: Buffer): void => this.onData(chunk)
  private readonly drainListener = (): void => this.onDrain()
  private readonly endListener = (): void => this.onEnd()
  private state: 'head' | 'exchange' | 'unread' | 'linger' | 'tunnel' = 'head'
  private exchange: Exchange | undefined
  private tunnel: ForeignConnection | undefined
  /** Bytes that nobody has looked at yet. */
  private pending: Buffer | undefined
  requests = 0
  lastFailure: ClientMemory['lastFailure']
  /** The first bytes have told. */
  private isHttp1 = false
  private lingerBytes = 0
  private hasEnded = false
  private probe: HalfClosedProbe | undefined

  constructor(engine: Engine, socket: Socket, port: 'route' | 'direct', onGone: (connection: ClientConnection) => void) {
    this.engine = engine
    this.socket = socket
    this.port = port
    this.onGone = onGone
    const { remoteAddress = '' } = socket
    this.address = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress
    this.deadline = engine.deadlines.after(engine.limits.idleTimeoutMs)
    // Those who come to the direct port choose this pod themselves.
    this.retiresAt = port === 'direct' ? Number.POSITIVE_INFINITY : retirementOf(engine.limits.maxConnectionAgeMs, engine.deadlines.now, engine.random)
    socket.on('data', this.dataListener)
    socket.on('drain', this.drainListener)
    socket.on('end', this.endListener)
    socket.on('close', () => this.onClose())
    // What went wrong is told by `close`, which always follows.
    socket.on('error', () => undefined)
    engine.deadlines.add(this)
    engine.counters.openConnections += 1
  }

  get isIdle(): boolean {
    return this.state === 'head' && this.pending === undefined
  }

  // === Requests ===

  private onData(chunk: Buffer): void {
    try {
      this.take(chunk)
    } catch (error) {
      if (this.exchange) this.exchange.onBug(error)
      else this.engine.log.error('connection failed by a bug', { error: describeError(error) })
      this.reset()
    }
  }

  private take(chunk: Buffer): void {
    switch (this.state) {
      case 'head':
        return this.readHead(this.pending === undefined ? chunk : Buffer.concat([this.pending, chunk]))
      case 'exchange':
        return this.exchange?.onClientData(chunk)
      case 'linger':
        this.lingerBytes += chunk.length
        if (this.lingerBytes > maxLingerBytes) this.socket.destroy()
        return
      case 'unread':
      case 'tunnel':
        return this.stash(chunk)
    }
  }

  private readHead(received: Buffer): void {
    const { limits, deadlines } = this.engine
    const bytes = skipEmptyLines(received)
    if (this.pending === undefined) this.deadline = deadlines.after(limits.headTimeoutMs)
    this.pending = bytes
    // Neither of the others begins with an empty line.
    if (bytes !== received) this.isHttp1 = true
    if (this.requests === 0 && !this.isHttp1) {
      const protocol = foreignProtocol(bytes)
      if (protocol === 'http2') return this.startHttp2(bytes)
      if (protocol === 'tls') return this.passThrough(bytes, true)
      if (protocol === 'perhaps') return
    }
    const end = endOfHead(bytes, 0)
    const maxHeadBytes = limits.maxHeadBytes + (this.port === 'direct' ? hopExtra.bytes : 0)
    if ((end < 0 ? bytes.length : end) > maxHeadBytes) {
      return bytes.indexOf(10) < 0 ? this.refuse(414, 'the request target is too long') : this.refuse(431, 'the head is too long')
    }
    if (end >= 0) this.begin(bytes, end)
    else if (hasBareLf(bytes)) this.refuse(400, 'a line does not end in CRLF')
  }

  private begin(bytes: Buffer, end: number): void {
    const { limits, requestParser, forwarding } = this.engine
    const head = requestParser.parse(bytes.toString('latin1', 0, end), {
      maxFields: limits.maxFields + (this.port === 'direct' ? hopExtra.fields : 0),
      maxTargetBytes: limits.maxTargetBytes,
      clientAddress: this.address,
      acceptsHops: this.port === 'direct',
      forwarding,
    })
    if (isFault(head)) return this.refuse(head.status, head.reason)
    if (limits.maxBodyBytes > 0 && head.length > limits.maxBodyBytes) return this.refuse(413, 'the body is too long')
    if (this.engine.counters.requestsInFlight >= limits.maxRequests) return this.refuse(503, 'too many requests are under way', 'overloaded')
    this.requests += 1
    this.pending = undefined
    this.state = 'exchange'
    this.deadline = Number.POSITIVE_INFINITY
    const exchange = new Exchange(this.engine, this, head, performance.now())
    this.exchange = exchange
    if (end < bytes.length) exchange.onClientData(bytes.subarray(end))
    // A malformed body may have ended it already.
    if (this.exchange === exchange) exchange.start()
  }

  /** Keeps bytes that come too early; once they are many, takes no more until they are wanted. Whoever does not read does not see a client go. */
  stash(bytes: Buffer): void {
    this.pending = this.pending === undefined ? bytes : Buffer.concat([this.pending, bytes])
    if (this.pending.length > maxEarlyBytes) this.socket.pause()
  }

  onExchangeEnd(keepAlive: boolean): void {
    this.exchange = undefined
    this.probe?.stop()
    if (!keepAlive) return this.linger()
    if (this.socket.writableNeedDrain) this.awaitReader()
    else this.awaitRequest()
  }

  private awaitRequest(): void {
    const { pending } = this
    if (this.hasEnded && pending === undefined) return this.linger()
    this.state = 'head'
    this.deadline = this.engine.deadlines.after(this.engine.limits.idleTimeoutMs)
    this.pending = undefined
    this.socket.resume()
    if (pending) this.onData(pending)
  }

  /** Who sends requests and takes no answers gets no more of them: all of those would have to be kept here. */
  private awaitReader(): void {
    this.state = 'unread'
    this.deadline = this.engine.deadlines.after(this.engine.limits.bodyTimeoutMs)
    this.socket.pause()
  }

  private onDrain(): void {
    if (this.state === 'unread') this.awaitRequest()
    else this.exchange?.onClientDrain()
  }

  // === Socket ===

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  // === Ends ===

  onDeadline(): void {
    switch (this.state) {
      case 'head':
        // An idle connection is closed without a word; one that has begun a request hears why.
        return this.pending === undefined ? this.linger() : this.refuse(408, 'the head did not come in time')
      case 'exchange':
        return this.exchange?.onClientDeadline()
      case 'unread':
        return this.reset()
      case 'linger':
        // What was not taken must not look complete.
        if (this.socket.writableFinished) this.socket.destroy()
        else this.reset()
        return
      case 'tunnel':
        return
    }
  }

  countRefused(status: number): void {
    const { refusedRequests } = this.engine.counters
    refusedRequests.set(status, (refusedRequests.get(status) ?? 0) + 1)
  }

  /** Begins. Where the server speaks first, there is nothing to wait for. */
  open(): void {
    if (this.isTcp) this.passThrough(undefined, false)
  }

  private get isTcp(): boolean {
    return (this.engine.protocol ?? this.engine.live.active.routes.table.protocol) === 'tcp'
  }

  /** One connection more than there may be. */
  turnAway(): void {
    if (this.isTcp) this.reset()
    else this.refuse(503, 'too many connections are open', 'overloaded')
  }

  private refuse(status: number, reason: string, code = 'bad-request'): void {
    this.countRefused(status)
    this.pending = undefined
    // Another sidecar may have sent it, and can serve it elsewhere.
    const line = code === 'overloaded' && this.port === 'direct' ? `${unsentHeader}: ${code}\r\n` : ''
    this.write(printAnswer({ status, code, message: `The proxy refused this request: ${reason}.`, line }, '', false))
    this.linger()
  }

  /** Says the last byte, then reads on for a while: a close with unread bytes would destroy the answer on its way (RFC 9112 §9.6). */
  linger(): void {
    this.state = 'linger'
    this.pending = undefined
    // A slow client has as long for what is still on its way as for any other part of a response.
    this.deadline = this.engine.deadlines.after(this.engine.limits.bodyTimeoutMs)
    this.socket.end(() => {
      this.deadline = this.engine.deadlines.after(this.engine.limits.lingerMs)
    })
    this.socket.resume()
  }

  /** Ends with a reset: nobody shall take what was sent for whole. */
  reset(): void {
    this.exchange = undefined
    resetSocket(this.socket)
  }

  private onEnd(): void {
    // Bun says it of a socket that was destroyed here as well.
    if (this.socket.destroyed) return
    this.hasEnded = true
    if (this.state === 'exchange') this.exchange?.onClientEnd()
    else if (this.state === 'head') this.linger()
  }

  private onClose(): void {
    this.probe?.stop()
    this.engine.deadlines.delete(this)
    this.engine.counters.openConnections -= 1
    const { exchange } = this
    this.exchange = undefined
    exchange?.abandon()
    this.onGone(this)
  }

  // === A client that has closed its side ===

  probeHalfClosed(): void {
    this.probe ??= new HalfClosedProbe((text) => this.write(text))
    this.probe.start()
  }

  probeTail(): string {
    return this.probe === undefined ? '' : this.probe.end()
  }

  // === Tunnels ===

  private passThrough(bytes: Buffer | undefined, isTls: boolean): void {
    this.hold(bytes)
    const exchange = new TcpExchange(this.engine, this, isTls)
    this.tunnel = exchange
    exchange.start()
  }

  /** The engine of HTTP/2 is loaded when the first client speaks it. */
  private startHttp2(bytes: Buffer): void {
    this.hold(bytes)
    import('./h2/connection.ts').then(
      ({ Http2Connection }) => {
        if (!this.socket.destroyed) new Http2Connection(this.engine, this)
      },
      (error: unknown) => {
        this.engine.log.error('HTTP/2 could not be loaded', { error: describeError(error) })
        this.reset()
      },
    )
  }

  private hold(bytes: Buffer | undefined): void {
    this.requests += 1
    this.pending = bytes
    this.state = 'tunnel'
    this.deadline = Number.POSITIVE_INFINITY
    this.socket.pause()
  }

  /** Leaves the socket to a tunnel. The bytes that it must have first. */
  detach(): Buffer | undefined {
    this.socket.off('data', this.dataListener)
    this.socket.off('drain', this.drainListener)
    this.socket.off('end', this.endListener)
    this.state = 'tunnel'
    this.exchange = undefined
    this.deadline = Number.POSITIVE_INFINITY
    const { pending } = this
    this.pending = undefined
    return pending
  }

  onTunnel(tunnel: ForeignConnection): void {
    this.tunnel = tunnel
  }

  onTunnelClosed(): void {
    this.tunnel = undefined
  }

  /** The port closes: nothing new begins here. */
  drain(): void {
    if (this.isIdle) this.linger()
    else this.tunnel?.drain?.()
  }

  /** Ends it whatever is under way. */
  abort(): void {
    this.tunnel?.abort()
    this.socket.destroy()
  }
}

/** Empty lines before a request are skipped, two at most (RFC 9112 §2.2). */
function skipEmptyLines(bytes: Buffer): Buffer {
  let from = 0
  while (from < 4 && bytes[from] === 13 && bytes[from + 1] === 10) from += 2
  return from === 0 ? bytes : bytes.subarray(from)
}
