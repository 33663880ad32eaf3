const emptyLine = Buffer.from('\r\n\r\n')

/** The offset after the empty line that ends a head which begins at `from`; −1 where it is not there yet. */
export function endOfHead(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(emptyLine, from)
  return at < 0 ? -1 : at + emptyLine.length
}

/** Whether an unfinished head has a line that does not end in CRLF: it would otherwise wait for an end that cannot come. */
export function hasBareLf(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) if (at === 0 || bytes[at - 1] !== 13) return true
  return false
}
