/**
 * Header blocks to fields (RFC 7541). Answers: the fields in order, or that the block is no HPACK, which ends the connection: its
 * table cannot be trusted any more. Must not: judge the fields; what is too much is not kept, and the table stays right all the same.
 */
import { field, sizeOf, type Field } from './field.ts'
import { decodeHuffman } from './huffman.ts'
import { staticTable } from './static-table.ts'

/** What we let the peer's encoder keep; the protocol's default, so that nothing need be said. */
export const tableBytes = 4096

export interface DecodedBlock {
  readonly fields: readonly Field[]
  /** The list is longer than allowed; `fields` is not whole. */
  readonly isTooLarge: boolean
}

class HpackError extends Error {}

export class HpackDecoder {
  /** Newest last. */
  private table: Field[] = []
  private tableSize = 0
  private capacity = tableBytes
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0

  /** Reads a whole block; undefined where it is no HPACK. `maxListBytes` counts as SETTINGS_MAX_HEADER_LIST_SIZE does. */
  decode(block: Buffer, maxListBytes: number): DecodedBlock | undefined {
    this.bytes = block
    this.at = 0
    const fields: Field[] = []
    let size = 0
    try {
      while (this.at < block.length) {
        const found = this.readField(fields.length === 0)
        if (!found) continue
        size += sizeOf(found)
        if (size <= maxListBytes) fields.push(found)
      }
    } catch (error) {
      if (error instanceof HpackError) return undefined
      throw error
    }
    return { fields, isTooLarge: size > maxListBytes }
  }

  private readField(isFirst: boolean): Field | undefined {
    const first = this.bytes[this.at] ?? 0
    if (first >= 0x80) return this.lookUp(this.readInteger(7))
    if (first >= 0x40) {
      const added = this.readLiteral(6, false)
      this.add(added)
      return added
    }
    if (first >= 0x20) {
      const capacity = this.readInteger(5)
      // A change of size stands at the beginning of a block (RFC 7541 §4.2).
      if (!isFirst || capacity > tableBytes) throw new HpackError()
      this.capacity = capacity
      this.evict(0)
      return undefined
    }
    return this.readLiteral(4, first >= 0x10)
  }

  private lookUp(index: number): Field {
    const found = index <= staticTable.length ? staticTable[index - 1] : this.table[this.table.length - (index - staticTable.length)]
    if (!found) throw new HpackError()
    return found
  }

  private readLiteral(prefixBits: number, isSensitive: boolean): Field {
    const index = this.readInteger(prefixBits)
    const name = index === 0 ? this.readString() : this.lookUp(index).name
    return field(name, this.readString(), isSensitive)
  }

  /** RFC 7541 §5.1. Four continuation bytes are more than any length that we take. */
  private readInteger(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1
    let value = (this.bytes[this.at] ?? 0) & mask
    this.at += 1
    if (value < mask) return value
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.bytes[this.at]
      if (byte === undefined) throw new HpackError()
      this.at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new HpackError()
  }

  private readString(): string {
    if (this.at >= this.bytes.length) throw new HpackError()
    const isHuffman = (this.bytes[this.at] ?? 0) >= 0x80
    const length = this.readInteger(7)
    const from = this.at
    const to = from + length
    if (to > this.bytes.length) throw new HpackError()
    this.at = to
    const text = isHuffman ? decodeHuffman(this.bytes, from, to) : this.bytes.toString('latin1', from, to)
    if (text === undefined) throw new HpackError()
    return text
  }

  private add(added: Field): void {
    const size = sizeOf(added)
    this.evict(size)
    if (size > this.capacity) return
    this.table.push(added)
    this.tableSize += size
  }

  /** Makes room, oldest first. */
  private evict(needed: number): void {
    let gone = 0
    while (this.tableSize + needed > this.capacity && gone < this.table.length) {
      const oldest = this.table[gone]
      if (oldest) this.tableSize -= sizeOf(oldest)
      gone += 1
    }
    if (gone > 0) this.table.splice(0, gone)
  }
}
