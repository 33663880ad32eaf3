import type { Peer } from '../../testing/peer.ts'
import { startRawServer } from '../../testing/raw-server.ts'
import { until } from '../../testing/until.ts'
import { preface } from '../wire.ts'
import { framesIn, settings as noSettings, type Frame } from './frames.ts'

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
  const framesOf = (connection: Peer | undefined): readonly Frame[] => framesIn(Buffer.from(connection?.received ?? '', 'latin1').subarray(preface.length))
  const server = await startRawServer((connection) => {
    let seen = 0
    connection.socket.write(settings)
    connection.socket.on('data', () => {
      const frames = framesOf(connection)
      onFrames(connection, frames.slice(seen))
      seen = frames.length
    })
  })
  const { port, connections } = server
  const heard = (index = 0): readonly Frame[] => framesOf(connections[index])
  return {
    port,
    connections,
    heard,
    hears: async (what, is, index = 0) => {
      await until(what, () => heard(index).some(is), () => heard(index).map(({ type, flags, streamId }) => `${type}/${flags}/${streamId}`).join(' ').slice(-500))
      const found = heard(index).find(is)
      if (!found) throw new Error('unreachable')
      return found
    },
    say: (frames, index = 0) => void connections[index]?.socket.write(Buffer.concat(frames)),
    close: () => server.close(),
  }
}
