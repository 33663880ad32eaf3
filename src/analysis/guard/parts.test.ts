import { describe, expect, it } from 'vitest'
import { logBlockRatio } from './block-test.ts'
import { observeBake, readBake, startBake, type BakeState } from './bake.ts'
import { dispersionOf, feedDispersion, startDispersion } from './dispersion.ts'
import { observeTick } from './guard.ts'
import { logClusteredRatio, logLabelRatio, shareOf } from './label-test.ts'
import { evenMasses, feedMixture, logEvidenceOf, startMixture } from './mixture.ts'
import { nextShare } from './next-share.ts'
import { planRollout } from './plan.ts'
import { upperRate } from './rate-bound.ts'
import { defaultGuardSettings } from './settings.ts'
import { binomial, coinTick, geometric, poisson, randomOf, tickAt, track } from './simulation.testkit.ts'
import { startGuard } from './state.ts'

const choose = (n: number, k: number): number => Array.from({ length: k }, (_, at) => (n - at) / (at + 1)).reduce((a, b) => a * b, 1)
const mass = (n: number, k: number, p: number): number => choose(n, k) * p ** k * (1 - p) ** (n - k)
/** The expectation of `value` over the failures of both tracks. */
const expected = ([n, p]: readonly [number, number], [m, q]: readonly [number, number], value: (x: number, y: number) => number): number => {
  let sum = 0
  for (let x = 0; x <= n; x += 1) for (let y = 0; y <= m; y += 1) sum += mass(n, x, p) * mass(m, y, q) * value(x, y)
  return sum
}

describe('the label test', () => {
  it('values a failure as worked out by hand', () => {
    expect(logLabelRatio(1, 1, 0.05, 10)).toBeCloseTo(1.931, 3)
    expect(logLabelRatio(0, 1, 0.05, 10)).toBeCloseTo(-0.372, 3)
    expect(logLabelRatio(1, 1, 0.05, 10, 1.25)).toBeCloseTo(1.72, 2)
  })

  it.each([0.01, 0.2, 0.6])('has no expectation above 1 while the canary is tolerable, at a failure rate of %d', (rate) => {
    for (const ratio of [1.5, 3, 30]) {
      expect(expected([4, 1.25 * rate], [9, rate], (x, y) => Math.exp(logLabelRatio(x, x + y, 4 / 13, ratio, 1.25)))).toBeLessThanOrEqual(1)
    }
  })

  it('has none above 1 for a canary that must not pass', () => {
    for (const ratio of [0.5, 1, 1.25]) {
      expect(expected([4, 0.2], [9, 0.1], (x, y) => Math.exp(logLabelRatio(x, x + y, 4 / 13, ratio, 2)))).toBeLessThanOrEqual(1)
    }
  })

  describe('with failures that come in clusters', () => {
    /** What a cluster multiplies the evidence by on average, where its failures are worth `nats` each. */
    const gainOf = (nats: number, chanceOf: (size: number) => number): number => {
      let sum = 0
      for (let size = 1; size <= 400; size += 1) sum += chanceOf(size) * Math.exp(size * nats)
      return sum - 1
    }
    const drift = (share: number, chanceOf: (size: number) => number, nats: (canary: number) => number): number =>
      1.25 * share * gainOf(nats(1), chanceOf) + (1 - share) * gainOf(nats(0), chanceOf)

    it.each([
      ['geometric, five on average', 9, (size: number) => 0.2 * 0.8 ** (size - 1)],
      ['always five', 5, (size: number) => (size === 5 ? 1 : 0)],
      ['one of three is a crowd', 8.3, (size: number) => (size === 1 ? 0.7 : size === 10 ? 0.3 : 0)],
    ])('has no expectation above 1: %s', (_name, dispersion, chanceOf) => {
      for (const share of [0.01, 0.1, 0.5]) {
        for (const ratio of [1.5, 3, 10, 300]) expect(drift(share, chanceOf, (canary) => logClusteredRatio({ canary, both: 1, share }, ratio, 1.25, dispersion))).toBeLessThanOrEqual(1e-9)
      }
    })

    it('is more than dividing by the dispersion, which lets large ratios win too much', () => {
      const geometricFive = (size: number): number => 0.2 * 0.8 ** (size - 1)
      expect(drift(0.1, geometricFive, (canary) => logLabelRatio(canary, 1, 0.1, 10, 1.25) / 9)).toBeGreaterThan(0)
    })

    it('is worth what was worked out by hand, and the label test where failures are single', () => {
      expect(logClusteredRatio({ canary: 1, both: 1, share: 0.05 }, 10, 1, 9)).toBeCloseTo(0.166, 3)
      expect(logClusteredRatio({ canary: 2, both: 3, share: 0.05 }, 10, 1.25, 1)).toBe(logLabelRatio(2, 3, 0.05, 10, 1.25))
    })
  })

  it('takes the counted share where there is one, the weight where a tick is too small', () => {
    const small = { canaryRequests: 1, requests: 2, weight: 0.05, isOpen: false }
    expect(shareOf({ canaryRequests: 8, requests: 100, canaryRequestsSoFar: 8, requestsSoFar: 100, weight: 0.05, isOpen: false }, 'worse')).toBe(0.08)
    expect(shareOf({ ...small, canaryRequestsSoFar: 30, requestsSoFar: 800 }, 'worse')).toBe(0.05)
    // (190 + 10)/(800 + 200): a heavy user sits on the canary.
    expect(shareOf({ ...small, canaryRequestsSoFar: 190, requestsSoFar: 800 }, 'worse')).toBe(0.2)
    expect(shareOf({ ...small, canaryRequestsSoFar: 190, requestsSoFar: 800 }, 'no worse')).toBe(0.05)
    expect(['worse', 'no worse'].map((claim) => shareOf({ ...small, canaryRequests: 1, requests: 8, canaryRequestsSoFar: 190, requestsSoFar: 800, isOpen: true }, claim as 'worse'))).toEqual([0.125, 0.125])
  })
})

