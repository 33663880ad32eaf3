/**
 * One HTTP/2 connection, as client or as server (RFC 9113). Answers: frames become calls to streams and back, within the windows of
 * both sides; what is no HTTP/2 ends the stream or the connection with the code that the RFC names. Must not: know what a request is.
 *
 * Life: open ──goAway, or the peer's GOAWAY──▶ leaving (streams end in their time) ──the last has──▶ closed
 */
import type { Socket } from 'node:net'
import { describeError } from '../../base/errors.ts'
import { FloodGuard } from './flood-guard.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import type { Field } from './hpack/field.ts'
import { checkFrame, HeaderBlock, readPayload, readSettings } from './payloads.ts'
import { ReceiveWindow } from './receive-window.ts'
import { OpenStreams } from './open-streams.ts'
import type { SessionSettings, SessionUser } from './session-user.ts'
import { StreamIds } from './stream-ids.ts'
import { Stream, type StreamSession } from './stream.ts'
import { ConnectionError, defaultWindow, errorCode, flag, frameType, lastStreamId, maxFrameBytes, maxWindow, preface, protocolError, settingId } from './wire.ts'

/** Written but not taken by the peer: more than any honest peer lets pile up, since data waits for windows. */
const maxUnsentBytes = 4_194_304
/** Above this, data waits for the socket. */
const highWater = 65_536
/** After the last word to a peer that broke the protocol, it may read that word for so long. */
const lingerMs = 1000

export class Session implements StreamSession {
  readonly socket: Socket
  /** The peer's limits. */
  maxPeerStreams = Number.POSITIVE_INFINITY
  isClosed = false
  /** GOAWAY was sent or received. */
  isLeaving = false
  /** The peer's first SETTINGS have come. */
  hasPeerSettings = false
  readonly streams = new OpenStreams<Stream>()
  private readonly isServer: boolean
  private readonly settings: SessionSettings
  private readonly user: SessionUser
  private readonly writer: FrameWriter
  private readonly reader: FrameReader
  private readonly decoder = new HpackDecoder()
  private readonly guard: FloodGuard
  readonly window: ReceiveWindow
  private readonly block: HeaderBlock
  readonly waiting = new Set<Stream>()
  private prefaceAt: number
  private readonly ids: StreamIds
  private peerWindow = defaultWindow
  private sendWindow = defaultWindow
  private isBlocked = false
  private isFinal = false

  /** Takes over a connected socket and says hello. A server's `onData` is called for what was read already. */
  constructor(socket: Socket, isServer: boolean, settings: SessionSettings, user: SessionUser) {
    this.socket = socket
    this.isServer = isServer
    this.settings = settings
    this.user = user
    this.prefaceAt = isServer ? 0 : preface.length
    this.ids = new StreamIds(isServer)
    this.guard = new FloodGuard(performance.now())
    this.block = new HeaderBlock(2 * settings.maxListBytes)
    this.writer = new FrameWriter(socket, () => this.flush())
    this.window = new ReceiveWindow(settings.maxHeldBytes, (bytes) => this.grantWindow(0, bytes))
    this.reader = new FrameReader((type, flags, id, payload) => this.takeFrame(type, flags, id, payload))
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    socket.on('drain', () => this.pumpWaiting())
    socket.on('end', () => socket.destroySoon())
    socket.on('close', () => this.close(undefined))
    // What went wrong is told by `close`, which always follows.
    socket.on('error', () => undefined)
    this.sayHello()
  }

  get hasRoom(): boolean {
    return !this.isLeaving && !this.isClosed && this.streams.size < this.maxPeerStreams && this.ids.hasNext
  }

  /** A new stream; the first thing sent on it must be headers. Clients only. */
  open(): Stream {
    const stream = new Stream(this, this.ids.take(), this.peerWindow)
    this.streams.add(stream)
    return stream
  }

  // === What comes ===

  onData(chunk: Buffer): void {
    if (this.isClosed) return
    try {
      const from = this.skipPreface(chunk)
      if (from < chunk.length) this.reader.push(from === 0 ? chunk : chunk.subarray(from))
    } catch (error) {
      if (error instanceof ConnectionError) this.fail(error)
      else this.fail(new ConnectionError(errorCode.internalError, `a bug: ${describeError(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`))
    }
  }

