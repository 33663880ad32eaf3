import type { Socket } from 'node:net'

/**
 * Writes a piece of a message in one system call: `prefix` (a head, or nothing), payload, and the chunk framing around it where
 * the body is `chunked`. `isLast` ends the body. What came in many chunks leaves as one. False: the socket wants a pause.
 */
export function writePart(socket: Socket, prefix: string, payload: readonly Buffer[], framing: PartFraming): boolean {
  let before = prefix
  let after = ''
  if (framing.chunked) {
    let size = 0
    for (const slice of payload) size += slice.length
    if (size > 0) {
      before += `${size.toString(16)}\r\n`
      after = '\r\n'
    }
    if (framing.isLast) after += `0\r\n${framing.trailers}\r\n`
  }
  if (payload.length === 0) {
    const text = before + after
    if (text !== '') socket.write(text, 'latin1')
  } else {
    socket.cork()
    if (before !== '') socket.write(before, 'latin1')
    for (const slice of payload) socket.write(slice)
    if (after !== '') socket.write(after, 'latin1')
    socket.uncork()
  }
  return !socket.writableNeedDrain
}

interface PartFraming {
  readonly chunked: boolean
  readonly isLast: boolean
  /** Trailer lines with their CRLFs; counts with `chunked` and `isLast`. */
  readonly trailers: string
}
