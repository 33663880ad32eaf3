import type { Socket } from 'node:net'
import { until } from './until.ts'

/**
 * Writes the piece over and over until so many bytes are written, and waits whenever the other side takes no more; how many were. `onEnd` is called
 * when the last was given away.
 */
export function flood(socket: Socket, piece: Buffer | string, bytes: number, onEnd: () => void = () => undefined): () => number {
  let written = 0
  const write = (): void => {
    while (written < bytes) {
      if (socket.destroyed) return
      written += piece.length
      if (!socket.write(piece)) return
    }
    socket.off('drain', write)
    onEnd()
  }
  socket.on('drain', write)
  write()
  return () => written
}

/**
 * Waits until a figure does not change any more, which something must have given already: everything between the two ends is full. Turns of the
 * loop, not time: whoever reads on and on holds the loop. Gives the figure.
 */
export async function standstill(figure: () => number): Promise<number> {
  let last = 0
  let turns = 0
  await until('a standstill', () => {
    turns = last > 0 && figure() === last ? turns + 1 : 0
    last = figure()
    return turns > 100
  }, () => last)
  return last
}
