import { ConnectionError, errorCode, frameHeaderBytes, maxFrameBytes } from './wire.ts'

/** One frame's parts; `payload` lies in the bytes that came. */
export type TakeFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void

/** Cuts a connection's bytes into frames, however they were split. At most one frame's bytes are kept. Throws ConnectionError. */
export class FrameReader {
  private rest: Buffer | undefined
  private isStopped = false
  private readonly take: TakeFrame

  constructor(take: TakeFrame) {
    this.take = take
  }

  /** No frame after this one is taken. */
  stop(): void {
    this.isStopped = true
  }

  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.rest) {
      const { rest } = this
      this.rest = undefined
      // The frame that was cut is completed alone, so that only its bytes are copied.
      const header = rest.length >= frameHeaderBytes ? rest : Buffer.concat([rest, bytes.subarray(0, frameHeaderBytes - rest.length)])
      const missing = header.length < frameHeaderBytes ? bytes.length : frameHeaderBytes + lengthAt(header, 0) - rest.length
      const whole = Buffer.concat([rest, bytes.subarray(0, missing)])
      this.takeAll(whole)
      bytes = bytes.subarray(missing)
      if (bytes.length === 0) return
    }
    this.takeAll(bytes)
  }

  private takeAll(bytes: Buffer): void {
    let at = 0
    while (!this.isStopped && at + frameHeaderBytes <= bytes.length) {
      const length = lengthAt(bytes, at)
      const end = at + frameHeaderBytes + length
      if (end > bytes.length) break
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff
      this.take(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, streamId, bytes.subarray(at + frameHeaderBytes, end))
      at = end
    }
    if (!this.isStopped && at < bytes.length) this.rest = at === 0 ? bytes : bytes.subarray(at)
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
  if (length > maxFrameBytes) throw new ConnectionError(errorCode.frameSizeError, 'a frame is longer than allowed')
  return length
}
