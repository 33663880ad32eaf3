import { bucketCeilingUs, bucketOf } from '../../api/histogram.ts'
import type { GuardSettings } from './settings.ts'
import type { TrackTick } from './tick.ts'

/**
 * The primary's latency before the canary got traffic, and the thresholds that are frozen from it. They are edges of buckets, so
 * that what lies above them is counted exactly, and they come from earlier ticks alone, so that the test on them is exact too.
 */
export interface Baseline {
  readonly requests: number
  /** Counts by coarse bucket: eight of the fine ones, 6 % of the value. */
  readonly coarse: readonly (readonly [coarse: number, count: number])[]
}

export interface Threshold {
  readonly quantile: number
  /** A request of the primary is slow if its bucket is above this one … */
  readonly primary: number
  /** … and one of the canary if it is above this one: the tolerance is in here. */
  readonly canary: number
}

const quantiles = [0.5, 0.75, 0.9, 0.95, 0.99]
export const quantileCount = quantiles.length
const finePerCoarse = 8
/** More distinct coarse buckets than this make the checkpoint long: the rarest ones among the fast are merged upwards. */
const maxCoarse = 96

export const emptyBaseline: Baseline = { requests: 0, coarse: [] }

export function feedBaseline({ requests, coarse }: Baseline, { latency }: TrackTick): Baseline {
  if (latency.length === 0) return { requests, coarse }
  const counts = new Map(coarse)
  let total = requests
  for (const [bucket, count] of latency) {
    const at = Math.floor(bucket / finePerCoarse)
    counts.set(at, (counts.get(at) ?? 0) + count)
    total += count
  }
  return { requests: total, coarse: shortened([...counts].toSorted(([a], [b]) => a - b)) }
}

/** Merges the fastest buckets: below the median they say nothing. */
function shortened(sorted: readonly (readonly [number, number])[]): Baseline['coarse'] {
  const surplus = sorted.length - maxCoarse
  const kept = sorted[surplus]
  if (surplus <= 0 || !kept) return sorted
  const merged = sorted.slice(0, surplus + 1).reduce((sum, [, count]) => sum + count, 0)
  return [[kept[0], merged], ...sorted.slice(surplus + 1)]
}

/** The primary's quantiles as thresholds for both tracks. */
export function freeze({ requests, coarse }: Baseline, { latencyTolerance, latencyToleranceMs }: GuardSettings): readonly Threshold[] {
  return quantiles.map((quantile) => {
    let seen = 0
    const found = coarse.find(([, count]) => (seen += count) >= quantile * requests - 1e-9)
    const primary = ((found?.[0] ?? 0) + 1) * finePerCoarse - 1
    const us = bucketCeilingUs(primary)
    const allowedUs = Math.max(us * latencyTolerance, us + latencyToleranceMs * 1000)
    return { quantile, primary, canary: Math.max(primary, bucketOf(allowedUs)) }
  })
}

/** How many of the baseline's requests lie above each threshold. */
export const aboveThresholds = ({ coarse }: Baseline, thresholds: readonly Threshold[]): readonly number[] =>
  thresholds.map(({ primary }) => coarse.reduce((sum, [at, count]) => (at * finePerCoarse > primary ? sum + count : sum), 0))

/** How many of the counted latencies lie above each threshold of a track, and how many were counted at all. */
export function slowerThan(thresholds: readonly Threshold[], track: 'primary' | 'canary', { latency }: TrackTick): { readonly counted: number; readonly slow: readonly number[] } {
  const slow = thresholds.map(() => 0)
  let counted = 0
  for (const [bucket, count] of latency) {
    counted += count
    // Thresholds ascend: the first that is not passed ends the row.
    for (const [at, threshold] of thresholds.entries()) {
      if (bucket <= threshold[track]) break
      slow[at] = (slow[at] ?? 0) + count
    }
  }
  return { counted, slow }
}
