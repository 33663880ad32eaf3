import type { Peer } from '../../testing/peer.ts'
import { startRawServer } from '../../testing/raw-server.ts'
import { frameType, preface } from '../wire.ts'
import { settings as noSettings, type Frame } from './frames.ts'
import { heardFrames, hearsFrame } from './heard-frames.ts'

/** An app of HTTP/2 that says exactly the frames that it is told. */
export interface FrameApp {
  readonly port: number
  /** All connections so far, in order. */
  readonly connections: readonly Peer[]
  /** Waits for a frame on one of the connections; the first. */
  hears(what: string, is: (frame: Frame) => boolean, index?: number): Promise<Frame>
  heard(index?: number): readonly Frame[]
  say(frames: readonly Buffer[], index?: number): void
  close(): void
}

/** Starts it; every connection hears these settings first. `onFrames` is called when something has come. */
export async function startFrameApp({ settings = noSettings, onFrames = () => undefined }: { readonly settings?: Buffer; readonly onFrames?: (connection: Peer, frames: readonly Frame[]) => void } = {}): Promise<FrameApp> {
  const server = await startRawServer((connection) => {
    let seen = 0
    connection.socket.write(settings)
    connection.socket.on('data', () => {
      const frames = heardFrames(connection, preface.length)
      onFrames(connection, frames.slice(seen))
      seen = frames.length
    })
  })
  const { port, connections } = server
  const heard = (index = 0): readonly Frame[] => {
    const connection = connections[index]
    return connection ? heardFrames(connection, preface.length) : []
  }
  return {
    port,
    connections,
    heard,
    hears: async (what, is, index = 0) => hearsFrame(await server.connection(index), what, is, preface.length),
    say: (frames, index = 0) => void connections[index]?.socket.write(Buffer.concat(frames)),
    close: () => server.close(),
  }
}

/** For `onFrames`: answers each request, once its head has come, by these frames. */
export const toEachHead =
  (answer: (streamId: number) => readonly Buffer[]) =>
  (connection: Peer, frames: readonly Frame[]): void => {
    for (const { type, streamId } of frames) if (type === frameType.headers) connection.socket.write(Buffer.concat(answer(streamId)))
  }
