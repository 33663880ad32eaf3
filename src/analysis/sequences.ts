/** Gaps that are remembered; of more the oldest counts as filled. */
const maxRanges = 64

/**
 * Which of the numbers 1, 2, 3 … have come, in any order. They nearly all come one after the other, so that a sidecar of months
 * takes no more than one of minutes: a range, and one for each gap.
 */
export class Sequences {
  /** Ascending and apart from each other. */
  readonly #ranges: { from: number; to: number }[] = []

  /** False where it has come before. */
  add(number: number): boolean {
    let index = this.#ranges.length
    while (index > 0 && (this.#ranges[index - 1]?.from ?? 0) > number) index -= 1
    const [before, after] = [this.#ranges[index - 1], this.#ranges[index]]
    if (before && number <= before.to) return false
    const joinsBefore = before?.to === number - 1
    const joinsAfter = after?.from === number + 1
    if (before && joinsBefore && joinsAfter) {
      before.to = after.to
      this.#ranges.splice(index, 1)
    } else if (before && joinsBefore) before.to = number
    else if (joinsAfter) after.from = number
    else this.#ranges.splice(index, 0, { from: number, to: number })
    const [oldest, next] = this.#ranges
    if (this.#ranges.length > maxRanges && oldest && next) {
      next.from = oldest.from
      this.#ranges.shift()
    }
    return true
  }

  /** Ranges that are held. */
  get size(): number {
    return this.#ranges.length
  }
}
