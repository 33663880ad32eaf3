/**
 * One HTTP/2 connection, as client or as server (RFC 9113). Answers: which streams there are, from their beginning to their end, and how the
 * connection itself ends. Must not: know what a request is.
 *
 *   incoming.ts   what comes: frames, and what they mean
 *   outgoing.ts   what leaves: frames, and how fast
 *   stream.ts     one stream
 *
 * Life: open ──goAway, or the peer's GOAWAY──▶ leaving (streams end in their time) ──the last has──▶ closed
 */
import type { Socket } from 'node:net'
import { describeError } from '../../base/errors.ts'
import { FloodGuard } from './flood-guard.ts'
import type { DecodedBlock } from './hpack/decoder.ts'
import { Incoming, type IncomingOwner } from './incoming.ts'
import { OpenStreams } from './open-streams.ts'
import { Outgoing } from './outgoing.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { SessionSettings, SessionUser } from './session-user.ts'
import { StreamIds } from './stream-ids.ts'
import { Stream, type StreamSession } from './stream.ts'
import { ConnectionError, errorCode, lastStreamId, settingId } from './wire.ts'

/** When the last word has left, the peer may read it and end its side for so long; one that broke the protocol has as long to take it. */
const lingerMs = 1000
/** A slow peer may take so long for what is on its way when the connection ends. */
const untakenMs = 60_000

export class Session implements StreamSession, IncomingOwner {
  readonly socket: Socket
  readonly isServer: boolean
  readonly settings: SessionSettings
  readonly streams = new OpenStreams<Stream>()
  readonly ids: StreamIds
  readonly guard: FloodGuard
  readonly outgoing: Outgoing
  readonly window: ReceiveWindow
  maxPeerStreams = Number.POSITIVE_INFINITY
  isClosed = false
  /** GOAWAY was sent or received. */
  isLeaving = false
  isFinal = false
  private hasPeerLeft = false
  private readonly user: SessionUser
  private readonly incoming: Incoming
  private isSilent = false

  /** Takes over a connected socket and says hello. A server's `onData` is called for what was read already. */
  constructor(socket: Socket, isServer: boolean, settings: SessionSettings, user: SessionUser) {
    this.socket = socket
    this.isServer = isServer
    this.settings = settings
    this.user = user
    this.ids = new StreamIds(isServer, settings.maxStreams)
    this.guard = new FloodGuard(performance.now())
    this.outgoing = new Outgoing(socket)
    this.window = new ReceiveWindow(settings.maxHeldBytes, (bytes) => this.outgoing.grant(0, bytes))
    this.incoming = new Incoming(this)
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    socket.on('drain', () => this.outgoing.pumpWaiting())
    socket.on('end', () => socket.destroySoon())
    socket.on('close', () => this.close(undefined))
    // What went wrong is told by `close`, which always follows.
    socket.on('error', () => undefined)
    this.sayHello()
  }

  /** The peer's first SETTINGS have come. */
  get hasPeerSettings(): boolean {
    return this.incoming.hasPeerSettings
  }

  get hasRoom(): boolean {
    return !this.isLeaving && !this.isClosed && this.streams.size < this.maxPeerStreams && this.ids.hasNext
  }

  onData(chunk: Buffer): void {
    if (this.isClosed) return
    this.isSilent = false
    try {
      this.incoming.push(chunk)
    } catch (error) {
      if (error instanceof ConnectionError) this.fail(error)
      else this.fail(new ConnectionError(errorCode.internalError, `a bug: ${describeError(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`))
    }
  }

  private sayHello(): void {
    const { maxStreams, maxListBytes } = this.settings
    const { writer } = this.outgoing
    const settings: [number, number][] = [[settingId.maxHeaderListSize, maxListBytes]]
    if (this.isServer) settings.push([settingId.maxConcurrentStreams, maxStreams])
    else {
      settings.push([settingId.enablePush, 0])
      writer.preface()
    }
    writer.settings(settings)
    this.window.open()
  }

  /** Whether nothing has come since the last time somebody asked. */
  takeSilence(): boolean {
    const { isSilent } = this
    this.isSilent = true
    return isSilent
  }

  /** Asks the peer for an answer. */
  ping(): void {
    if (!this.isClosed) this.outgoing.writer.ping()
  }

  /** Whether the rest of a header block has not come since then, on performance.now's clock. */
  isStalledSince(at: number): boolean {
    return this.incoming.isStalledSince(at)
  }

  // === Beginnings of streams ===

  /** A new stream; the first thing sent on it must be headers. Without an id it is ours: clients only. */
  open(id = this.ids.take()): Stream {
    const stream = new Stream(this, id, this.incoming.streamWindow)
    this.streams.add(stream)
    return stream
  }