describe('the block test', () => {
  it('is worth what was worked out by hand', () => {
    // One request each, odds 4 : 1: the canary is guessed at 2/3, the primary at 1/3, both against 1/2.
    expect(logBlockRatio({ requests: 1, hits: 1 }, { requests: 1, hits: 0 }, 1 / 3, 4)).toBeCloseTo(2 * Math.log(4 / 3), 9)
  })

  it.each([0.05, 0.5, 0.9])('has no expectation above 1 for a canary that is as fast or faster, at %d', (rate) => {
    for (const guess of [0.1, 0.5]) {
      for (const ratio of [1.25, 3, 30]) {
        const value = (x: number, y: number): number => Math.exp(logBlockRatio({ requests: 4, hits: x }, { requests: 9, hits: y }, guess, ratio))
        expect(expected([4, rate], [9, rate], value)).toBeLessThanOrEqual(1 + 1e-9)
        expect(expected([4, rate * 0.7], [9, rate], value)).toBeLessThanOrEqual(1 + 1e-9)
      }
    }
  })
})

describe('a mixture', () => {
  it('is worth 1 however long nothing happens', () => {
    let mixture = startMixture(evenMasses(3))
    for (let tick = 0; tick < 500; tick += 1) {
      expect(logEvidenceOf(mixture)).toBeCloseTo(0, 2)
      mixture = feedMixture(mixture, [0, 0, 0])
    }
  })
})

