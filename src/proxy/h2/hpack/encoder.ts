/**
 * Fields to header blocks (RFC 7541), without Huffman's code: bytes on a pod's network are cheaper than the time to pack them.
 * What repeats goes into the peer's table and is one byte from then on; what never does, or must not, is written out.
 */
import { sizeOf, type Field } from './field.ts'
import { staticByKey, staticByName, staticTable } from './static-table.ts'

/** The greatest table that we use, however large the peer's may be. */
const maxTableBytes = 4096

/** Values that are new each time: an entry would push others out and never be used. */
const neverRepeats = new Set(['grpc-timeout', 'content-length', 'date', 'grpc-message', 'grpc-status-details-bin', 'traceparent', 'x-request-id', 'x-b3-traceid', 'x-b3-spanid', 'x-kinglet-service-time', 'etag', 'age'])

export class HpackEncoder {
  /** When each entry was inserted, by key, and which entry was the last with a name: its index is the difference to `inserted`. */
  private readonly byKey = new Map<string, number>()
  private readonly entries: Field[] = []
  private tableSize = 0
  private inserted = 0
  private capacity = maxTableBytes
  /** Sizes that the next block must announce (RFC 7541 §4.2). */
  private announced: number[] = []
  private out: Buffer = Buffer.allocUnsafe(4096)
  private at = 0

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytes(bytes: number): void {
    const capacity = Math.min(bytes, maxTableBytes)
    if (capacity === this.capacity) return
    this.capacity = capacity
    this.evict(0)
    this.announced = [Math.min(capacity, ...this.announced), capacity]
  }

  /** The block, valid until the next call. */
  encode(fields: readonly Field[]): Buffer {
    this.at = 0
    if (this.announced.length > 0) this.announce()
    for (const one of fields) this.writeField(one)
    return this.out.subarray(0, this.at)
  }

  private announce(): void {
    for (const capacity of new Set(this.announced)) this.writeInteger(0x20, 5, capacity)
    this.announced = []
  }

  private writeField(one: Field): void {
    const index = this.indexOf(one)
    if (index !== undefined && !one.isSensitive) this.writeInteger(0x80, 7, index)
    else if (one.isSensitive) this.writeLiteral(0x10, 4, one)
    else if (neverRepeats.has(one.name) || sizeOf(one) > this.capacity / 4) this.writeLiteral(0, 4, one)
    else {
      this.writeLiteral(0x40, 6, one)
      this.add(one)
    }
  }

  private indexOf({ key }: Field): number | undefined {
    const inserted = this.byKey.get(key)
    return inserted === undefined ? staticByKey.get(key) : staticTable.length + this.inserted - inserted
  }

  private writeLiteral(pattern: number, prefixBits: number, { name, value }: Field): void {
    const index = staticByName.get(name)
    this.writeInteger(pattern, prefixBits, index ?? 0)
    if (index === undefined) this.writeString(name)
    this.writeString(value)
  }

  private writeInteger(pattern: number, prefixBits: number, value: number): void {
    this.reserve(8)
    const mask = 2 ** prefixBits - 1
    if (value < mask) {
      this.out[this.at] = pattern | value
      this.at += 1
      return
    }
    this.out[this.at] = pattern | mask
    this.at += 1
    let rest = value - mask
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.out[this.at] = 0x80 | (rest & 0x7f)
      this.at += 1
    }
    this.out[this.at] = rest
    this.at += 1
  }

  private writeString(text: string): void {
    this.writeInteger(0, 7, text.length)
    this.reserve(text.length)
    this.at += this.out.write(text, this.at, 'latin1')
  }

  private reserve(bytes: number): void {
    if (this.at + bytes <= this.out.length) return
    const larger = Buffer.allocUnsafe(2 * (this.at + bytes))
    this.out.copy(larger, 0, 0, this.at)
    this.out = larger
  }

  private add(one: Field): void {
    this.evict(sizeOf(one))
    this.entries.push(one)
    this.byKey.set(one.key, this.inserted)
    this.inserted += 1
    this.tableSize += sizeOf(one)
  }

  private evict(needed: number): void {
    while (this.tableSize + needed > this.capacity) {
      const oldest = this.entries.shift()
      if (!oldest) return
      this.tableSize -= sizeOf(oldest)
      if (this.byKey.get(oldest.key) === this.inserted - this.entries.length - 1) this.byKey.delete(oldest.key)
    }
  }
}