  onStream(stream: Stream, block: DecodedBlock, hasEnded: boolean): void {
    this.user.onStream(stream, block, hasEnded)
  }

  onSettings(): void {
    this.user.onIdleStreams()
  }

  // === Ends of streams ===

  /** Both sides have said their last. */
  forget(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return
    this.guard.onStreamEnd()
    this.afterStream()
  }

  onStreamReset(stream: Stream, code: number): void {
    this.charge(stream)
    this.drop(stream)
    stream.onGone(code, code === errorCode.refusedStream ? 'unprocessed' : 'peer')
    this.afterStream()
  }

  resetStream(stream: Stream, code: number): void {
    this.drop(stream)
    stream.discard()
    this.writeReset(stream.id, code)
    this.afterStream()
  }

  /** The peer's mistake on one stream: its user hears that the peer has ended it. */
  failStream(stream: Stream, code: number): void {
    this.charge(stream)
    this.drop(stream)
    this.writeReset(stream.id, code)
    stream.onGone(code, 'peer')
    this.afterStream()
  }

  /** A client has begun a stream and ended it, or made us end it (CVE-2025-8671). One whose answer has begun went no faster than answers do. */
  private charge(stream: Stream): void {
    if (this.isServer && !stream.hasBegun) this.guard.onReset(performance.now())
  }

  writeReset(id: number, code: number): void {
    if (this.isClosed) return
    this.ids.rememberReset(id)
    this.outgoing.writer.reset(id, code)
  }

  private drop(stream: Stream): void {
    this.streams.delete(stream.id)
    this.outgoing.waiting.delete(stream)
  }

  private afterStream(): void {
    if (this.isLeaving && this.streams.size === 0 && (!this.isServer || this.isFinal || this.hasPeerLeft)) this.end()
    else this.user.onIdleStreams()
  }

  // === The end ===

  /**
   * No new streams, without losing one that is on its way: first a GOAWAY that refuses nothing and a ping, and when the ping is back
   * the real one (RFC 9113 §6.8). Clients just stop.
   */
  goAway(): void {
    if (this.isLeaving || this.isClosed) return
    this.isLeaving = true
    if (this.isServer) {
      this.outgoing.writer.goAway(lastStreamId, errorCode.noError)
      this.outgoing.writer.ping()
    } else {
      this.outgoing.writer.goAway(0, errorCode.noError)
      if (this.streams.size === 0) this.end()
    }
  }

  onGoAway(lastId: number): void {
    this.isLeaving = true
    if (this.isServer) {
      // It speaks of streams of ours, of which there are none; the client may still begin some before it goes.
      this.hasPeerLeft = true
      this.afterStream()
      return
    }
    this.user.onGoAway()
    for (const stream of this.streams.all()) {
      if (stream.id <= lastId) continue
      this.drop(stream)
      stream.onGone(errorCode.refusedStream, 'unprocessed')
    }
    this.afterStream()
  }

  onPong(): void {
    if (this.isServer) this.finish()
  }

  /** The client knows that it shall leave, or has had the time to know: what it begins from now on is not served. */
  finish(): void {
    if (!this.isLeaving || this.isFinal || this.isClosed) return
    this.isFinal = true
    this.outgoing.writer.goAway(this.ids.lastPeer, errorCode.noError)
    if (this.streams.size === 0) this.end()
  }

  /** The orderly end. */
  private end(patienceMs = untakenMs): void {
    this.incoming.stop()
    this.outgoing.writer.output.flush()
    const patience = setTimeout(() => this.socket.destroy(), patienceMs).unref()
    // Reads on for a moment: a close with unread bytes would destroy the last word on its way.
    this.socket.end(() => {
      clearTimeout(patience)
      setTimeout(() => this.socket.destroy(), lingerMs).unref()
    })
  }

  /** Ends the connection and says why. */
  fail(error: ConnectionError): void {
    if (this.isClosed) return
    this.outgoing.writer.goAway(this.ids.lastPeer, error.code, error.message)
    this.end(lingerMs)
    this.close(error)
  }

  /** Cuts the connection. */
  destroy(): void {
    this.socket.destroy()
    this.close(undefined)
  }

  private close(error: ConnectionError | undefined): void {
    if (this.isClosed) return
    this.isClosed = true
    this.incoming.stop()
    this.outgoing.stop()
    const streams = this.streams.all()
    this.streams.clear()
    for (const stream of streams) stream.onGone(errorCode.cancel, 'lost')
    this.user.onClosed(error)
  }
}
