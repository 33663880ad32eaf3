import { ConnectionError, errorCode, flag, frameType, maxFrameBytes, maxWindow, protocolError, settingId } from './wire.ts'

/** Most CONTINUATION frames of one block: enough for the longest list, too few for a flood (CVE-2024-27316 and its kin). */
const maxContinuations = 16

/** Most entries of one SETTINGS frame: each may cost a look at every stream (CVE-2019-9515, CVE-2020-11080). nghttp2's figure. */
const maxSettings = 32

const ofConnection: ReadonlySet<number> = new Set([frameType.settings, frameType.ping, frameType.goaway])
const ofStream: ReadonlySet<number> = new Set([frameType.data, frameType.headers, frameType.priority, frameType.rstStream, frameType.continuation])

/** Whether a frame of this type may stand on this stream and have this size (RFC 9113 §6). Throws ConnectionError. */
export function checkFrame(type: number, id: number, length: number): void {
  if (id === 0 ? ofStream.has(type) : ofConnection.has(type)) throw protocolError(`a frame of type ${type} on stream ${id}`)
  const isFour = type === frameType.rstStream || type === frameType.windowUpdate
  if ((isFour && length !== 4) || (type === frameType.ping && length !== 8) || (type === frameType.goaway && length < 8)) throw new ConnectionError(errorCode.frameSizeError, `a frame of type ${type} with ${length} bytes`)
}

/** The payload without padding, and without the priority fields of HEADERS (RFC 9113 §6.1, §6.2). Throws ConnectionError. */
export function readPayload(flags: number, payload: Buffer, hasPriority: boolean, streamId = 0): Buffer {
  let from = 0
  let to = payload.length
  if ((flags & flag.padded) !== 0) {
    from = 1
    to -= payload[0] ?? 0
  }
  if (hasPriority) {
    if (payload.length >= from + 4 && (payload.readUInt32BE(from) & 0x7fffffff) === streamId) throw protocolError('a stream that depends on itself')
    from += 5
  }
  if (from > to) throw protocolError('more padding than payload')
  return from === 0 && to === payload.length ? payload : payload.subarray(from, to)
}

/** The settings of one frame, checked (RFC 9113 §6.5). Throws ConnectionError. */
export function readSettings(payload: Buffer, isServer: boolean): readonly (readonly [key: number, value: number])[] {
  if (payload.length % 6 !== 0) throw new ConnectionError(errorCode.frameSizeError, 'SETTINGS of a wrong size')
  if (payload.length > 6 * maxSettings) throw new ConnectionError(errorCode.enhanceYourCalm, 'SETTINGS with too many entries')
  const settings: [number, number][] = []
  for (let at = 0; at < payload.length; at += 6) {
    const key = payload.readUInt16BE(at)
    const value = payload.readUInt32BE(at + 2)
    if (key === settingId.enablePush && (value > 1 || (!isServer && value === 1))) throw protocolError('bad ENABLE_PUSH')
    if (key === settingId.initialWindowSize && value > maxWindow) throw new ConnectionError(errorCode.flowControlError, 'bad INITIAL_WINDOW_SIZE')
    if (key === settingId.maxFrameSize && (value < maxFrameBytes || value > 0xffffff)) throw protocolError('bad MAX_FRAME_SIZE')
    settings.push([key, value])
  }
  return settings
}

/** A header block while its frames come. */
export class HeaderBlock {
  streamId = 0
  hasEnded = false
  isOpen = false
  /** On performance.now's clock. */
  beganAt = 0
  private readonly maxBytes: number
  private parts: Buffer[] = []
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  begin(streamId: number, hasEnded: boolean, part: Buffer): void {
    this.streamId = streamId
    this.hasEnded = hasEnded
    this.isOpen = true
    this.parts = [part]
    this.bytes = part.length
  }

  /** More frames must follow. */
  expectMore(now: number): void {
    this.beganAt = now
  }

  add(part: Buffer): void {
    this.parts.push(part)
    this.bytes += part.length
    if (this.parts.length > maxContinuations || this.bytes > this.maxBytes) throw new ConnectionError(errorCode.enhanceYourCalm, 'a header block is too long')
  }

  end(): Buffer {
    this.isOpen = false
    const [first, ...more] = this.parts
    this.parts = []
    return first !== undefined && more.length === 0 ? first : Buffer.concat([first ?? Buffer.alloc(0), ...more])
  }
}
