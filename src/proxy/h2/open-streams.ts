/**
 * The open streams of one connection, by id. Not a Map: where entries come and go, V8 replaces a Map's table again and again, and each old
 * table refers to the next. Once one of them has grown old, every later one with its streams outlives two collections: with a hundred
 * calls under way the heap grew to 40 MiB before each full collection, and the calls took twice the time.
 *
 * Open addressing, linear probing, deletion by moving back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). Ids of one
 * side follow each other, so that streams rarely meet.
 */
export class OpenStreams<T extends { readonly id: number }> {
  size = 0
  /** A power of two; at most half are taken. */
  private slots: (T | undefined)[] = emptySlots(16)

  get(id: number): T | undefined {
    return this.slots[this.slotOf(id)]
  }

  add(stream: T): void {
    if (2 * (this.size + 1) > this.slots.length) this.grow()
    const slot = this.slotOf(stream.id)
    if (this.slots[slot] === undefined) this.size += 1
    this.slots[slot] = stream
  }

  /** Whether it was there. */
  delete(id: number): boolean {
    const { slots } = this
    const mask = slots.length - 1
    let hole = this.slotOf(id)
    if (slots[hole] === undefined) return false
    this.size -= 1
    // Whoever was pushed past the hole moves into it, or would not be found any more.
    for (let at = (hole + 1) & mask, next = slots[at]; next !== undefined; at = (at + 1) & mask, next = slots[at]) {
      if (((at - (next.id >>> 1)) & mask) < ((at - hole) & mask)) continue
      slots[hole] = next
      hole = at
    }
    slots[hole] = undefined
    return true
  }

  clear(): void {
    this.slots = emptySlots(16)
    this.size = 0
  }

  /** Those that are open now, in no order. */
  all(): readonly T[] {
    return this.slots.filter((stream) => stream !== undefined)
  }

  /** Where it is, or would be. */
  private slotOf(id: number): number {
    const { slots } = this
    const mask = slots.length - 1
    let at = (id >>> 1) & mask
    for (let stream = slots[at]; stream !== undefined && stream.id !== id; stream = slots[at]) at = (at + 1) & mask
    return at
  }

  private grow(): void {
    const streams = this.all()
    this.slots = emptySlots(2 * this.slots.length)
    for (const stream of streams) this.slots[this.slotOf(stream.id)] = stream
  }
}

const emptySlots = <T>(length: number): (T | undefined)[] => Array.from({ length }, () => undefined)
