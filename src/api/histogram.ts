/**
 * The latency histogram of reports and verdicts: the layout of HdrHistogram for whole microseconds from 1 µs to 30 minutes at
 * two significant digits (relative error below 1 %). Bucket indices are HdrHistogram's countsArray indices, so that any HdrHistogram
 * can take a report as it is; here is only the arithmetic on indices, which needs no library.
 * Layout: Tene, HdrHistogram, AbstractHistogram.java (countsArrayIndex, valueFromIndex).
 */

/** Two digits need 2·10² distinct values in a bucket, rounded up to a power of two. */
const subBucketCount = 256
const subBucketHalfCount = subBucketCount / 2
const subBucketHalfCountMagnitude = 7

export const significantDigits = 2
export const lowestUs = 1
/** 30 minutes: longer ones count here. Below 2³¹, so that 32-bit integer arithmetic is exact. */
export const highestUs = 1_800_000_000

/** The bucket that counts a duration of `us` microseconds; what is outside that range counts at the border. */
export function bucketOf(us: number): number {
  const value = Math.min(highestUs, Math.max(lowestUs, Math.floor(us)))
  const exponent = 31 - Math.clz32(value)
  const bucket = Math.max(0, exponent - subBucketHalfCountMagnitude)
  const subBucket = value >> bucket
  return (bucket + 1) * subBucketHalfCount + (subBucket - subBucketHalfCount)
}

/** The smallest duration that falls into `bucket`, microseconds. */
export function bucketFloorUs(bucket: number): number {
  let magnitude = Math.floor(bucket / subBucketHalfCount) - 1
  let subBucket = (bucket % subBucketHalfCount) + subBucketHalfCount
  if (magnitude < 0) {
    subBucket -= subBucketHalfCount
    magnitude = 0
  }
  return subBucket * 2 ** magnitude
}

/** The largest duration that falls into `bucket`, microseconds: HdrHistogram's highestEquivalentValue. */
export const bucketCeilingUs = (bucket: number): number => bucketFloorUs(bucket + 1) - 1

/** Counts by bucket. */
export type Histogram = ReadonlyMap<number, number>

/** The sum of histograms. */
export function mergeHistograms(parts: Iterable<Histogram | readonly (readonly [number, number])[]>): Map<number, number> {
  const sum = new Map<number, number>()
  for (const part of parts) for (const [bucket, count] of part) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
  return sum
}

/**
 * The quantile in microseconds: the ceiling of the bucket that holds the ⌈q·n⌉-th smallest value, as HdrHistogram's
 * getValueAtPercentile. Undefined for an empty histogram. Example: {10: 99, 2000: 1}, q = .99 → ceiling of bucket 10.
 */
export function quantileUs(histogram: Histogram, q: number): number | undefined {
  let total = 0
  for (const count of histogram.values()) total += count
  if (total === 0) return undefined
  const rank = Math.max(1, Math.ceil(q * total - 1e-9))
  let seen = 0
  for (const [bucket, count] of [...histogram].toSorted(([a], [b]) => a - b)) {
    seen += count
    if (seen >= rank) return bucketCeilingUs(bucket)
  }
  return undefined
}
