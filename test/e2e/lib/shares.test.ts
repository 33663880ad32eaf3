import { describe, expect, it } from 'vitest'
import type { Line } from '../client/tally.ts'
import { fitsWeight, largestWeight, served, shareAgainstWeight, stepsOf, versions, type Row } from './shares.ts'

const row = (at: number, weight: number, phase = 'Progressing'): Row => ({ at, decidedAt: at - 100, inForceAt: at + 200, weight, phase, iterations: 0, failedChecks: 0 })
const line = (second: number, answered: Record<string, number>, failed = 0): Line => ({
  second,
  streams: { users: { answered, failed, staleRetries: 0, p50Ms: 1, p99Ms: 1, maxMs: 1 } },
  failures: [],
  total: { sent: 0, answered: 0, failed: 0, inFlight: 0, staleRetries: 0 },
})

describe('counts against weights', () => {
  const rows = [row(0, 0), row(10_000, 10), row(20_000, 20), row(30_000, 0)]

  it('joins states of the same weight to one step, up to what comes after the last', () =>
    expect(stepsOf([row(0, 50), row(100, 0), row(105, 0), row(110, 10), row(120, 20), row(130, 20, 'Promoting'), row(140, 0, 'Finalising')], 100)).toEqual([
      { weight: 0, from: 0, inForceAt: 300, to: 10 },
      { weight: 10, from: 10, inForceAt: 310, to: 20 },
      { weight: 20, from: 20, inForceAt: 320, to: 30 },
    ]))

  it.each([
    [0, 9_000, 0],
    [9_000, 9_800, 0],
    [9_000, 9_950, 10],
    [12_000, 13_000, 10],
    [25_000, 31_000, 20],
    [31_000, 40_000, 0],
  ])('between %d and %d the weight is at most %d', (from, to, weight) => expect(largestWeight(rows, from, to)).toBe(weight))

  it('counts whole seconds of the window alone', () =>
    expect(served([line(9, { 'v1@a': 5 }), line(10, { 'v1@a': 7, 'v2@b': 1 }), line(11, { 'v1@a': 9 })], 'b', 10_000, 11_000)).toEqual({ total: 8, byCanary: 1 }))

  it('sums versions over workloads', () => expect(versions([line(1, { 'v1@a': 5, 'v2@b': 1 }), line(2, { 'v2@a': 2 })])).toEqual({ v1: 5, v2: 3 }))

  it('allows what the weight gives and what chance may add', () =>
    expect(shareAgainstWeight([line(12, { 'v1@a': 90, 'v2@b': 10 })], rows, 'b')).toEqual({ served: 10, allowed: 26 }))

  it('allows nothing where the weight is 0, but a request on its way', () =>
    expect(shareAgainstWeight([line(2, { 'v1@a': 98, 'v2@b': 2 })], rows, 'b')).toEqual({ served: 2, allowed: 1 }))

  it('charges failures to the canary', () => expect(shareAgainstWeight([line(12, { 'v1@a': 95 }, 5)], rows, 'b').served).toBe(5))

  it.each([
    [100, 10, 10, true],
    [100, 0, 10, true],
    [1000, 100, 10, true],
    [1000, 200, 10, false],
    [1000, 20, 10, false],
  ])('of %d answers, %d by the canary fit %d %%: %s', (total, byCanary, weight, fits) => expect(fitsWeight({ total, byCanary }, weight)).toBe(fits))
})