  private skipPreface(chunk: Buffer): number {
    const length = Math.min(preface.length - this.prefaceAt, chunk.length)
    if (length > 0 && chunk.compare(preface, this.prefaceAt, this.prefaceAt + length, 0, length) !== 0) throw new ConnectionError(errorCode.protocolError, 'the preface is wrong')
    this.prefaceAt += length
    return length
  }

  private takeFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (this.block.isOpen && (type !== frameType.continuation || id !== this.block.streamId)) throw protocolError('a header block was interrupted')
    if (!this.hasPeerSettings && type !== frameType.settings) throw protocolError('the first frame is not SETTINGS')
    checkFrame(type, id, payload.length)
    switch (type) {
      case frameType.data:
        return this.takeData(flags, id, payload)
      case frameType.headers:
        return this.takeHeaders(flags, id, payload)
      case frameType.continuation:
        if (!this.block.isOpen) throw protocolError('CONTINUATION without HEADERS')
        this.block.add(payload)
        if ((flags & flag.endHeaders) !== 0) this.endBlock()
        return
      case frameType.rstStream:
        return this.takeReset(id, payload)
      case frameType.settings:
        return this.takeSettings(flags, payload)
      case frameType.windowUpdate:
        return this.takeWindowUpdate(id, payload)
      case frameType.goaway:
        return this.takeGoAway(payload)
      case frameType.pushPromise:
        throw protocolError('PUSH_PROMISE is not allowed')
      case frameType.ping:
        return this.takePing(flags, payload)
      case frameType.priority:
        return this.takePriority(id, payload)
      default:
        return this.takeNothing()
    }
  }

  private takeData(flags: number, id: number, payload: Buffer): void {
    // Padding counts (RFC 9113 §6.1).
    this.window.take(payload.length)
    const bytes = readPayload(flags, payload, false)
    const hasEnded = (flags & flag.endStream) !== 0
    if (bytes.length === 0 && !hasEnded) this.guard.onControl(performance.now())
    else this.guard.onPayload()
    const stream = this.streamOf(id)
    if (!stream || stream.hasReceivedEnd) {
      this.window.credit(payload.length)
      if (stream) this.failStream(stream, errorCode.streamClosed)
      return
    }
    stream.receiveWindow -= payload.length
    if (stream.receiveWindow < 0) {
      this.window.credit(payload.length)
      this.failStream(stream, errorCode.flowControlError)
      return
    }
    this.window.hold(payload.length)
    stream.unconsumed += payload.length
    if (payload.length > bytes.length) stream.consume(payload.length - bytes.length)
    if (hasEnded) this.onReceivedEnd(stream)
    stream.user?.onData(bytes, hasEnded)
  }

  private takeHeaders(flags: number, id: number, payload: Buffer): void {
    this.guard.onPayload()
    this.block.begin(id, (flags & flag.endStream) !== 0, readPayload(flags, payload, (flags & flag.priority) !== 0, id))
    if ((flags & flag.endHeaders) !== 0) this.endBlock()
    else this.block.expectMore(performance.now())
  }

  private endBlock(): void {
    const { streamId: id, hasEnded } = this.block
    const decoded = this.decoder.decode(this.block.end(), this.settings.maxListBytes)
    if (!decoded) throw new ConnectionError(errorCode.compressionError, 'a header block is no HPACK')
    const known = this.streams.get(id)
    const stream = known ?? this.accept(id)
    if (!stream) return
    if (stream.hasReceivedEnd) {
      this.failStream(stream, errorCode.streamClosed)
      return
    }
    if (hasEnded) this.onReceivedEnd(stream)
    if (known) stream.user?.onHeaders(decoded, hasEnded)
    else this.user.onStream(stream, decoded, hasEnded)
  }

  /** A stream that the peer opens; undefined where it may not, or where we have reset it. */
  private accept(id: number): Stream | undefined {
    if (!this.ids.mayOpen(id)) {
      this.streamOf(id)
      return undefined
    }
    this.ids.lastPeer = id
    if (this.isFinal) return undefined
    if (this.streams.size >= this.settings.maxStreams) {
      this.guard.onReset(performance.now())
      this.writeReset(id, errorCode.refusedStream)
      return undefined
    }
    const stream = new Stream(this, id, this.peerWindow)
    this.streams.add(stream)
    return stream
  }

  /** The stream, or undefined where it is over and the frame comes late. A frame for one that never was, or that the peer itself has ended, ends the connection. */
  private streamOf(id: number): Stream | undefined {
    const stream = this.streams.get(id)
    if (stream) return stream
    if (this.ids.isIdle(id)) throw protocolError('a frame for an idle stream')
    if (this.ids.wasReset(id) || this.isFinal) return undefined
    throw new ConnectionError(errorCode.streamClosed, 'a frame for a closed stream')
  }

  private takeReset(id: number, payload: Buffer): void {
    if (this.ids.isIdle(id)) throw protocolError('RST_STREAM for an idle stream')
    const stream = this.streams.get(id)
    if (!stream) {
      this.guard.onControl(performance.now())
      return
    }
    if (this.isServer) this.guard.onReset(performance.now())
    const code = payload.readUInt32BE(0)
    this.drop(stream)
    stream.onGone(code, code === errorCode.refusedStream ? 'unprocessed' : 'peer')
    this.afterStream()
  }

  private takeSettings(flags: number, payload: Buffer): void {
    if ((flags & flag.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(errorCode.frameSizeError, 'an acknowledgement with a payload')
      return
    }
    this.guard.onControl(performance.now())
    this.hasPeerSettings = true
    for (const [key, value] of readSettings(payload, this.isServer)) this.apply(key, value)
    this.writer.settingsAck()
    this.pumpWaiting()
    this.user.onIdleStreams()
  }

  private apply(key: number, value: number): void {
    if (key === settingId.headerTableSize) this.writer.encoder.setTableBytes(value)
    else if (key === settingId.maxConcurrentStreams) this.maxPeerStreams = value
    else if (key === settingId.initialWindowSize) {
      const change = value - this.peerWindow
      this.peerWindow = value
      for (const stream of this.streams.all()) {
        stream.sendWindow += change
        if (stream.sendWindow > maxWindow) throw new ConnectionError(errorCode.flowControlError, 'a window is too large')
      }
    }
  }

  private takeWindowUpdate(id: number, payload: Buffer): void {
    const increment = payload.readUInt32BE(0) & 0x7fffffff
    if (id === 0) {
      if (increment === 0) throw protocolError('WINDOW_UPDATE by 0')
      this.sendWindow += increment
      if (this.sendWindow > maxWindow) throw new ConnectionError(errorCode.flowControlError, 'the window of the connection is too large')
      this.pumpWaiting()
      return
    }
    if (this.ids.isIdle(id)) throw protocolError('WINDOW_UPDATE for an idle stream')
    const stream = this.streams.get(id)
    if (!stream) return
    stream.sendWindow += increment
    if (increment === 0) this.failStream(stream, errorCode.protocolError)
    else if (stream.sendWindow > maxWindow) this.failStream(stream, errorCode.flowControlError)
    else stream.pump()
  }

  private takeGoAway(payload: Buffer): void {
    const last = payload.readUInt32BE(0) & 0x7fffffff
    this.isLeaving = true
    if (this.isServer) {
      this.isFinal = true
      this.afterStream()
      return
    }
    this.user.onGoAway()
    for (const stream of this.streams.all()) {
      if (stream.id <= last) continue
      this.drop(stream)
      stream.onGone(errorCode.refusedStream, 'unprocessed')
    }
    this.afterStream()
  }

  private takePing(flags: number, payload: Buffer): void {
    if ((flags & flag.ack) !== 0) this.onPong()
    else this.writer.ping(payload, flag.ack)
    this.takeNothing()
  }

  private takePriority(id: number, payload: Buffer): void {
    this.takeNothing()
    const isSize = payload.length === 5
    if (isSize && (payload.readUInt32BE(0) & 0x7fffffff) !== id) return
    const stream = this.streams.get(id)
    const code = isSize ? errorCode.protocolError : errorCode.frameSizeError
    if (stream) this.failStream(stream, code)
    else this.writeReset(id, code)
  }

  /** A frame that carries nothing for a stream; unknown types among them (RFC 9113 §4.1). */
  private takeNothing(): void {
    this.guard.onControl(performance.now())
    if (this.socket.writableLength > maxUnsentBytes) throw new ConnectionError(errorCode.enhanceYourCalm, 'answers are not taken')
  }

  // === What leaves ===

  private sayHello(): void {
    const { maxStreams, maxListBytes } = this.settings
    const settings: [number, number][] = [[settingId.maxHeaderListSize, maxListBytes]]
    if (this.isServer) settings.push([settingId.maxConcurrentStreams, maxStreams])
    else {
      settings.push([settingId.enablePush, 0])
      this.writer.preface()
    }
    this.writer.settings(settings)
    this.window.open()
  }

  writeHeaders(id: number, fields: readonly Field[], isLast: boolean): void {
    this.writer.headers(id, fields, isLast)
  }

  /** How many bytes of data the connection takes now. */
  dataRoom(): number {
    if (this.isBlocked) return 0
    if (this.writer.output.size >= highWater) this.flush()
    return this.isBlocked ? 0 : Math.min(this.sendWindow, maxFrameBytes)
  }

  /** Sends the bytes as one frame, or nothing and says false. */
  tryData(stream: Stream, bytes: Buffer, isLast: boolean): boolean {
    if (bytes.length > 0 && bytes.length > Math.min(this.dataRoom(), stream.sendWindow)) return false
    this.sendWindow -= bytes.length
    stream.sendWindow -= bytes.length
    this.writer.data(stream.id, bytes, isLast)
    return true
  }

  /** Those that waited longest go first; one that still waits goes to the end. */
  private pumpWaiting(): void {
    this.isBlocked = this.socket.writableNeedDrain
    for (const stream of Array.from(this.waiting)) {
      if (this.dataRoom() <= 0) return
      stream.pump()
      if (this.waiting.delete(stream)) this.waiting.add(stream)
    }
  }

  private flush(): void {
    if (this.isClosed) return
    this.writer.output.flush()
    this.isBlocked = this.socket.writableNeedDrain
  }

  /** Whether the rest of a header block has not come since then. */
  isStalledSince(at: number): boolean {
    return this.block.isOpen && this.block.beganAt < at
  }

  grantWindow(id: number, bytes: number): void {
    if (this.isClosed) return
    this.writer.windowUpdate(id, bytes)
  }

  // === Ends of streams ===

  private onReceivedEnd(stream: Stream): void {
    stream.hasReceivedEnd = true
    if (stream.hasSentEnd) this.forget(stream)
  }

  /** Both sides have said their last. */
  forget(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return
    this.guard.onStreamEnd()
    this.afterStream()
  }

  resetStream(stream: Stream, code: number): void {
    this.drop(stream)
    stream.discard()
    this.writeReset(stream.id, code)
    this.afterStream()
  }

  /** The peer's mistake on one stream: its user hears that the peer has ended it. */
  private failStream(stream: Stream, code: number): void {
    this.drop(stream)
    this.writeReset(stream.id, code)
    stream.onGone(code, 'peer')
    this.afterStream()
  }

  private writeReset(id: number, code: number): void {
    if (this.isClosed) return
    this.ids.rememberReset(id)
    this.writer.reset(id, code)
  }

  private drop(stream: Stream): void {
    this.streams.delete(stream.id)
    this.waiting.delete(stream)
  }

  private afterStream(): void {
    if (this.isLeaving && this.streams.size === 0 && (!this.isServer || this.isFinal)) this.end()
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
      this.writer.goAway(lastStreamId, errorCode.noError)
      this.writer.ping()
    } else {
      this.writer.goAway(0, errorCode.noError)
      if (this.streams.size === 0) this.end()
    }
  }

  private onPong(): void {
    if (!this.isServer || !this.isLeaving || this.isFinal) return
    this.isFinal = true
    this.writer.goAway(this.ids.lastPeer, errorCode.noError)
    if (this.streams.size === 0) this.end()
  }

  /** The orderly end. */
  private end(): void {
    this.reader.stop()
    this.writer.output.flush()
    this.socket.end()
    this.linger()
  }

  /** Ends the connection and says why. */
  fail(error: ConnectionError): void {
    if (this.isClosed) return
    this.writer.goAway(this.ids.lastPeer, error.code, error.message)
    this.end()
    this.close(error)
  }

  /** Reads on for a moment: a close with unread bytes would destroy the last word on its way. */
  private linger(): void {
    setTimeout(() => this.socket.destroy(), lingerMs).unref()
  }

  /** Cuts the connection. */
  destroy(): void {
    this.socket.destroy()
    this.close(undefined)
  }

  private close(error: ConnectionError | undefined): void {
    if (this.isClosed) return
    this.isClosed = true
    this.reader.stop()
    this.writer.output.stop()
    const streams = this.streams.all()
    this.streams.clear()
    this.waiting.clear()
    for (const stream of streams) stream.onGone(errorCode.cancel, 'lost')
    this.user.onClosed(error)
  }
}
