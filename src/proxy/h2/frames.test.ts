import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../testing/until.ts'
import { startFrameClient, type FrameClient } from './testing/frame-client.ts'
import { block, frame, get, getBlock, hello, uint32, type Frame } from './testing/frames.ts'
import { heardFrames, hearsFrame } from './testing/heard-frames.ts'
import { say } from './testing/http2-app.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { errorCode, flag, frameType, preface } from './wire.ts'

const open = frame(frameType.headers, flag.endHeaders, 1, block([[':method', 'POST'], [':scheme', 'http'], [':path', '/silent'], [':authority', 'app']]))
const silent = get(1, '/silent')
const over = get(1)
const headers = (id: number, flags: number): Buffer => frame(frameType.headers, flags, id, getBlock())
const window = (id: number, bytes: number): Buffer => frame(frameType.windowUpdate, 0, id, uint32(bytes))
const initialWindow = (bytes: number): Buffer => frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(bytes)]))

/** What RFC 9113 lets no client send; h2spec asks much of it as well. */
describe('frames that may not come', () => {
  let scene: FrameClient
  beforeEach(async () => {
    scene = await startFrameClient((stream, head) => {
      if (head[':path'] !== '/silent') say('ok')(stream)
    })
  })
  afterEach(() => scene.stop())
  const write = (...parts: readonly Buffer[]): boolean => scene.client.socket.write(Buffer.concat(parts))
  const hears = (what: string, is: (one: Frame) => boolean): Promise<Frame> => hearsFrame(scene.client, what, is)
  const hasAnswered = ({ type, flags, streamId }: Frame): boolean => streamId === 1 && type <= frameType.headers && (flags & flag.endStream) !== 0

  it.each<[string, number, readonly Buffer[]]>([
    ['a frame before SETTINGS', errorCode.protocolError, [preface, frame(frameType.ping, 0, 0, Buffer.alloc(8))]],
    ['a frame amid a header block', errorCode.protocolError, [hello, headers(1, 0), frame(frameType.ping, 0, 0, Buffer.alloc(8))]],
    ['another stream’s CONTINUATION', errorCode.protocolError, [hello, headers(1, 0), frame(frameType.continuation, flag.endHeaders, 3)]],
    ['CONTINUATION of nothing', errorCode.protocolError, [hello, open, frame(frameType.continuation, flag.endHeaders, 1)]],
    ['PUSH_PROMISE', errorCode.protocolError, [hello, open, frame(frameType.pushPromise, flag.endHeaders, 1, Buffer.alloc(4))]],
    ['a block that is no HPACK', errorCode.compressionError, [hello, frame(frameType.headers, flag.endHeaders, 1, Buffer.from([0x80]))]],
    ['a stream with an even number', errorCode.protocolError, [hello, headers(2, flag.endHeaders | flag.endStream)]],
    ['a stream with a number below the last', errorCode.streamClosed, [hello, get(5, '/silent'), get(3)]],
    ['data of an idle stream', errorCode.protocolError, [hello, frame(frameType.data, 0, 1, Buffer.from('x'))]],
    ['a reset of an idle stream', errorCode.protocolError, [hello, frame(frameType.rstStream, 0, 1, uint32(0))]],
    ['a window of an idle stream', errorCode.protocolError, [hello, window(1, 1)]],
    ['a window of nothing', errorCode.protocolError, [hello, window(0, 0)]],
    ['a window that is too large', errorCode.flowControlError, [hello, window(0, 0x7fffffff)]],
    ['settings that make a window too large', errorCode.flowControlError, [hello, silent, window(1, 0x7fff0000), initialWindow(0x7fffffff)]],
    ['an acknowledgement with settings', errorCode.frameSizeError, [hello, frame(frameType.settings, flag.ack, 0, Buffer.alloc(6))]],
    ['settings of a stream', errorCode.protocolError, [hello, frame(frameType.settings, 0, 1)]],
    ['a reset of the wrong size', errorCode.frameSizeError, [hello, open, frame(frameType.rstStream, 0, 1, Buffer.alloc(3))]],
    ['more padding than payload', errorCode.protocolError, [hello, open, frame(frameType.data, flag.padded, 1, Buffer.from([3, 0, 0]))]],
    ['a frame that is too long', errorCode.frameSizeError, [hello, open, frame(frameType.data, 0, 1, Buffer.alloc(16_385))]],
  ])('%s ends the connection', async (_case, code, parts) => {
    write(...parts)
    expect((await hears('GOAWAY', ({ type }) => type === frameType.goaway)).payload.readUInt32BE(4)).toBe(code)
    await scene.client.closes()
  })

  it('data of a stream that is over ends the connection', async () => {
    write(hello, over)
    await hears('the answer', hasAnswered)
    write(frame(frameType.data, 0, 1, Buffer.from('x')))
    expect((await hears('GOAWAY', ({ type }) => type === frameType.goaway)).payload.readUInt32BE(4)).toBe(errorCode.streamClosed)
  })

  it.each<[string, number, readonly Buffer[]]>([
    ['data after the end', errorCode.streamClosed, [silent, frame(frameType.data, 0, 1, Buffer.from('x'))]],
    ['a head after the end', errorCode.streamClosed, [silent, headers(1, flag.endHeaders | flag.endStream)]],
    ['a window of nothing', errorCode.protocolError, [silent, window(1, 0)]],
    ['a window that is too large', errorCode.flowControlError, [silent, window(1, 0x7fffffff)]],
    ['a priority of itself', errorCode.protocolError, [silent, frame(frameType.priority, 0, 1, Buffer.concat([uint32(1), Buffer.alloc(1)]))]],
    ['a priority of the wrong size', errorCode.frameSizeError, [silent, frame(frameType.priority, 0, 1, Buffer.concat([uint32(3), Buffer.alloc(2)]))]],
    ['trailers that do not end it', errorCode.protocolError, [open, headers(1, flag.endHeaders)]],
    ['trailers with a pseudo-header', errorCode.protocolError, [open, headers(1, flag.endHeaders | flag.endStream)]],
    ['trailers with a capital', errorCode.protocolError, [open, frame(frameType.headers, flag.endHeaders | flag.endStream, 1, block([['X-A', 'b']]))]],
  ])('%s of a stream ends that stream alone', async (_case, code, parts) => {
    write(hello, ...parts, get(3))
    expect((await hears('RST_STREAM', ({ type, streamId }) => type === frameType.rstStream && streamId === 1)).payload.readUInt32BE(0)).toBe(code)
    await hears('the other’s answer', ({ type, streamId }) => type === frameType.data && streamId === 3)
  })
})

