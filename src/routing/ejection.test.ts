import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canSpare, note, trusted } from './ejection.ts'

describe('an endpoint', () => {
  const fail = (health: ReturnType<typeof trusted>, times: number, now: number): void => {
    for (let count = 0; count < times; count += 1) note(health, true, now)
  }

  it('is ejected after five failures in a row, not after four', () => {
    const health = trusted()
    fail(health, 4, 0)
    expect(health.until).toBe(0)
    note(health, false, 0)
    fail(health, 4, 0)
    expect(health.until).toBe(0)
    fail(health, 1, 0)
    expect(health.until).toBe(10_000)
  })

  it('stays away twice as long each time, at most five minutes, until it succeeds once', () => {
    const health = trusted()
    const times = Array.from({ length: 8 }, () => {
      const now = health.until
      fail(health, 5, now)
      return (health.until - now) / 1000
    })
    expect(times).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
    note(health, false, health.until)
    const now = health.until
    fail(health, 5, now)
    expect(health.until - now).toBe(10_000)
  })

  it('does not come back early for what was still under way', () => {
    const health = trusted()
    fail(health, 5, 0)
    note(health, false, 5000)
    fail(health, 20, 5000)
    expect(health.until).toBe(10_000)
  })

  it('is not ejected where more than half would be', () =>
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1 }), (ejected) => {
        const count = ejected.filter(Boolean).length
        expect(canSpare(ejected.map((is) => ({ ...trusted(), until: is ? 10 : 0 })), 5)).toBe(count <= ejected.length / 2)
      }),
    ))
})
