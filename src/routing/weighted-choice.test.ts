import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from './testing/seeded.ts'
import { countHeld, drawBesideHeld, drawCanary, newPhase, weightParts } from './weighted-choice.ts'

const percent = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 10_000 }).map((basis) => basis / 100))
const seed = fc.integer()

/** For each of `count` requests in turn whether the canary gets it. */
function draw(weight: number, count: number, random: () => number): readonly boolean[] {
  const phase = newPhase(random)
  return Array.from({ length: count }, () => drawCanary(phase, weightParts(weight)))
}

const taken = (draws: readonly boolean[]): number => draws.filter(Boolean).length

describe('the weighted choice', () => {
  it.each([
    [1, 1, 100],
    [5, 1, 20],
    [10, 1, 10],
    [12.5, 1, 8],
    [40, 2, 5],
    [47, 47, 100],
    [50, 1, 2],
    [90, 9, 10],
    [99, 99, 100],
    [100, 1, 1],
    [0.25, 1, 400],
    [0.03, 3, 10_000],
  ])('of %d %% is exactly %i of each %i', (weight, picks, length) => {
    const draws = draw(weight, 5 * length, seeded(weight))
    for (let from = 0; from < draws.length; from += length) expect(taken(draws.slice(from, from + length))).toBe(picks)
  })

  it('gives the canary its share over any run, whatever the weight, to less than one block', () =>
    fc.assert(
      fc.property(percent, fc.nat({ max: 3000 }), seed, (weight, count, of) => {
        const share = (count * weight) / 100
        // A block of at most 100 requests is off by 25 at the very worst, in its middle, at half; one with few of the canary’s by those.
        expect(Math.abs(taken(draw(weight, count, seeded(of))) - share)).toBeLessThan(27)
      }),
    ))

  it('is even over hundreds of requests where only ten thousand would make it whole', () => {
    // One request in 769.2: blocks of 770 with one or, when enough is owed, two.
    const draws = draw(0.13, 13 * 770, seeded(5))
    for (let from = 0; from < draws.length; from += 770) expect([1, 2]).toContain(taken(draws.slice(from, from + 770)))
  })

  it('makes good at most 64 requests that a held user has had too many', () => {
    const phase = newPhase(seeded(9))
    const parts = weightParts(10)
    for (let count = 0; count < 5000; count += 1) countHeld(phase, parts, true)
    const draws = Array.from({ length: 1000 }, () => drawBesideHeld(phase, parts))
    // 64 of the canary's turns, one in ten, go to the primary.
    expect(taken(draws.slice(0, 630))).toBe(0)
    expect(Math.abs(taken(draws) - 36)).toBeLessThanOrEqual(1)
  })

  it('gives a share that no block makes whole in the long run', () => {
    for (const weight of [33.3333, 47.47, 0.13, 99.99]) expect(Math.abs(taken(draw(weight, 100_000, seeded(7))) - 1000 * weight)).toBeLessThan(27)
  })

  it.each([
    [10, 10],
    [10, 20],
    [10, 7],
    [40, 5],
    [47, 100],
    [50, 2],
    [90, 10],
  ])('of %d %% takes no notice of a client that repeats itself every %i requests', (weight, period) => {
    const rounds = 4000
    const draws = draw(weight, rounds * period, seeded(period))
    const share = weight / 100
    const ofPosition = Array.from({ length: period }, (_none, position) => taken(draws.filter((_draw, index) => index % period === position)))
    // Five standard deviations of a coin; the seed is fixed, so this cannot come out otherwise on another day.
    for (const count of ofPosition) expect(Math.abs(count - rounds * share)).toBeLessThan(5 * Math.sqrt(rounds * share * (1 - share)))
  })

  it('goes on in its block while the weight is the same, and begins another with another weight', () => {
    const phase = newPhase(seeded(3))
    const some = (weight: number, count: number): number => taken(Array.from({ length: count }, () => drawCanary(phase, weightParts(weight))))
    expect(some(10, 4) + some(10, 6)).toBe(1)
    some(50, 1)
    expect(some(20, 5)).toBe(1)
    expect(some(100, 50)).toBe(50)
  })

  it('has no first request: each of a block is as likely as the others', () => {
    const firsts = Array.from({ length: 4000 }, (_none, index) => draw(10, 1, seeded(index))[0])
    expect(Math.abs(firsts.filter(Boolean).length - 400)).toBeLessThan(5 * Math.sqrt(360))
  })

  it('follows the worked example', () => {
    const numbers = [0, 0.5, 0.1, 0.9, 0.3, 0.2]
    expect(draw(40, 5, () => numbers.shift() ?? 0)).toEqual([false, true, false, true, false])
  })
})
