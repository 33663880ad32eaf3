import type { Socket } from 'node:net'
import type { Field } from './hpack/field.ts'
import { FrameWriter } from './frame-writer.ts'
import { defaultWindow, maxFrameBytes } from './wire.ts'

/** Above this, data waits for the socket. */
const highWater = 65_536

/** A stream as far as what it sends is concerned; `stream.ts` is what it is. */
export interface Sender {
  readonly id: number
  sendWindow: number
  /** Sends what waits, as far as it goes. */
  pump(): void
}

/**
 * What leaves on one connection. Answers: frames in the order in which they were said; data no faster than the windows of the peer and the
 * socket allow, and each stream in its turn. Must not: know why something is said.
 */
export class Outgoing {
  readonly writer: FrameWriter
  /** Streams with data that waits for a window or the socket. */
  readonly waiting = new Set<Sender>()
  /** With data, so far. */
  sentFrames = 0
  private readonly socket: Socket
  private window = defaultWindow
  private isBlocked = false
  private isStopped = false

  constructor(socket: Socket) {
    this.socket = socket
    this.writer = new FrameWriter(socket, () => this.flush())
  }

  headers(id: number, fields: readonly Field[], isLast: boolean): void {
    this.writer.headers(id, fields, isLast)
  }

  /** How many bytes of data the connection takes now. */
  dataRoom(): number {
    if (this.isBlocked) return 0
    if (this.writer.output.size >= highWater) this.flush()
    return this.isBlocked ? 0 : Math.min(this.window, maxFrameBytes)
  }

  /** Sends the bytes as one frame, or nothing and says false. */
  tryData(stream: Sender, bytes: Buffer, isLast: boolean): boolean {
    if (bytes.length > 0 && bytes.length > Math.min(this.dataRoom(), stream.sendWindow)) return false
    this.window -= bytes.length
    stream.sendWindow -= bytes.length
    this.sentFrames += 1
    this.writer.data(stream.id, bytes, isLast)
    return true
  }

  /** The peer takes so many bytes more; how many it takes now. */
  widen(bytes: number): number {
    this.window += bytes
    return this.window
  }

  /** Those that waited longest go first; one that still waits goes to the end. */
  pumpWaiting(): void {
    this.isBlocked = this.socket.writableNeedDrain
    for (const stream of Array.from(this.waiting)) {
      if (this.dataRoom() <= 0) return
      stream.pump()
      if (this.waiting.delete(stream)) this.waiting.add(stream)
    }
  }

  /** The peer may send so many bytes more, on a stream or, with 0, on the connection. */
  grant(id: number, bytes: number): void {
    if (!this.isStopped) this.writer.windowUpdate(id, bytes)
  }

  flush(): void {
    if (this.isStopped) return
    this.writer.output.flush()
    this.isBlocked = this.socket.writableNeedDrain
  }

  /** Nothing more leaves. */
  stop(): void {
    this.isStopped = true
    this.writer.output.stop()
    this.waiting.clear()
  }
}
