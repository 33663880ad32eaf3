import { feedFailures, startFailures, type Alternatives } from '../../src/analysis/guard/failures.ts'
import { evenMasses, logEvidenceOf } from '../../src/analysis/guard/mixture.ts'
import { feedComparison, feedRate, logMean, startPromotion } from '../../src/analysis/guard/promotion.ts'
import { coinTick, poisson, type Random } from '../../src/analysis/guard/simulation.testkit.ts'
import { none, type Fault, type Stop } from './until-abort.ts'

/**
 * The tests as they are published, made of the guard's own pure parts: one metric, no tolerance, the reference's grid with even masses, each tick
 * judged by the share that was counted in it (or by the weight, where ticks are too small for that). What the guard chooses otherwise shows beside it.
 */
const ratios = [1.25, 1.5, 2, 3, 5, 10, 30, 100, 300]
const published: Alternatives = { ratios, masses: evenMasses(ratios.length) }

const mostTicks = 100_000

interface Counts {
  readonly requests: number
  readonly canaryRequests: number
  readonly canary: number
  readonly both: number
}

function counted(random: Random, second: number, { requests: mean, isPoisson, share, rate, canaryRate }: Fault): Counts {
  const { primary, canary } = coinTick(random, second, { requests: isPoisson ? poisson(random, mean) : mean, share, primaryRate: rate, canaryRate })
  return { requests: primary.requests + canary.requests, canaryRequests: canary.requests, canary: canary.failures, both: primary.failures + canary.failures }
}

/** T1 until it passes 1/alpha. */
export function untilPublishedAbort(fault: Fault, { alpha, isByWeight = false }: { readonly alpha: number; readonly isByWeight?: boolean }, random: Random): Stop {
  let evidence = startFailures(1, published)
  let [requests, victims] = [0, 0]
  for (let second = 1; second <= mostTicks; second += 1) {
    const tick = counted(random, second, fault)
    requests += tick.requests
    victims += tick.canary
    const share = isByWeight || tick.requests === 0 ? fault.share : tick.canaryRequests / tick.requests
    evidence = feedFailures(evidence, { canary: tick.canary, both: tick.both, share }, 1, 1, published)
    if (logEvidenceOf(evidence) >= -Math.log(alpha)) return { seconds: second, requests, victims }
  }
  return none
}

/** T2, one of its two forms alone, until it passes 1/beta: against a fixed rate, or against twice the primary's where there is none. Seconds. */
export function untilPublishedPass(fault: Fault, { beta, maxFailureRate, worseRatio }: { readonly beta: number; readonly maxFailureRate: number; readonly worseRatio: number }, random: Random): number {
  let { rate, failures } = startPromotion()
  for (let second = 1; second <= mostTicks; second += 1) {
    const tick = counted(random, second, fault)
    rate = feedRate(rate, tick.canaryRequests, tick.canary, maxFailureRate, 1)
    failures = feedComparison(failures, { canary: tick.canary, both: tick.both, share: tick.requests === 0 ? fault.share : tick.canaryRequests / tick.requests }, worseRatio, 1)
    if (logMean(maxFailureRate > 0 ? rate : failures) >= -Math.log(beta)) return second
  }
  return Infinity
}
