import { LatencyCounts } from './latency-counts.ts'

/** Fewer requests say little about a 95th percentile; when there are many, the older half of them fades. */
const enough = 50
const many = 4000
const quantile = 0.95

/** What is slow for the primary: its 95th percentile of lately. It only names where a version is slow; the guard has thresholds of its own. */
export class UsualLatency {
  /** Milliseconds. Nothing is slow before enough was seen. */
  slowMs = Number.POSITIVE_INFINITY
  private readonly counts = new LatencyCounts()

  /** What an interval has counted. */
  learn(latency: LatencyCounts): void {
    this.counts.add(latency)
    if (this.counts.total > many) this.counts.halve()
    if (this.counts.total >= enough) this.slowMs = (this.counts.quantileUs(quantile) ?? Number.POSITIVE_INFINITY) / 1000
  }
}
