import type { Peer } from '../../testing/peer.ts'
import { until } from '../../testing/until.ts'
import { framesIn, type Frame } from './frames.ts'

/** The whole frames that one end of a connection has heard so far; a server hears `skip` bytes before the first. */
export const heardFrames = (peer: Peer, skip = 0): readonly Frame[] => framesIn(Buffer.from(peer.received, 'latin1').subarray(skip))

/** Waits for a frame; the first. */
export async function hearsFrame(peer: Peer, what: string, is: (frame: Frame) => boolean, skip = 0): Promise<Frame> {
  let found: Frame | undefined
  const described = (): string => heardFrames(peer, skip).map(({ type, flags, streamId }) => `${type}/${flags}/${streamId}`).join(' ').slice(-500)
  await until(what, () => (found = heardFrames(peer, skip).find(is)) !== undefined, described)
  if (!found) throw new Error('unreachable')
  return found
}
