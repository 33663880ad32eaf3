/** Up to this size pieces are copied together, bytes. */
const mostCopied = 4096

/**
 * Adds to bytes that wait. A peer may send them one by one, and as an object of its own each would take a hundred, and keep alive the whole read
 * that it came in: what waits must not take much more than its length.
 */
export function addPiece(pieces: Buffer[], bytes: Buffer): void {
  const last = pieces.at(-1)
  if (last !== undefined && last.length + bytes.length <= mostCopied) pieces[pieces.length - 1] = Buffer.concat([last, bytes])
  else pieces.push(bytes)
}
