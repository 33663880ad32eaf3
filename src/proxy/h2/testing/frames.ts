import { HpackEncoder } from '../hpack/encoder.ts'
import { field } from '../hpack/field.ts'
import { flag, frameHeaderBytes, frameType, preface } from '../wire.ts'

/** One frame, whatever is in it. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(streamId, 5)
  payload.copy(bytes, frameHeaderBytes)
  return bytes
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const settings = frame(frameType.settings, 0, 0)
export const hello = Buffer.concat([preface, settings])

/** A header block without use of any table. */
export const block = (fields: readonly (readonly [name: string, value: string])[]): Buffer => Buffer.from(new HpackEncoder().encode(fields.map(([name, value]) => field(name, value, true))))

export const getBlock = (path = '/', ...more: readonly (readonly [string, string])[]): Buffer => block([[':method', 'GET'], [':scheme', 'http'], [':path', path], [':authority', 'app'], ...more])

export const get = (streamId: number, path = '/'): Buffer => frame(frameType.headers, flag.endHeaders | flag.endStream, streamId, getBlock(path))

export const reset = (streamId: number, code: number): Buffer => frame(frameType.rstStream, 0, streamId, uint32(code))

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/** The whole frames of a byte string. */
export function framesIn(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + frameHeaderBytes <= bytes.length; ) {
    const end = at + frameHeaderBytes + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, streamId: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + frameHeaderBytes, end) })
    at = end
  }
  return frames
}
