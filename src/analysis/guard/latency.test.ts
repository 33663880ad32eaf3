import { describe, expect, it } from 'vitest'
import { bucketOf } from '../../api/histogram.ts'
import { observeTick } from './guard.ts'
import { readGuard } from './reading.ts'
import { defaultGuardSettings, type GuardSettings } from './settings.ts'
import { binomial, latencyCounts, randomOf, tickAt, track } from './simulation.testkit.ts'
import { startGuard } from './state.ts'
import { emptyTrack, type GuardTick } from './tick.ts'

/** Milliseconds of ten classes of requests, and how many of a thousand fall into each. */
const classesMs = [20, 25, 30, 36, 43, 52, 65, 90, 150, 400]
const shares = [0.1, 0.15, 0.25, 0.15, 0.1, 0.1, 0.06, 0.05, 0.03, 0.01]

/** A minute of the primary alone, then the canary beside it with latencies `factor` times as long. */
function reading(factor: number, { requests = 500, share = 0.1, seconds = 120, settings = defaultGuardSettings }: { readonly requests?: number; readonly share?: number; readonly seconds?: number; readonly settings?: GuardSettings } = {}) {
  const random = randomOf(12)
  const buckets = (by: number) => classesMs.map((ms) => bucketOf(ms * by * 1000))
  const counted = (count: number, by: number) => track(count, 0, latencyCounts(random, count, buckets(by), shares))
  const ticks = Array.from({ length: 60 + seconds }, (_, second): GuardTick => {
    if (second < 60) return tickAt(second, 0, counted(requests, 1), emptyTrack)
    const canary = binomial(random, requests, share)
    return tickAt(second, share, counted(requests - canary, 1), counted(canary, factor))
  })
  return readGuard(ticks.reduce(observeTick, startGuard(settings)))
}

describe('the test for latency', () => {
  it('finds a canary that takes half as long again, within seconds', () => {
    const { decision, by, abortedAtMs = 0, metrics } = reading(1.5)
    expect({ decision, by }).toEqual({ decision: 'abort', by: 'latency' })
    expect(abortedAtMs - 1_700_000_060_000).toBeLessThan(15_000)
    const slow = metrics.find(({ metric }) => metric === 'latency')?.slow
    expect(slow?.canaryShare).toBeGreaterThan(slow?.primaryShare ?? 1)
  })

  it.each([
    ['as fast', 1],
    ['a little slower, within the tolerance', 1.05],
    ['faster', 0.5],
  ])('leaves alone one that is %s', (_name, factor) => expect(reading(factor)).toMatchObject({ decision: 'none', metrics: [{}, { state: 'watching' }] }))

  it('finds requests that hang, however fast the rest is', () => {
    const settings: GuardSettings = { ...defaultGuardSettings, metrics: ['latency'] }
    const random = randomOf(4)
    const fast = bucketOf(20_000)
    const counted = (count: number, hung: number) => track(count, 0, hung > 0 ? [[fast, count - hung], [bucketOf(30_000_000), hung]] : [[fast, count]])
    const ticks = Array.from({ length: 200 }, (_, second) => tickAt(second, second < 20 ? 0 : 0.1, counted(450, 0), second < 20 ? emptyTrack : counted(50, binomial(random, 50, 0.02))))
    expect(readGuard(ticks.reduce(observeTick, startGuard(settings)))).toMatchObject({ decision: 'abort', by: 'latency' })
  })

  it('names the pod that alone is slow, and condemns a version whose pods all are', () => {
    const settings: GuardSettings = { ...defaultGuardSettings, metrics: ['latency'] }
    const [fast, slow] = [bucketOf(20_000), bucketOf(200_000)]
    /** How many of the 25 requests a second of each pod are slow. */
    const after = (pods: Readonly<Record<string, number>>) => {
      const hung = Object.values(pods).reduce((a, b) => a + b, 0)
      const canary = { ...track(50, 0, [[fast, 50 - hung], [slow, hung]]), slow: hung }
      const primary = { ...track(450, 0, [[fast, 450]]), slow: 20 }
      const canaryPods = Object.fromEntries(Object.entries(pods).map(([name, count]) => [name, { ...track(25), slow: count }]))
      const ticks = Array.from({ length: 30 }, (_, second) => (second < 10 ? tickAt(second, 0, primary, emptyTrack) : { ...tickAt(second, 0.1, primary, canary), canaryPods }))
      return readGuard(ticks.reduce(observeTick, startGuard(settings)))
    }
    expect(after({ a: 1, b: 24 })).toMatchObject({ decision: 'none', suspect: { pod: 'b', metric: 'latency' } })
    expect(after({ a: 20, b: 24 })).toMatchObject({ decision: 'abort', by: 'latency' })
  })

  it('learns while too little of the primary was seen', () => {
    const state = observeTick(startGuard(defaultGuardSettings), tickAt(1, 0.1, track(90, 0, [[100, 90]]), track(10, 0, [[2000, 10]])))
    expect(readGuard(state).metrics[1]).toMatchObject({ state: 'learning' })
  })

  it('gathers small ticks into blocks that say something', () =>
    expect(reading(3, { requests: 4, share: 0.2, seconds: 1200 })).toMatchObject({ decision: 'abort', by: 'latency' }))
})
