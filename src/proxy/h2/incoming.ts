/**
 * What comes on one connection (RFC 9113 §4–§6). Answers: bytes become frames, and frames become what they mean for the connection and its
 * streams; a frame that may not come throws ConnectionError, or fails its stream. Must not: decide when streams or the connection end.
 */
import type { Socket } from 'node:net'
import type { FloodGuard } from './flood-guard.ts'
import { FrameReader } from './frame-reader.ts'
import { HpackDecoder, type DecodedBlock } from './hpack/decoder.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Outgoing } from './outgoing.ts'
import { checkFrame, HeaderBlock, readPayload, readSettings } from './payloads.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { SessionSettings } from './session-user.ts'
import type { StreamIds } from './stream-ids.ts'
import type { Stream } from './stream.ts'
import { ConnectionError, defaultWindow, errorCode, flag, frameType, maxWindow, preface, protocolError, settingId } from './wire.ts'

/** Written but not taken by the peer: more than any honest peer lets pile up, since data waits for windows. */
const maxUnsentBytes = 4_194_304

/** Whose connection it is; `session.ts` is what it is. */
export interface IncomingOwner {
  readonly socket: Socket
  readonly isServer: boolean
  readonly settings: SessionSettings
  readonly streams: OpenStreams<Stream>
  readonly ids: StreamIds
  readonly window: ReceiveWindow
  readonly outgoing: Outgoing
  readonly guard: FloodGuard
  /** The last word about which streams are served has been said, or heard. */
  readonly isFinal: boolean
  /** The peer's limit. */
  maxPeerStreams: number
  /** A stream with this id. */
  open(id: number): Stream
  onStream(stream: Stream, block: DecodedBlock, hasEnded: boolean): void
  /** The peer's limits have changed. */
  onSettings(): void
  onGoAway(lastId: number): void
  onPong(): void
  onStreamReset(stream: Stream, code: number): void
  /** The peer's mistake on one stream. */
  failStream(stream: Stream, code: number): void
  writeReset(id: number, code: number): void
}

export class Incoming {
  /** The peer's first SETTINGS have come. */
  hasPeerSettings = false
  /** What the peer takes on a new stream before it gives more leave, bytes. */
  streamWindow = defaultWindow
  private readonly owner: IncomingOwner
  private readonly reader: FrameReader
  private readonly decoder = new HpackDecoder()
  private readonly block: HeaderBlock
  private prefaceAt: number

  constructor(owner: IncomingOwner) {
    this.owner = owner
    this.prefaceAt = owner.isServer ? 0 : preface.length
    this.block = new HeaderBlock(2 * owner.settings.maxListBytes)
    this.reader = new FrameReader((type, flags, id, payload) => this.take(type, flags, id, payload))
  }

  /** Throws ConnectionError. */
  push(chunk: Buffer): void {
    const { isServer, socket } = this.owner
    if (isServer && socket.writableLength > maxUnsentBytes) throw new ConnectionError(errorCode.enhanceYourCalm, 'answers are not taken')
    const from = this.skipPreface(chunk)
    if (from < chunk.length) this.reader.push(from === 0 ? chunk : chunk.subarray(from))
  }

  /** No frame after this one is taken. */
  stop(): void {
    this.reader.stop()
  }

  /** Whether the rest of a header block has not come since then. */
  isStalledSince(at: number): boolean {
    return this.block.isOpen && this.block.beganAt < at
  }

  private skipPreface(chunk: Buffer): number {
    const length = Math.min(preface.length - this.prefaceAt, chunk.length)
    if (length > 0 && chunk.compare(preface, this.prefaceAt, this.prefaceAt + length, 0, length) !== 0) throw new ConnectionError(errorCode.protocolError, 'the preface is wrong')
    this.prefaceAt += length
    return length
  }

  private take(type: number, flags: number, id: number, payload: Buffer): void {
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
    this.owner.window.take(payload.length)
    const bytes = readPayload(flags, payload, false)
    const hasEnded = (flags & flag.endStream) !== 0
    if (bytes.length === 0 && !hasEnded) this.owner.guard.onControl(performance.now())
    else this.owner.guard.onPayload()
    const stream = this.streamOf(id)
    if (!stream || stream.hasReceivedEnd) {
      this.owner.window.credit(payload.length)
      if (stream) this.owner.failStream(stream, errorCode.streamClosed)
      return
    }
    stream.receiveWindow -= payload.length
    if (stream.receiveWindow < 0) {
      this.owner.window.credit(payload.length)
      this.owner.failStream(stream, errorCode.flowControlError)
      return
    }
    this.owner.window.hold(payload.length)
    stream.unconsumed += payload.length
    if (payload.length > bytes.length) stream.consume(payload.length - bytes.length)
    if (hasEnded) stream.onReceivedEnd()
    stream.user?.onData(bytes, hasEnded)
  }

  private takeHeaders(flags: number, id: number, payload: Buffer): void {
    this.owner.guard.onPayload()
    this.block.begin(id, (flags & flag.endStream) !== 0, readPayload(flags, payload, (flags & flag.priority) !== 0, id))
    if ((flags & flag.endHeaders) !== 0) this.endBlock()
    else this.block.expectMore(performance.now())
  }

