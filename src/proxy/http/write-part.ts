import type { Socket } from 'node:net'
import { lendWriteBuffer } from '../write-buffers.ts'

/** Up to this many bytes of payload are written as a string: below, V8's own copy costs less than a Buffer over borrowed memory. */
const maxStringBytes = 1024

/**
 * Writes a piece of a message in one system call: `prefix` (a head, or nothing), payload, and the chunk framing around it where
 * the body is `chunked`. `isLast` ends the body. What came in many chunks leaves as one. The payload is copied: its memory may be
 * somebody else's after the call. False: the socket wants a pause.
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
  if (size <= maxStringBytes) writeString(socket, before, payload, after)
  else writeBytes(socket, before, payload, after, size)
  return !socket.writableNeedDrain
}

interface PartFraming {
  readonly chunked: boolean
  readonly isLast: boolean
  /** Trailer lines with their CRLFs; counts with `chunked` and `isLast`. */
  readonly trailers: string
}

function writeString(socket: Socket, before: string, payload: readonly Buffer[], after: string): void {
  let text = before
  for (const slice of payload) text += slice.toString('latin1')
  text += after
  if (text !== '') socket.write(text, 'latin1')
}

function writeBytes(socket: Socket, before: string, payload: readonly Buffer[], after: string, size: number): void {
  const total = before.length + size + after.length
  const { bytes, giveBack } = lendWriteBuffer(total)
  let at = bytes.write(before, 'latin1')
  for (const slice of payload) {
    bytes.set(slice, at)
    at += slice.length
  }
  if (after !== '') bytes.write(after, at, 'latin1')
  socket.write(bytes.length === total ? bytes : bytes.subarray(0, total), giveBack)
}
