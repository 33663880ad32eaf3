import fc from 'fast-check'
import * as hdr from 'hdr-histogram-js'
import { describe, expect, it } from 'vitest'
import { bucketCeilingUs, bucketFloorUs, bucketOf, highestUs, lowestUs, mergeHistograms, quantileUs, significantDigits } from './histogram.ts'

const build = () =>
  hdr.build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: lowestUs,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: significantDigits as 2,
  }) as hdr.Histogram & { countsArrayIndex(value: number): number; highestEquivalentValue(value: number): number }

const microseconds = fc.integer({ min: lowestUs, max: highestUs })

describe('the latency histogram', () => {
  it('puts every duration where HdrHistogram puts it', () => {
    const oracle = build()
    fc.assert(
      fc.property(microseconds, (us) => {
        const bucket = bucketOf(us)
        expect(bucket).toBe(oracle.countsArrayIndex(us))
        expect(bucketCeilingUs(bucket)).toBe(oracle.highestEquivalentValue(us))
        expect(bucketFloorUs(bucket)).toBeLessThanOrEqual(us)
      }),
      { numRuns: 5000 },
    )
  })

  it('reads the same quantiles as HdrHistogram', () =>
    fc.assert(
      fc.property(fc.array(microseconds, { minLength: 1, maxLength: 200 }), fc.constantFrom(0.5, 0.9, 0.99, 1), (values, q) => {
        const oracle = build()
        for (const value of values) oracle.recordValue(value)
        const merged = mergeHistograms(values.map((value) => [[bucketOf(value), 1] as const]))
        expect(quantileUs(merged, q)).toBe(oracle.getValueAtPercentile(q * 100))
      }),
    ))

  it('has no quantile without data', () => expect(quantileUs(new Map(), 0.99)).toBeUndefined())

  it('counts what is out of range at the border', () => {
    expect(bucketOf(0)).toBe(bucketOf(1))
    expect(bucketOf(1e15)).toBe(bucketOf(highestUs))
  })
})
