/** Bytes made from other bytes: what a byte-level fuzzer does between two looks. Pure; chance comes in as a function. */

/** A number in [0, 1). */
export type Chance = () => number

/** Mulberry32: small, fast, and the same on every machine for the same seed. */
export function seeded(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const below = (chance: Chance, limit: number): number => Math.floor(chance() * limit)
export function pick<Item>(chance: Chance, items: readonly Item[]): Item {
  const item = items[below(chance, items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** What means something to somebody's parser. */
const words = [
  '\r\n', '\n', '\r', '\r\n\r\n', '\n\n', '\0', ' ', '\t', ':', ';', ',', '"', '0', '00', '0x', '+', '-', '\x7f', '\xff', '\x0b', '\r\n ', '0\r\n\r\n', 'chunked', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n',
  'Host: app\r\n', 'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Expect: 100-continue\r\n', 'Upgrade: websocket\r\n', 'HTTP/1.1', 'HTTP/1.0', 'GET / HTTP/1.1\r\nHost: app\r\n\r\n', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'ffffffff', '1'.repeat(20), 'A'.repeat(300),
]

const changes: readonly ((text: string, at: number, chance: Chance, others: readonly string[]) => string)[] = [
  (text, at, chance) => text.slice(0, at) + String.fromCharCode(below(chance, 256)) + text.slice(at + 1),
  (text, at, chance) => text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << below(chance, 8))) + text.slice(at + 1),
  (text, at, chance) => text.slice(0, at) + text.slice(at + 1 + below(chance, 8)),
  (text, at, chance) => text.slice(0, at) + pick(chance, words) + text.slice(at),
  (text, at, chance) => text.slice(0, at) + pick(chance, words) + text.slice(at + 1 + below(chance, 4)),
  (text, at, chance) => text.slice(0, at) + text.slice(at, at + 1 + below(chance, 40)).repeat(2) + text.slice(at),
  (text, at, chance, others) => text.slice(0, at) + pick(chance, others).slice(below(chance, 60)),
  (text, at, chance, others) => text.slice(0, at) + pick(chance, others) + text.slice(at),
]

/** One to four changes to one of `texts`. */
export function mutate(texts: readonly string[], chance: Chance): string {
  let text = pick(chance, texts)
  for (let round = 1 + below(chance, 4); round > 0; round -= 1) text = pick(chance, changes)(text, below(chance, text.length + 1), chance, texts)
  return text.length > 40_000 ? text.slice(0, 40_000) : text
}

/** The text in one to four pieces. */
export function cut(text: string, chance: Chance): readonly string[] {
  const places = Array.from({ length: below(chance, 4) }, () => below(chance, text.length + 1)).toSorted((one, other) => one - other)
  return [...places, text.length].map((end, index) => text.slice(index === 0 ? 0 : places[index - 1], end)).filter((piece) => piece !== '')
}