describe('the windows of a connection', () => {
  let bodies: string[]
  let scene: FrameClient
  beforeEach(async () => {
    bodies = []
    scene = await startFrameClient((stream, head) => {
      if (head[':path'] === '/silent') return
      let size = 0
      stream.on('data', (bytes: Buffer) => (size += bytes.length))
      stream.on('end', () => {
        if (stream.destroyed) return
        bodies.push(`${head[':path']} ${size}`)
        stream.respond({ ':status': 200 })
        stream.end(head[':path'] === '/big' ? Buffer.alloc(100_000) : 'ok')
      })
    })
  })
  afterEach(() => scene.stop())
  const write = (...parts: readonly Buffer[]): boolean => scene.client.socket.write(Buffer.concat(parts))
  const received = (): readonly Frame[] => heardFrames(scene.client)
  const dataOf = (id: number): number => received().reduce((sum, one) => sum + (one.type === frameType.data && one.streamId === id ? one.payload.length : 0), 0)
  const granted = (): number => 65_535 + received().reduce((sum, one) => sum + (one.type === frameType.windowUpdate && one.streamId === 0 ? one.payload.readUInt32BE(0) : 0), 0)
  const post = (id: number, path: string): Buffer => frame(frameType.headers, flag.endHeaders, id, block([[':method', 'POST'], [':scheme', 'http'], [':path', path], [':authority', 'app']]))
  /** With a byte of content in each, so that nothing is empty. */
  const padded = (id: number): Buffer => frame(frameType.data, flag.padded, id, Buffer.concat([Buffer.from([200, 1]), Buffer.alloc(200)]))

  it('are given back for padding too, for what comes late, and for what is refused', async () => {
    write(hello, post(1, '/padded'))
    let sent = 0
    const send = async (bytes: Buffer, size: number): Promise<void> => {
      sent += size
      await until('leave', () => granted() >= sent)
      write(bytes)
    }
    // Nine times the window of the stream.
    const leaveOf = (id: number): number => 65_535 + received().reduce((sum, one) => sum + (one.type === frameType.windowUpdate && one.streamId === id ? one.payload.readUInt32BE(0) : 0), 0)
    for (let size = 202; size < 600_000; size += 202) {
      if (size > leaveOf(1)) await until('leave of the stream', () => size <= leaveOf(1))
      await send(padded(1), 202)
    }
    write(frame(frameType.data, flag.endStream, 1))
    await until('the body', () => bodies.length === 1)
    // Streams that end by their own mistake, and what comes for them after it: together more than the connection's window.
    for (let id = 3; id < 90; id += 2) {
      await send(Buffer.concat([post(id, '/refused'), frame(frameType.headers, flag.endHeaders, id, block([['a', 'b']])), frame(frameType.data, 0, id, Buffer.alloc(16_000)), frame(frameType.data, 0, id, Buffer.alloc(16_000))]), 32_000)
    }
    await send(Buffer.concat([post(91, '/after'), frame(frameType.data, flag.endStream, 91, Buffer.alloc(16_000))]), 16_000)
    await until('the body after it', () => bodies.includes('/after 16000'))
  })

  it('hold what is sent to the least that peers take in a frame, and to what the connection allows', async () => {
    write(preface, initialWindow(1_000_000), get(1, '/big'))
    await until('what may come', () => dataOf(1) >= 65_535)
    write(frame(frameType.ping, 0, 0, Buffer.from('anything')))
    await until('an answer after it', () => received().some(({ type, flags }) => type === frameType.ping && flags === flag.ack))
    expect(dataOf(1)).toBe(65_535)
    expect(Math.max(...received().map(({ payload }) => payload.length))).toBeLessThanOrEqual(16_384)
    write(window(0, 100_000))
    await until('the rest', () => dataOf(1) === 100_000)
  })

  it('let the streams that wait for them go in turn', async () => {
    write(preface, initialWindow(1_000_000), get(1, '/big'), get(3, '/big'), get(5, '/big'))
    await until('what may come', () => dataOf(1) + dataOf(3) + dataOf(5) >= 65_535)
    const atFirst = [dataOf(1), dataOf(3), dataOf(5)]
    for (let round = 1; round <= 3; round += 1) {
      write(window(0, 16_384))
      await until('more', () => dataOf(1) + dataOf(3) + dataOf(5) === 65_535 + 16_384 * round)
    }
    expect([dataOf(1), dataOf(3), dataOf(5)].map((bytes, index) => bytes - (atFirst[index] ?? 0))).toEqual([16_384, 16_384, 16_384])
  })

  it('are given back for streams that have sent more than they may', async () => {
    write(hello)
    let sent = 0
    for (let id = 1; id < 121; id += 2) {
      sent += 144_000
      await until('leave', () => granted() >= sent)
      write(post(id, '/silent'), ...Array.from({ length: 9 }, () => frame(frameType.data, 0, id, Buffer.alloc(16_000))))
    }
  })

  it('end it where more comes than they allow', async () => {
    write(hello)
    for (let id = 1; id < 201; id += 2) write(post(id, '/silent'), ...Array.from({ length: 4 }, () => frame(frameType.data, 0, id, Buffer.alloc(16_000))))
    await until('GOAWAY', () => received().some(({ type, payload }) => type === frameType.goaway && payload.readUInt32BE(4) === errorCode.flowControlError))
  })

  it('widen the streams that wait when the settings say so', async () => {
    write(preface, initialWindow(0), get(1, '/small'))
    await until('the head', () => received().some(({ type, streamId }) => type === frameType.headers && streamId === 1))
    write(initialWindow(100))
    await until('the body', () => dataOf(1) === 2)
  })

  it('come with heads that need no table, where the client keeps none', async () => {
    write(preface, frame(frameType.settings, 0, 0, Buffer.from([0, 1, 0, 0, 0, 0])), get(1, '/small'), get(3, '/small'))
    await until('the bodies', () => dataOf(1) + dataOf(3) === 4)
    const last = received().findLast(({ type }) => type === frameType.headers)
    expect(new HpackDecoder().decode(last?.payload ?? Buffer.alloc(0), 10_000)?.fields[0]?.value).toBe('200')
  })
})
