import { natsPerRequest, natsToAbort } from './plan.ts'
import { upperRate } from './rate-bound.ts'
import type { GuardSettings } from './settings.ts'
import { none, type GuardState } from './state.ts'

export interface NextStep {
  /** Requests of both tracks together. */
  readonly requestsPerSecond: number
  /** How long the next step lasts at least, seconds. */
  readonly stepSeconds: number
  /** Failed requests beyond the primary's that the next step may be expected to cost, if the canary is as bad as what was seen allows. */
  readonly budgetFailures: number
  /** No more than this, as a fraction. */
  readonly maxShare: number
}

/** Between evidence and weight 0 lie a report, a decision and an acknowledgement. */
const reactionSeconds = 2
const level = 0.95

/** Rates between the primary's and the worst that is possible, evenly in their logarithm. */
const candidates = 24

/**
 * The largest share that keeps the expected harm of the next step within the budget; never less than the present one, which then should be
 * kept for longer. If the canary fails at a rate q and the primary at p, then a step at share w costs, beyond what the primary would,
 *
 *   harm(w, q) = w·r·(q − p)·min(T, reaction + nats/(r·I(w, p, q)))
 *
 * failed requests: r requests a second, T seconds of step (a reaction at least), unless the guard ends it earlier, which takes `nats` of evidence at I a request.
 * What q is nobody knows; what was seen leaves everything up to the bound U possible. So the worst q in [p, U] must be affordable: a version that
 * fails everything is stopped after a few requests, one that fails three times as often may last for the whole step. Both factors of
 * harm rise with w (small weights need the fewest victims), so the largest affordable w is found by halving.
 */
export function nextShare({ counts, before = none, share, settings }: GuardState, step: NextStep): number {
  const primary = (counts.primary.failures + before.failures + 0.5) / (counts.primary.requests + before.requests + 1)
  const worst = Math.max(primary, upperRate(counts.canary.requests, counts.canary.failures, level))
  const rates = Array.from({ length: candidates }, (_, at) => primary * (worst / primary) ** ((at + 1) / candidates))
  const harm = (candidate: number): number => Math.max(...rates.map((rate) => harmOf(settings, step, candidate, primary, rate)))
  let [low, high] = [Math.min(share, step.maxShare), step.maxShare]
  if (harm(high) <= step.budgetFailures) return high
  if (harm(low) > step.budgetFailures) return low
  for (let halving = 0; halving < 30; halving += 1) {
    const middle = (low + high) / 2
    if (harm(middle) <= step.budgetFailures) low = middle
    else high = middle
  }
  return low
}

function harmOf(settings: GuardSettings, { requestsPerSecond, stepSeconds }: NextStep, share: number, primary: number, canary: number): number {
  const natsPerSecond = requestsPerSecond * natsPerRequest(settings, share, primary, canary)
  const seconds = Math.min(Math.max(stepSeconds, reactionSeconds), reactionSeconds + natsToAbort(settings) / natsPerSecond)
  return share * requestsPerSecond * (canary - primary) * seconds
}
