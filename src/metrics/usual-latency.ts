import { quantileUs } from '../api/histogram.ts'

/** Fewer requests say little about a 95th percentile; when there are many, the older half of them fades. */
const enough = 50
const many = 4000
const quantile = 0.95

/** What is slow for the primary: its 95th percentile of lately. It only names where a version is slow; the guard has thresholds of its own. */
export class UsualLatency {
  /** Milliseconds. Nothing is slow before enough was seen. */
  slowMs = Number.POSITIVE_INFINITY
  private readonly counts = new Map<number, number>()
  private total = 0

  /** What an interval has counted, by bucket. */
  learn(latency: ReadonlyMap<number, number>): void {
    for (const [bucket, count] of latency) {
      this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + count)
      this.total += count
    }
    if (this.total > many) this.fade()
    if (this.total >= enough) this.slowMs = (quantileUs(this.counts, quantile) ?? Number.POSITIVE_INFINITY) / 1000
  }

  private fade(): void {
    this.total = 0
    for (const [bucket, count] of this.counts) {
      const half = Math.floor(count / 2)
      if (half > 0) this.counts.set(bucket, half)
      else this.counts.delete(bucket)
      this.total += half
    }
  }
}