describe('dispersion', () => {
  const learned = (seed: number, clusterMean: number): number => {
    const random = randomOf(seed)
    let dispersion = startDispersion()
    for (let tick = 0; tick < 3600; tick += 1) {
      let events = 0
      for (let left = poisson(random, 0.5); left > 0; left -= 1) events += geometric(random, clusterMean)
      dispersion = feedDispersion(dispersion, 200, Math.min(200, events))
    }
    return dispersionOf(dispersion)
  }

  it('is about 1 where failures are independent', () => expect(learned(1, 1)).toBeLessThan(1.3))
  it('is about 9 for clusters of five on average, geometric', () => {
    expect(learned(2, 5)).toBeGreaterThan(7)
    expect(learned(2, 5)).toBeLessThan(12)
  })
  it('is worked out by hand for one pair of ticks', () =>
    // above = 4·50²·.05² = 25, below = 4·50·.025·.975 = 4.875; fifty such pairs are beyond chance, one is not.
    expect([1, 25].map((times) => dispersionOf(Array.from({ length: times }, () => [5, 0]).flat().reduce((state, events) => feedDispersion(state, 100, events), startDispersion())))).toEqual([1, expect.closeTo((49 * 25 + 10) / (49 * 4.875 + 10), 2)]))
})

describe('the largest rate that is still possible', () => {
  it.each([
    [0, 0, 1],
    [1000, 0, 0.00701],
    [1000, 10, 0.0262],
  ])('after %d requests with %d failures is %d', (requests, events, rate) => expect(upperRate(requests, events, 0.95)).toBeCloseTo(rate, 3))
})

describe('the plan of a rollout', () => {
  const outlook = { settings: defaultGuardSettings, requestsPerSecond: 100, primary: { requests: 100_000, failures: 100 }, steps: [{ share: 0.05, seconds: 600 }] }

  it('foretells what a broken canary costs and what can be found', () => {
    const plan = planRollout(outlook)
    expect(plan.broken?.seconds).toBeLessThan(3)
    expect(plan.broken?.failedRequests).toBeLessThan(10)
    expect(plan.smallestRatio).toBeGreaterThan(3)
    expect(plan.smallestRatio).toBeLessThan(6)
  })

  it('foretells nothing of a primary that is hardly known', () =>
    expect(planRollout({ ...outlook, primary: { requests: 2, failures: 0 } })).toEqual({ exampleRatio: 10 }))
  it('says that nothing can be found without traffic', () => expect(planRollout({ ...outlook, requestsPerSecond: 0 }).smallestRatio).toBeUndefined())
  it('finds smaller ratios in more time', () =>
    expect(planRollout({ ...outlook, steps: [{ share: 0.05, seconds: 6000 }] }).smallestRatio).toBeLessThan(planRollout(outlook).smallestRatio ?? 0))
})

describe('the next share', () => {
  const after = (count: number, requests: number) => {
    const random = randomOf(4)
    let state = startGuard(defaultGuardSettings)
    for (let second = 1; second <= count; second += 1) state = observeTick(state, coinTick(random, second, { requests, share: 0.05, primaryRate: 0.001, canaryRate: 0.001 }))
    return state
  }
  const step = { requestsPerSecond: 1000, stepSeconds: 60, budgetFailures: 20, maxShare: 0.5 }

  it('grows with what the canary has shown, and with the budget', () => {
    const [little, much] = [nextShare(after(20, 1000), step), nextShare(after(400, 1000), step)]
    expect(little).toBeGreaterThanOrEqual(0.05)
    expect(much).toBeGreaterThan(little)
    expect(nextShare(after(20, 1000), { ...step, budgetFailures: 2000 })).toBe(0.5)
  })
  it('reckons with the time that a reaction takes, also where steps are shorter', () =>
    expect(nextShare(after(5, 1000), { ...step, stepSeconds: 1 })).toBe(nextShare(after(5, 1000), { ...step, stepSeconds: 2 })))
  it('begins with as much as may fail altogether: nothing is known of the canary yet', () => {
    const before = Array.from({ length: 60 }, (_, second) => tickAt(second, 0, track(100), track(0))).reduce(observeTick, startGuard(defaultGuardSettings))
    expect(nextShare(before, { requestsPerSecond: 100, stepSeconds: 60, budgetFailures: 10, maxShare: 0.5 })).toBeLessThanOrEqual(0.05)
  })
  it('stays where it is while the budget forbids more', () => expect(nextShare(after(1, 1000), { ...step, budgetFailures: 0 })).toBe(0.05))
})

