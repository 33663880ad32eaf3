import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Deadlines, type Timed } from './deadlines.ts'

describe('a deadline', () => {
  let deadlines: Deadlines
  let fired: boolean
  let timed: Timed
  let now: number
  /** The interval is heard `ticks` times, `everyMs` apart. */
  const run = (ticks: number, everyMs: number): void => {
    for (let tick = 0; tick < ticks; tick += 1) {
      now += everyMs
      vi.advanceTimersByTime(100)
    }
  }
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    now = 5000
    deadlines = new Deadlines(() => now)
    fired = false
    timed = { deadline: Number.POSITIVE_INFINITY, onDeadline: () => (fired = true) }
    deadlines.add(timed)
    deadlines.start()
  })
  afterEach(() => {
    deadlines.stop()
    vi.useRealTimers()
  })

  it('comes after its time, at most two ticks late', () => {
    timed.deadline = deadlines.after(1000)
    run(10, 100)
    expect(fired).toBe(false)
    run(2, 100)
    expect(fired).toBe(true)
  })

  it('does not come because the process stood still', () => {
    timed.deadline = deadlines.after(1000)
    run(1, 10_000)
    expect(fired).toBe(false)
    run(11, 100)
    expect(fired).toBe(true)
  })
})
