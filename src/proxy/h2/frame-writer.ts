import type { Socket } from 'node:net'
import { HpackEncoder } from './hpack/encoder.ts'
import type { Field } from './hpack/field.ts'
import { Output } from './output.ts'
import { flag, frameType, maxFrameBytes, preface } from './wire.ts'

const nothing = Buffer.alloc(8)

/** Says things in frames (RFC 9113 §6). They leave at the end of the turn, or by `flush`. */
export class FrameWriter {
  readonly encoder = new HpackEncoder()
  readonly output: Output

  constructor(socket: Socket, onTurn: () => void) {
    this.output = new Output(socket, onTurn)
  }

  preface(): void {
    this.output.raw(preface, false)
  }

  settings(settings: readonly (readonly [key: number, value: number])[]): void {
    this.output.frame(frameType.settings, 0, 0, 6 * settings.length)
    for (const [key, value] of settings) {
      this.output.writeUint16(key)
      this.output.writeUint32(value)
    }
  }

  settingsAck(): void {
    this.output.frame(frameType.settings, flag.ack, 0, 0)
  }

  headers(id: number, fields: readonly Field[], isLast: boolean): void {
    const block = this.encoder.encode(fields)
    let at = Math.min(block.length, maxFrameBytes)
    this.output.frame(frameType.headers, (isLast ? flag.endStream : 0) | (at === block.length ? flag.endHeaders : 0), id, at)
    this.output.raw(block.subarray(0, at), false)
    while (at < block.length) {
      const end = Math.min(block.length, at + maxFrameBytes)
      this.output.frame(frameType.continuation, end === block.length ? flag.endHeaders : 0, id, end - at)
      this.output.raw(block.subarray(at, end), false)
      at = end
    }
  }

  data(id: number, bytes: Buffer, isLast: boolean): void {
    this.output.frame(frameType.data, isLast ? flag.endStream : 0, id, bytes.length)
    this.output.raw(bytes, true)
  }

  reset(id: number, code: number): void {
    this.output.frame(frameType.rstStream, 0, id, 4)
    this.output.writeUint32(code)
  }

  windowUpdate(id: number, bytes: number): void {
    this.output.frame(frameType.windowUpdate, 0, id, 4)
    this.output.writeUint32(bytes)
  }

  ping(payload: Buffer = nothing, flags = 0): void {
    this.output.frame(frameType.ping, flags, 0, 8)
    this.output.raw(payload, false)
  }

  goAway(last: number, code: number, text = ''): void {
    const bytes = Buffer.from(text.slice(0, 200), 'latin1')
    this.output.frame(frameType.goaway, 0, 0, 8 + bytes.length)
    this.output.writeUint32(last)
    this.output.writeUint32(code)
    this.output.raw(bytes, false)
  }
}
