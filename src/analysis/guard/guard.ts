import { failureIncrements } from './failures.ts'
import { shareOf } from './label-test.ts'
import { feedMixture, logEvidenceOf } from './mixture.ts'
import type { GuardReading } from './reading.ts'
import type { GuardState } from './state.ts'
import { eventsOf, type GuardTick, type TrackTick } from './tick.ts'

/** The state after one more tick. Ticks may come in any order; each is counted as it comes. After an abort nothing changes any more. */
export function observeTick(state: GuardState, tick: GuardTick): GuardState {
  if (state.aborted || tick.share <= 0 || tick.share >= 1) return state
  const counts = { primary: added(state.counts.primary, tick.primary), canary: added(state.counts.canary, tick.canary) }
  const requests = tick.canary.requests + tick.primary.requests
  if (requests === 0) return state
  const soFar = counts.canary.requests / (counts.canary.requests + counts.primary.requests)
  const share = shareOf({ canaryRequests: tick.canary.requests, requests, weight: tick.share }, soFar, 'worse')
  const events = eventsOf(tick.canary)
  const failures = feedMixture(state.failures, failureIncrements(events, events + eventsOf(tick.primary), share, state.settings.tolerance, 1))
  return decided({ ...state, counts, failures }, tick.atMs)
}

export function readGuard(state: GuardState): GuardReading {
  const { counts, settings, aborted } = state
  const logEvidence = logEvidenceOf(state.failures)
  return {
    decision: aborted ? 'abort' : 'none',
    ...(aborted ? { by: aborted.by, abortedAtMs: aborted.atMs } : {}),
    logEvidence,
    logThreshold: -Math.log(settings.alpha),
    metrics: [{ metric: 'failures', logEvidence, state: 'watching' }],
    counts,
    dispersion: 1,
    split: { broken: false, expectedShare: 0, observedShare: 0, logEvidence: 0 },
    curve: [],
  }
}

function decided(state: GuardState, atMs: number): GuardState {
  const { settings, counts, failures } = state
  const isCertain = logEvidenceOf(failures) >= -Math.log(settings.alpha) && counts.canary.events >= settings.minimumFailures
  return isCertain ? { ...state, aborted: { atMs, by: 'failures' } } : state
}

const added = (sum: GuardState['counts']['canary'], tick: TrackTick): GuardState['counts']['canary'] => ({
  requests: sum.requests + tick.requests,
  failures: sum.failures + tick.failures,
  events: sum.events + eventsOf(tick),
})
