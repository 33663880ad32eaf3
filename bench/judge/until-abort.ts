import { observeTick } from '../../src/analysis/guard/guard.ts'
import { defaultGuardSettings, type GuardSettings } from '../../src/analysis/guard/settings.ts'
import { coinTick, poisson, type Random } from '../../src/analysis/guard/simulation.testkit.ts'
import { startGuard } from '../../src/analysis/guard/state.ts'

/** A canary that fails at one rate, a primary at another, and requests that come by chance or evenly. */
export interface Fault {
  readonly share: number
  readonly rate: number
  /** The canary's failure rate. */
  readonly canaryRate: number
  /** Requests of a tick: a Poisson mean, or fixed. */
  readonly requests: number
  readonly isPoisson?: boolean
}

export interface Stop {
  readonly seconds: number
  readonly requests: number
  /** Failed requests of the canary. */
  readonly victims: number
}

/** No abort. */
export const none: Stop = { seconds: Infinity, requests: Infinity, victims: Infinity }

/** The bare test of the theory: no tolerance, one metric. */
export const bareSettings = (alpha: number): GuardSettings => ({ ...defaultGuardSettings, alpha, tolerance: 1, metrics: ['failures'], minimumFailures: 1 })

const mostTicks = 40_000

/** One simulated rollout in ticks of a second, until the guard aborts. */
export function untilAbort({ share, rate, canaryRate, requests, isPoisson }: Fault, settings: GuardSettings, random: Random): Stop {
  let state = startGuard(settings)
  for (let second = 1; second <= mostTicks; second += 1) {
    state = observeTick(state, coinTick(random, second, { requests: isPoisson ? poisson(random, requests) : requests, share, primaryRate: rate, canaryRate }))
    const { primary, canary } = state.counts
    if (state.aborted) return { seconds: second, requests: primary.requests + canary.requests, victims: canary.failures }
  }
  return none
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
