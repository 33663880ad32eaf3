/**
 * The field lines of one head as offsets into its text. Answers: is this a sequence of valid field lines, and where is each part.
 * Must not: make an object per header, or accept what RFC 9112 lets a lenient parser accept (bare LF, folding, space before the
 * colon): what two parsers read differently is how requests are smuggled.
 *
 * One instance is used for message after message; the offsets are those of the last scan.
 */

/** Why a message is refused: the status to answer (requests) and a constant text for people. */
export interface Fault {
  readonly status: number
  readonly reason: string
}

const capacity = 512
const cr = 13
const lf = 10
const tab = 9
const space = 32
const colon = 58
const del = 127

/** 1 for the characters of a token (RFC 9110 §5.6.2). */
const isToken = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") isToken[character.charCodeAt(0)] = 1

export const isTokenText = (text: string): boolean => {
  for (let at = 0; at < text.length; at += 1) if (isToken[text.charCodeAt(at)] !== 1) return false
  return text.length > 0
}

/** Without the spaces and tabs around it. Not `trim`, which takes a no-break space (0xa0) for one too. */
export function trimBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from += 1
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1
  return text.slice(from, to)
}

const faults = {
  name: { status: 400, reason: 'bad field name' },
  value: { status: 400, reason: 'bad character in a field value' },
  ending: { status: 400, reason: 'a line does not end in CRLF' },
  count: { status: 431, reason: 'too many fields' },
} as const satisfies Record<string, Fault>

export class FieldLines {
  count = 0
  private text = ''
  private readonly starts = new Int32Array(capacity)
  private readonly nameEnds = new Int32Array(capacity)
  private readonly valueStarts = new Int32Array(capacity)
  private readonly valueEnds = new Int32Array(capacity)
  private readonly ends = new Int32Array(capacity)
  private readonly dropped = new Uint8Array(capacity)

  /** Reads the lines of `text` (latin1) from `from` to the empty line that ends it. */
  scan(text: string, from: number, maxFields: number): Fault | undefined {
    this.text = text
    this.count = 0
    let at = from
    for (;;) {
      const code = text.charCodeAt(at)
      if (code === cr) return text.charCodeAt(at + 1) === lf ? undefined : faults.ending
      const start = at
      while (isToken[text.charCodeAt(at)] === 1) at += 1
      if (at === start || text.charCodeAt(at) !== colon) return faults.name
      if (this.count >= maxFields || this.count >= capacity) return faults.count
      const nameEnd = at
      at += 1
      while (isBlank(text.charCodeAt(at))) at += 1
      const valueStart = at
      at = endOfValue(text, at)
      const end = text.charCodeAt(at)
      if (end !== cr) return end === lf ? faults.ending : faults.value
      if (text.charCodeAt(at + 1) !== lf) return faults.ending
      let valueEnd = at
      while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1
      at += 2
      this.add(start, nameEnd, valueStart, valueEnd, at)
    }
  }

  nameLength(index: number): number {
    return (this.nameEnds[index] ?? 0) - (this.starts[index] ?? 0)
  }

  /** Whether the name is `lowerName` (letters, digits and `-`), whatever its case. */
  nameIs(index: number, lowerName: string): boolean {
    return this.nameLength(index) === lowerName.length && this.nameStartsWith(index, lowerName)
  }

  nameStartsWith(index: number, lowerPrefix: string): boolean {
    const start = this.starts[index] ?? 0
    // Setting bit 5 makes letters lower case and leaves digits and `-` as they are; no other token character becomes one of them.
    for (let at = 0; at < lowerPrefix.length; at += 1) if ((this.text.charCodeAt(start + at) | 0x20) !== lowerPrefix.charCodeAt(at)) return false
    return true
  }

  name(index: number): string {
    return this.text.slice(this.starts[index], this.nameEnds[index])
  }

  value(index: number): string {
    return this.text.slice(this.valueStarts[index], this.valueEnds[index])
  }

  /** The values of all lines of that name, joined; undefined where there is none. */
  join(lowerName: string, separator: string): string | undefined {
    let joined: string | undefined
    for (let index = 0; index < this.count; index += 1) {
      if (this.nameIs(index, lowerName)) joined = joined === undefined ? this.value(index) : `${joined}${separator}${this.value(index)}`
    }
    return joined
  }

  /** Leaves the line out of `kept`. */
  drop(index: number): void {
    this.dropped[index] = 1
  }

  /** All lines that were not dropped, byte for byte, each with its CRLF: as few slices as there are gaps. */
  kept(): string {
    let kept = ''
    let runStart = -1
    for (let index = 0; index < this.count; index += 1) {
      if (this.dropped[index] === 0) {
        if (runStart < 0) runStart = this.starts[index] ?? 0
      } else if (runStart >= 0) {
        kept += this.text.slice(runStart, this.starts[index])
        runStart = -1
      }
    }
    return runStart < 0 ? kept : kept + this.text.slice(runStart, this.ends[this.count - 1])
  }

  private add(start: number, nameEnd: number, valueStart: number, valueEnd: number, end: number): void {
    const index = this.count
    this.starts[index] = start
    this.nameEnds[index] = nameEnd
    this.valueStarts[index] = valueStart
    this.valueEnds[index] = valueEnd
    this.ends[index] = end
    this.dropped[index] = 0
    this.count = index + 1
  }
}

const isBlank = (code: number): boolean => code === space || code === tab

/** The offset of the first character that cannot be in a value; the end of the text at the latest. */
function endOfValue(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); (code >= space && code !== del) || code === tab; code = text.charCodeAt(at)) at += 1
  return at
}
