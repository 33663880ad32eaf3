import type { Socket } from 'node:net'

/**
 * Up to this many bytes of payload are copied into one string with what is around them: a string is handed to the kernel at once
 * from libuv's stack (16 KiB), and several pieces cost more in bookkeeping than the copy.
 */
const maxCopiedBytes = 12_288

/**
 * Writes a piece of a message in one system call: `prefix` (a head, or nothing), payload, and the chunk framing around it where
 * the body is `chunked`. `isLast` ends the body. What came in many chunks leaves as one. False: the socket wants a pause.
 */
export function writePart(socket: Socket, prefix: string, payload: readonly Buffer[], framing: PartFraming): boolean {
  let size = 0
  for (const slice of payload) size += slice.length
  let before = prefix
  let after = ''
  if (framing.chunked) {
    if (size > 0) {
      before += `${size.toString(16)}\r\n`
      after = '\r\n'
    }
    if (framing.isLast) after += `0\r\n${framing.trailers}\r\n`
  }
  if (size <= maxCopiedBytes) {
    let text = before
    for (const slice of payload) text += slice.toString('latin1')
    text += after
    if (text !== '') socket.write(text, 'latin1')
  } else {
    socket.cork()
    if (before !== '') socket.write(before, 'latin1')
    for (const slice of payload) socket.write(framing.isLent ? Buffer.from(slice) : slice)
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
  /** The payload's memory is somebody else's after the call. */
  readonly isLent: boolean
}
