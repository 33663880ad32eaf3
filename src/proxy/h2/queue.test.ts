import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Peer } from '../testing/peer.ts'
import { openClient } from '../testing/raw-client.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { startFrameApp, type FrameApp } from './testing/frame-app.ts'
import { block, frame, get, getBlock, hello, uint32, type Frame } from './testing/frames.ts'
import { heardFrames, hearsFrame } from './testing/heard-frames.ts'
import { flag, frameType } from './wire.ts'

const text = 'abcdefghij'.repeat(100)
const letters = (id: number): Buffer => Buffer.concat(Array.from(text, (letter, index) => frame(frameType.data, index === text.length - 1 ? flag.endStream : 0, id, Buffer.from(letter))))
const noWindow = frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(0)]))
const isData = ({ type, payload }: Frame): boolean => type === frameType.data && payload.length > 0
const isEnd = ({ type, flags }: Frame): boolean => type === frameType.data && (flags & flag.endStream) !== 0
const textOf = (frames: readonly Frame[]): string => frames.filter(isData).map(({ payload }) => payload.toString()).join('')

describe('what waits for a window', () => {
  let app: FrameApp
  let rig: Rig
  let client: Peer
  beforeEach(async () => {
    app = await startFrameApp({ settings: noWindow })
    rig = await startRig(app.port)
    client = await openClient(rig.route)
  })
  afterEach(async () => {
    client.socket.destroy()
    await rig.close()
    app.close()
  })

  const received = (): readonly Frame[] => heardFrames(client)

  // As an object of its own each byte would take a hundred, and keep alive whatever came with it.
  it('of a request is kept in few pieces, however many it came in', async () => {
    client.socket.write(Buffer.concat([hello, frame(frameType.headers, flag.endHeaders, 1, getBlock()), letters(1)]))
    await app.hears('the head', ({ type }) => type === frameType.headers)
    app.say([frame(frameType.windowUpdate, 0, 1, uint32(65_535))])
    await app.hears('the end', isEnd)
    expect(textOf(app.heard())).toBe(text)
    expect(app.heard().filter(isData).length).toBeLessThan(20)
  })

  it('is no empty frame: those go no further, and many clients’ together are no flood to the app', async () => {
    const empty = Array.from({ length: 5 }, () => frame(frameType.data, 0, 1))
    client.socket.write(Buffer.concat([hello, frame(frameType.headers, flag.endHeaders, 1, getBlock()), ...empty, frame(frameType.data, flag.endStream, 1)]))
    await app.hears('the end', isEnd)
    expect(app.heard().filter(({ type }) => type === frameType.data)).toHaveLength(1)
    app.say([frame(frameType.headers, flag.endHeaders, 1, block([[':status', '200']])), ...empty, frame(frameType.data, flag.endStream, 1)])
    await hearsFrame(client, 'the end', isEnd)
    expect(received().filter(({ type }) => type === frameType.data)).toHaveLength(1)
  })

  it('of a response too', async () => {
    client.socket.write(Buffer.concat([hello, noWindow, get(1)]))
    await app.hears('the request', ({ type }) => type === frameType.headers)
    app.say([frame(frameType.headers, flag.endHeaders, 1, block([[':status', '200']])), letters(1)])
    await hearsFrame(client, 'the head', ({ type }) => type === frameType.headers)
    client.socket.write(frame(frameType.windowUpdate, 0, 1, uint32(65_535)))
    await hearsFrame(client, 'the end', isEnd)
    expect(textOf(received())).toBe(text)
    expect(received().filter(isData).length).toBeLessThan(20)
  })
})