describe('the watch after promotion', () => {
  const random = randomOf(6)
  const learned = Array.from({ length: 200 }, (_, second) => coinTick(random, second, { requests: 200, share: 0.2, primaryRate: 0.002, canaryRate: 0.002 })).reduce(observeTick, startGuard(defaultGuardSettings))
  const watched = (rate: (second: number) => number) => {
    let state = startBake(learned, 600)
    for (let second = 1; second <= 600; second += 1) state = observeBake(state, { atMs: second * 1000, ...track(200, binomial(random, 200, rate(second))) })
    return readBake(state)
  }

  it('leaves a healthy version alone', () => expect(watched(() => 0.002).decision).toBe('none'))
  it('takes back one that turns bad, soon', () => {
    const reading = watched((second) => (second > 300 ? 0.05 : 0.002))
    expect(reading).toMatchObject({ decision: 'return', by: 'failures' })
    expect(reading.alarmAtMs).toBeLessThan(310_000)
  })
  it('knows the old version by what it did before the canary had a share, too', () => {
    const before = Array.from({ length: 60 }, (_, second) => tickAt(second, 0, track(100), track(0))).reduce(observeTick, startGuard(defaultGuardSettings))
    const briefly = observeTick(before, tickAt(61, 0.5, track(50), track(50)))
    expect(readBake(startBake(briefly, 600)).allowedFailureRate).toBeLessThan(0.002)
  })
  it('allows no more than the limit where little is known of the old version', () => {
    const briefly = observeTick(startGuard(defaultGuardSettings), tickAt(1, 0.5, track(15), track(15)))
    expect(readBake(startBake(briefly, 600)).allowedFailureRate).toBe(defaultGuardSettings.promotion.maxFailureRate)
    const worse = observeTick(startGuard(defaultGuardSettings), tickAt(1, 0.5, track(15, 3), track(15)))
    expect(readBake(startBake(worse, 600)).allowedFailureRate).toBeGreaterThan(0.2)
  })
  it('reads back from a checkpoint as it was, before the first tick too', () => {
    const begun = startBake(learned, 600)
    const resumed = JSON.parse(JSON.stringify(begun)) as BakeState
    const bad = { atMs: 1, ...track(100, 3) }
    expect(readBake(observeBake(resumed, bad))).toEqual(readBake(observeBake(begun, bad)))
  })
  it('takes parts of a second for no more beginnings than seconds', () => {
    const bad = { atMs: 1, ...track(10, 1) }
    const early = (state: BakeState): BakeState => observeBake(state, bad, 'early')
    const before = observeBake(startBake(learned, 600), { atMs: 0, ...track(200) })
    expect(readBake(early(early(before))).logEvidence).toBeCloseTo(readBake(observeBake(before, { atMs: 1, ...track(20, 2) }, 'early')).logEvidence, 3)
  })
  it('holds without traffic', () => expect(readBake(observeBake(startBake(learned, 600), { atMs: 1, ...track(0) })).decision).toBe('none'))
})

describe('the simulation', () => {
  it('draws what it should on average', () => {
    const random = randomOf(1)
    const mean = (draw: () => number): number => Array.from({ length: 4000 }, draw).reduce((a, b) => a + b, 0) / 4000
    expect(mean(() => binomial(random, 1000, 0.3))).toBeCloseTo(300, -1)
    expect(mean(() => poisson(random, 100))).toBeCloseTo(100, -1)
    expect(mean(() => geometric(random, 5))).toBeCloseTo(5, 0)
    expect(tickAt(1, 0, track(0), track(0)).atMs).toBe(1_700_000_001_000)
  })
})
