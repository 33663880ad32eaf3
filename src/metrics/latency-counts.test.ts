import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, mergeHistograms, quantileUs } from '../api/histogram.ts'
import { LatencyCounts } from './latency-counts.ts'

const durations = fc.array(fc.integer({ min: 0, max: 2_000_000_000 }), { maxLength: 200 })

const countsOf = (all: readonly number[]): LatencyCounts => {
  const counts = new LatencyCounts()
  for (const us of all) counts.record(us)
  return counts
}

const entriesOf = (counts: LatencyCounts): readonly (readonly [number, number])[] => {
  const entries: (readonly [number, number])[] = []
  counts.forEach((bucket, count) => entries.push([bucket, count]))
  return entries
}

const expected = (all: readonly number[]): readonly (readonly [number, number])[] => [...mergeHistograms(all.map((us) => [[bucketOf(us), 1] as const]))].toSorted(([one], [other]) => one - other)

describe('counts of durations', () => {
  it('are visited in order, each bucket once, sums of others and those after a reset too', () =>
    fc.assert(
      fc.property(durations, durations, (some, more) => {
        const counts = countsOf(some)
        expect(entriesOf(counts)).toEqual(expected(some))
        counts.add(countsOf(more))
        expect(entriesOf(counts)).toEqual(expected([...some, ...more]))
        expect(counts).toMatchObject({ total: some.length + more.length, sumUs: [...some, ...more].reduce((sum, us) => sum + us, 0) })
        counts.reset()
        expect(entriesOf(counts)).toEqual([])
        for (const us of more) counts.record(us)
        expect(entriesOf(counts)).toEqual(expected(more))
      }),
    ))

  it('have the quantiles of the histogram that reports carry', () =>
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1), (all, q) => {
        expect(countsOf(all).quantileUs(q)).toBe(quantileUs(new Map(expected(all)), q))
      }),
    ))

  it('fade by half, and what was there once is forgotten', () => {
    const counts = countsOf([5, 5, 5, 900, 900, 70_000])
    counts.halve()
    expect(entriesOf(counts)).toEqual([
      [bucketOf(5), 1],
      [bucketOf(900), 1],
    ])
    expect(counts.total).toBe(2)
  })
})
