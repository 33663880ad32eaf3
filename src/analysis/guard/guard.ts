import { feedBaseline } from './baseline.ts'
import { dispersionOf, feedDispersion, largestPause } from './dispersion.ts'
import { feedFailures } from './failures.ts'
import { isCountable, shareOf, type Split } from './label-test.ts'
import { feedLatency, latencyCounts, learnLatency, startLatency } from './latency.ts'
import { settled } from './mixture.ts'
import { feedComparison, feedRate, type PromotionState } from './promotion.ts'
import { feedInterval } from './ratio-interval.ts'
import { feedSplit } from './split.ts'
import { none, type GuardState, type TrackCounts } from './state.ts'
import { eventsOf, type GuardTick, type TrackTick } from './tick.ts'
import { decide } from './verdict.ts'
import { withPods } from './suspicion.ts'

/**
 * The state after one more tick. Ticks may come in any order; each is counted as it comes. Ticks at weight 0 teach the guard
 * the primary's latency and how its failures cluster. After an abort nothing changes any more.
 */
export function observeTick(state: GuardState, tick: GuardTick): GuardState {
  if (state.aborted) return state
  if (tick.share <= 0) return learned({ ...state, share: tick.share, before: added(state.before ?? none, tick.primary) }, tick)
  if (tick.share >= 1) return { ...state, share: tick.share }
  const requests = tick.canary.requests + tick.primary.requests
  if (requests === 0) return { ...state, share: tick.share }
  const counted = {
    ...state,
    share: tick.share,
    counts: { primary: added(state.counts.primary, tick.primary), canary: added(state.counts.canary, tick.canary) },
    ...(tick.isShareOpen ? {} : { expected: settled(state.expected + requests * tick.share), split: feedSplit(state.split, tick.canary.requests, requests, tick.share) }),
  }
  // What is learned from this tick serves the next one: an e-value must not choose its own yardstick.
  return decide(withPods(learned(latencyTested(failuresTested(counted, tick), tick), tick), tick), tick)
}

/** Failures: the abort's evidence, the interval, and promotion's. */
function failuresTested(state: GuardState, tick: GuardTick): GuardState {
  const { settings } = state
  const requests = tick.canary.requests + tick.primary.requests
  const canary = eventsOf(tick.canary)
  const both = canary + eventsOf(tick.primary)
  const dispersion = dispersionOf(state.dispersion)
  const isOpen = tick.isShareOpen === true
  const split = splitOf(state, tick.canary.requests, requests, isOpen)
  const worse = shareOf(split, 'worse')
  const noWorse = shareOf(split, 'no worse')
  const counted = isOpen || isCountable(requests, tick.share) ? tick.canary.requests / requests : tick.share
  const { promotion } = settings
  return {
    ...state,
    failures: feedFailures(state.failures, { canary, both, share: worse }, settings.tolerance, dispersion),
    interval: feedInterval(state.interval, canary, both, counted, dispersion),
    promotion: {
      ...state.promotion,
      failures: feedComparison(state.promotion.failures, { canary, both, share: noWorse }, promotion.worseRatio, dispersion),
      rate: feedRate(state.promotion.rate, tick.canary.requests, canary, promotion.maxFailureRate, dispersion),
    },
  }
}

function latencyTested(before: GuardState, tick: GuardTick): GuardState {
  const state = frozenLast(before)
  const { latency, settings, counts } = state
  // Warm-up: the first requests of the canary are let pass. Which ones they are does not depend on how long they took.
  if (!latency || counts.canary.requests - tick.canary.requests < settings.warmUpRequests) return state
  const canary = latencyCounts(latency, 'canary', tick.canary)
  const primary = latencyCounts(latency, 'primary', tick.primary)
  return { ...state, latency: feedLatency(latency, tick.share, canary, primary), promotion: latencyPromoted(state, canary, primary, tick.isShareOpen === true) }
}

/** At the canary's first traffic the thresholds are frozen for the last time, from all that the primary has served before. */
function frozenLast(state: GuardState): GuardState {
  if (!state.baseline || !state.latency) return state
  const { baseline, ...rest } = state
  return { ...rest, latency: startLatency(baseline, state.settings, state.latency) }
}

/** Index of the 90th percentile among the counts: their first is the number of requests. */
const ninetieth = 3

const splitOf = ({ counts, share }: GuardState, canaryRequests: number, requests: number, isOpen: boolean): Split => ({
  isOpen,
  canaryRequests,
  requests,
  canaryRequestsSoFar: counts.canary.requests,
  requestsSoFar: counts.canary.requests + counts.primary.requests,
  weight: share,
})

function latencyPromoted(state: GuardState, canary: readonly number[], primary: readonly number[], isOpen: boolean): PromotionState {
  const { promotion, latency, settings } = state
  const [canaryRequests = 0, slow = 0] = [canary[0], canary[ninetieth]]
  const requests = canaryRequests + (primary[0] ?? 0)
  const dispersion = latency?.dispersions[ninetieth - 1]
  if (requests === 0 || !dispersion) return promotion
  const labelled = { canary: slow, both: slow + (primary[ninetieth] ?? 0), share: shareOf(splitOf(state, canaryRequests, requests, isOpen), 'no worse') }
  return { ...promotion, latency: feedComparison(promotion.latency, labelled, settings.promotion.worseRatio, dispersionOf(dispersion, largestPause)) }
}

/** What the primary teaches: clusters of failures, its latency, clusters of slowness. */
function learned(state: GuardState, { primary, share }: GuardTick): GuardState {
  const dispersion = feedDispersion(state.dispersion, primary.requests, eventsOf(primary))
  const latency = state.latency && learnLatency(state.latency, latencyCounts(state.latency, 'primary', primary))
  const { baseline, ...rest } = { ...state, dispersion, ...(latency ? { latency } : {}) }
  if (!baseline) return rest
  const more = feedBaseline(baseline, primary)
  // Frozen anew with each doubling, until the canary gets traffic: from then on the measure stays what it is.
  const frozen = isDoubled(baseline.requests, more.requests, state.settings.baselineRequests) ? startLatency(more, state.settings, latency) : latency
  return { ...rest, ...(frozen ? { latency: frozen } : {}), ...(share > 0 && frozen ? {} : { baseline: more }) }
}

const isDoubled = (before: number, now: number, first: number): boolean =>
  now >= first && (before < first || Math.floor(Math.log2(now / first)) > Math.floor(Math.log2(before / first)))

const added = (sum: TrackCounts, tick: TrackTick): TrackCounts => ({
  requests: sum.requests + tick.requests,
  failures: sum.failures + tick.failures,
  events: sum.events + eventsOf(tick),
})
