import { bucketCeilingUs, bucketOf, highestUs } from '../api/histogram.ts'

const bucketCount = bucketOf(highestUs) + 1
/** One power of two of durations. There are 25, so that a page is a bit of an integer. */
const pageSize = 128

/**
 * Counts of durations by bucket of api/histogram.ts, which is HdrHistogram's layout. An array of our own, because hdr-histogram-js
 * compiles WebAssembly when it is loaded: 15 MiB of the sidecar's memory. It is the oracle of the tests.
 *
 * It is read beside the traffic, often by code that has not been compiled. So it remembers which pages hold something: a service
 * that answers in 1 to 30 ms leaves 5 of 25.
 */
export class LatencyCounts {
  total = 0
  /** Sum of the durations as they were given, microseconds. */
  sumUs = 0
  private readonly counts = new Float64Array(bucketCount)
  /** Bit n: something was counted in page n. */
  private pages = 0

  /** A duration in microseconds; beyond the histogram's range it counts at its border. */
  record(us: number): void {
    const bucket = bucketOf(us)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.pages |= 1 << (bucket >> 7)
    this.total += 1
    this.sumUs += us
  }

  add(other: LatencyCounts): void {
    const { counts } = this
    other.forEach((bucket, count) => {
      counts[bucket] = (counts[bucket] ?? 0) + count
    })
    this.pages |= other.pages
    this.total += other.total
    this.sumUs += other.sumUs
  }

  /** Visits the buckets that hold something, in ascending order. */
  forEach(visit: (bucket: number, count: number) => void): void {
    const { counts, pages } = this
    for (let page = 0; pages >> page !== 0; page += 1) {
      if ((pages & (1 << page)) === 0) continue
      const end = Math.min(bucketCount, (page + 1) * pageSize)
      for (let bucket = page * pageSize; bucket < end; bucket += 1) {
        const count = counts[bucket] ?? 0
        if (count > 0) visit(bucket, count)
      }
    }
  }

  /** As `quantileUs` of api/histogram.ts; undefined where nothing was counted. */
  quantileUs(q: number): number | undefined {
    const rank = Math.max(1, Math.ceil(q * this.total - 1e-9))
    let seen = 0
    let found: number | undefined
    this.forEach((bucket, count) => {
      seen += count
      if (seen >= rank) found ??= bucketCeilingUs(bucket)
    })
    return found
  }

  /** Forgets one of two in each bucket, and one that is alone. */
  halve(): void {
    const { counts } = this
    this.total = 0
    this.sumUs /= 2
    this.forEach((bucket, count) => {
      counts[bucket] = Math.floor(count / 2)
      this.total += Math.floor(count / 2)
    })
  }

  reset(): void {
    for (let page = 0; this.pages >> page !== 0; page += 1) if ((this.pages & (1 << page)) !== 0) this.counts.fill(0, page * pageSize, (page + 1) * pageSize)
    this.pages = 0
    this.total = 0
    this.sumUs = 0
  }
}
