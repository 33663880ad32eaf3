/**
 * The Huffman code of HPACK (RFC 7541 §5.2, Appendix B). It is canonical: ordered by length, then by symbol, each code is the one
 * before plus one; so the lengths say everything. Decoding walks a tree of bits.
 */

/** Bits of the code of each symbol 0–255, and of the end of the string. */
const lengths = `
13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
30
`
  .trim()
  .split(/\s+/)
  .map(Number)

const endOfString = 256

/** A binary tree: `children[2 × node + bit]` is the next node, or `~symbol` where a code ends. */
const children: Int16Array = buildTree()

function buildTree(): Int16Array {
  const tree = new Int16Array(2 * 256 + 2)
  const symbols = [...lengths.keys()].toSorted((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b)
  let nodes = 1
  let code = 0
  let previous = 0
  for (const symbol of symbols) {
    const length = lengths[symbol] ?? 0
    code *= 2 ** (length - previous)
    previous = length
    let node = 0
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const slot = 2 * node + (Math.floor(code / 2 ** bit) % 2)
      if (tree[slot] === 0) {
        tree[slot] = nodes
        nodes += 1
      }
      node = tree[slot] ?? 0
    }
    tree[2 * node + (code % 2)] = ~symbol
    code += 1
  }
  return tree
}

/** The text of `bytes` from `from` to `to`, latin1; undefined where it is no valid code: a bad symbol, or padding that is not the beginning of the end's code, or too long. */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string | undefined {
  let text = ''
  let node = 0
  /** Bits since the last symbol, and whether all were ones. */
  let depth = 0
  let isPadding = true
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0
    for (let bit = 7; bit >= 0; bit -= 1) {
      const value = (byte >> bit) & 1
      const next = children[2 * node + value] ?? 0
      if (next < 0) {
        const symbol = ~next
        if (symbol === endOfString) return undefined
        text += String.fromCharCode(symbol)
        node = 0
        depth = 0
        isPadding = true
        continue
      }
      node = next
      depth += 1
      isPadding &&= value === 1
    }
  }
  return depth <= 7 && isPadding ? text : undefined
}
