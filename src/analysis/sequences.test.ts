import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sequences } from './sequences.ts'

describe('the numbers of reports', () => {
  it('are each new once, in whatever order they come', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (numbers) => {
        const sequences = new Sequences()
        const seen = new Set<number>()
        for (const number of numbers) {
          expect(sequences.add(number)).toBe(!seen.has(number))
          seen.add(number)
        }
      }),
    ))

  it('of months take one range', () => {
    const sequences = new Sequences()
    for (let number = 7; number <= 100_000; number += 1) sequences.add(number)
    expect(sequences.size).toBe(1)
  })

  it('with gaps without end take a bounded number of ranges, and none is counted twice', () => {
    const sequences = new Sequences()
    for (let number = 1; number <= 100_000; number += 2) expect(sequences.add(number)).toBe(true)
    expect(sequences.size).toBeLessThanOrEqual(64)
    for (let number = 1; number <= 100_000; number += 2) expect(sequences.add(number)).toBe(false)
  })
})