  private endBlock(): void {
    const { streamId: id, hasEnded } = this.block
    const decoded = this.decoder.decode(this.block.end(), this.owner.settings.maxListBytes)
    if (!decoded) throw new ConnectionError(errorCode.compressionError, 'a header block is no HPACK')
    const known = this.owner.streams.get(id)
    const stream = known ?? this.accept(id)
    if (!stream) return
    if (stream.hasReceivedEnd) {
      this.owner.failStream(stream, errorCode.streamClosed)
      return
    }
    if (hasEnded) stream.onReceivedEnd()
    if (known) stream.user?.onHeaders(decoded, hasEnded)
    else this.owner.onStream(stream, decoded, hasEnded)
  }

  /** A stream that the peer opens; undefined where it may not, or where we have reset it. */
  private accept(id: number): Stream | undefined {
    if (!this.owner.ids.mayOpen(id)) {
      this.streamOf(id)
      return undefined
    }
    this.owner.ids.lastPeer = id
    if (this.owner.isFinal) return undefined
    if (this.owner.streams.size >= this.owner.settings.maxStreams) {
      this.owner.guard.onReset(performance.now())
      this.owner.writeReset(id, errorCode.refusedStream)
      return undefined
    }
    return this.owner.open(id)
  }

  /** The stream, or undefined where it is over and the frame comes late. A frame for one that never was, or that the peer itself has ended, ends the connection. */
  private streamOf(id: number): Stream | undefined {
    const stream = this.owner.streams.get(id)
    if (stream) return stream
    if (this.owner.ids.isIdle(id)) throw protocolError('a frame for an idle stream')
    if (this.owner.ids.mayBeLate(id) || this.owner.isFinal) return undefined
    throw new ConnectionError(errorCode.streamClosed, 'a frame for a closed stream')
  }

  private takeReset(id: number, payload: Buffer): void {
    if (this.owner.ids.isIdle(id)) throw protocolError('RST_STREAM for an idle stream')
    const stream = this.owner.streams.get(id)
    if (!stream) {
      this.owner.guard.onControl(performance.now())
      return
    }
    this.owner.onStreamReset(stream, payload.readUInt32BE(0))
  }

  private takeSettings(flags: number, payload: Buffer): void {
    if ((flags & flag.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(errorCode.frameSizeError, 'an acknowledgement with a payload')
      return this.takeNothing()
    }
    this.owner.guard.onControl(performance.now())
    this.hasPeerSettings = true
    for (const [key, value] of readSettings(payload, this.owner.isServer)) this.apply(key, value)
    this.owner.outgoing.writer.settingsAck()
    this.owner.outgoing.pumpWaiting()
    this.owner.onSettings()
  }

  private apply(key: number, value: number): void {
    if (key === settingId.headerTableSize) this.owner.outgoing.writer.encoder.setTableBytes(value)
    else if (key === settingId.maxConcurrentStreams) this.owner.maxPeerStreams = value
    else if (key === settingId.initialWindowSize) {
      const change = value - this.streamWindow
      this.streamWindow = value
      for (const stream of this.owner.streams.all()) {
        stream.sendWindow += change
        if (stream.sendWindow > maxWindow) throw new ConnectionError(errorCode.flowControlError, 'a window is too large')
      }
    }
  }

  private takeWindowUpdate(id: number, payload: Buffer): void {
    this.owner.guard.onWindowUpdate(performance.now(), this.owner.outgoing.sentFrames)
    const increment = payload.readUInt32BE(0) & 0x7fffffff
    if (id === 0) {
      if (increment === 0) throw protocolError('WINDOW_UPDATE by 0')
      if (this.owner.outgoing.widen(increment) > maxWindow) throw new ConnectionError(errorCode.flowControlError, 'the window of the connection is too large')
      this.owner.outgoing.pumpWaiting()
      return
    }
    if (this.owner.ids.isIdle(id)) throw protocolError('WINDOW_UPDATE for an idle stream')
    const stream = this.owner.streams.get(id)
    if (!stream) return
    stream.sendWindow += increment
    if (increment === 0) this.owner.failStream(stream, errorCode.protocolError)
    else if (stream.sendWindow > maxWindow) this.owner.failStream(stream, errorCode.flowControlError)
    else stream.pump()
  }

  private takeGoAway(payload: Buffer): void {
    this.takeNothing()
    this.owner.onGoAway(payload.readUInt32BE(0) & 0x7fffffff)
  }

  private takePing(flags: number, payload: Buffer): void {
    if ((flags & flag.ack) !== 0) this.owner.onPong()
    else this.owner.outgoing.writer.ping(payload, flag.ack)
    this.takeNothing()
  }

  private takePriority(id: number, payload: Buffer): void {
    this.takeNothing()
    const isSize = payload.length === 5
    if (isSize && (payload.readUInt32BE(0) & 0x7fffffff) !== id) return
    const stream = this.owner.streams.get(id)
    const code = isSize ? errorCode.protocolError : errorCode.frameSizeError
    if (stream) this.owner.failStream(stream, code)
    else this.owner.writeReset(id, code)
  }

  /** A frame that carries nothing for a stream; unknown types among them (RFC 9113 §4.1). */
  private takeNothing(): void {
    this.owner.guard.onControl(performance.now())
  }
}
