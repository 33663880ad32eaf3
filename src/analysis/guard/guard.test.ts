import { describe, expect, it } from 'vitest'
import { observeTick, readGuard } from './guard.ts'
import { logLabelRatio } from './label-test.ts'
import { defaultGuardSettings } from './settings.ts'
import { startGuard } from './state.ts'
import { emptyTrack, type GuardTick } from './tick.ts'

const track = (requests: number, failures = 0) => ({ requests, failures, latency: [] })
const tick = (seconds: number, primary: readonly [number, number?], canary: readonly [number, number?], share = 0.05): GuardTick => ({
  atMs: 1_700_000_000_000 + seconds * 1000,
  share,
  primary: track(...primary),
  canary: track(...canary),
})
const after = (ticks: readonly GuardTick[]) => readGuard(ticks.reduce(observeTick, startGuard(defaultGuardSettings)))

describe('the label test', () => {
  it('values a failure as worked out by hand', () => {
    expect(logLabelRatio(1, 1, 0.05, 10)).toBeCloseTo(Math.log(10) - Math.log(1.45), 12)
    expect(logLabelRatio(0, 1, 0.05, 10)).toBeCloseTo(-Math.log(1.45), 12)
  })
})

describe('the guard', () => {
  it('aborts a canary that fails everything within two seconds at 100 rps and 5 %', () => {
    const reading = after([tick(1, [95], [5, 5]), tick(2, [95], [5, 5])])
    expect(reading).toMatchObject({ decision: 'abort', by: 'failures' })
    expect(reading.counts.canary.failures).toBeLessThanOrEqual(10)
  })

  it('holds for an hour without a request', () => {
    const hour = Array.from({ length: 3600 }, (_, second): GuardTick => ({ atMs: second * 1000, share: 0.05, primary: emptyTrack, canary: emptyTrack }))
    expect(after(hour)).toMatchObject({ decision: 'none', counts: { canary: { requests: 0 } } })
  })

  it('says nothing against a canary that fails as often as the primary', () => {
    expect(after(Array.from({ length: 100 }, (_, second) => tick(second, [950, 19], [50, 1]))).decision).toBe('none')
  })
})
