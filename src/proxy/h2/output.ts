import type { Socket } from 'node:net'
import { frameHeaderBytes } from './wire.ts'

/** Payloads from here on are handed to the socket as they are; smaller ones are copied together. */
const copyBelow = 2048
const firstBufferBytes = 2048
const maxBufferBytes = 16_384

/**
 * Frames on their way to a socket: gathered while one turn of the event loop lasts, written at its end. Many small frames of many
 * streams are one system call.
 */
export class Output {
  /** Bytes that wait for `flush`. */
  size = 0
  private readonly socket: Socket
  private readonly pieces: Buffer[] = []
  private buffer: Buffer = Buffer.allocUnsafeSlow(firstBufferBytes)
  private from = 0
  private at = 0
  private turn: NodeJS.Immediate | undefined
  private readonly onTurn: () => void

  /** `onTurn` is called at the end of a turn in which something was written; it should flush. */
  constructor(socket: Socket, onTurn: () => void) {
    this.socket = socket
    this.onTurn = () => {
      this.turn = undefined
      onTurn()
    }
  }

  /** The header of a frame whose payload follows by `raw` or the `write…` methods. */
  frame(type: number, flags: number, streamId: number, length: number): void {
    this.reserve(frameHeaderBytes)
    const { buffer, at } = this
    buffer[at] = length >> 16
    buffer[at + 1] = length >> 8
    buffer[at + 2] = length
    buffer[at + 3] = type
    buffer[at + 4] = flags
    buffer[at + 5] = streamId >> 24
    buffer[at + 6] = streamId >> 16
    buffer[at + 7] = streamId >> 8
    buffer[at + 8] = streamId
    this.advance(frameHeaderBytes)
  }

  writeUint16(value: number): void {
    this.reserve(2)
    this.buffer.writeUInt16BE(value, this.at)
    this.advance(2)
  }

  writeUint32(value: number): void {
    this.reserve(4)
    this.buffer.writeUInt32BE(value, this.at)
    this.advance(4)
  }

  /** `isStable`: nobody will change these bytes. */
  raw(bytes: Buffer, isStable: boolean): void {
    if (isStable && bytes.length >= copyBelow) {
      this.cutPiece()
      this.pieces.push(bytes)
      this.size += bytes.length
      return
    }
    this.reserve(bytes.length)
    bytes.copy(this.buffer, this.at)
    this.advance(bytes.length)
  }

  /** Gives everything to the socket. */
  flush(): void {
    if (this.size === 0 || this.socket.destroyed) return
    this.cutPiece()
    this.size = 0
    const pieces = this.pieces.splice(0)
    const [only] = pieces
    if (pieces.length === 1 && only) this.socket.write(only)
    else {
      this.socket.cork()
      for (const piece of pieces) this.socket.write(piece)
      this.socket.uncork()
    }
    // What the kernel has not taken still refers to the buffer.
    if (this.socket.writableLength === 0) {
      this.from = 0
      this.at = 0
    } else this.renew(firstBufferBytes)
  }

  stop(): void {
    clearImmediate(this.turn)
  }

  private advance(bytes: number): void {
    this.at += bytes
    this.size += bytes
    this.turn ??= setImmediate(this.onTurn)
  }

  private cutPiece(): void {
    if (this.at === this.from) return
    this.pieces.push(this.buffer.subarray(this.from, this.at))
    this.from = this.at
  }

  private reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    this.cutPiece()
    this.renew(Math.max(bytes, Math.min(2 * this.buffer.length, maxBufferBytes)))
  }

  private renew(bytes: number): void {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
    this.from = 0
    this.at = 0
  }
}
