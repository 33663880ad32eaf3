import { observeTick } from '../../src/analysis/guard/guard.ts'
import { randomOf } from '../../src/analysis/guard/simulation.testkit.ts'
import { startGuard } from '../../src/analysis/guard/state.ts'
import { combined } from '../../src/analysis/guard/verdict.ts'
import type { Scenario } from './scenarios.ts'

/** The greatest evidence of one healthy rollout. */
export function peakOf({ settings, begin, learnSeconds }: Scenario, seed: number, ticks: number): number {
  const next = begin(randomOf(seed))
  // An alpha that is never reached: the run goes on to its end, and one run answers for every alpha.
  let state = startGuard({ ...settings, alpha: 1e-300 })
  for (let second = -learnSeconds; second < 0; second += 1) state = observeTick(state, next(second))
  let peak = 0
  for (let second = 0; second < ticks; second += 1) {
    state = observeTick(state, next(second))
    if (state.counts.canary.events >= settings.minimumFailures) peak = Math.max(peak, combined(state))
  }
  return peak
}
