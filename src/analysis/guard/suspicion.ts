import { logFloorOf, logEvidenceOf, type Mixture } from './mixture.ts'
import { feedPods, startPods, type PodBook, type PodCounts } from './pods.ts'
import type { GuardMetric } from './settings.ts'
import type { GuardState } from './state.ts'
import { eventsOf, type GuardTick, type TrackTick } from './tick.ts'

/** So far above its floor, in nats, the evidence is taken to be about something. */
const excursion = 1

/**
 * The books of pods with one more tick; a book starts anew while its metric has nothing to say. Slowness of a pod is told by what the sidecars
 * call slow, not by the guard's thresholds: a histogram for each pod would be sent each second to name one.
 */
export function withPods(state: GuardState, tick: GuardTick): GuardState {
  const { latency, pods } = state
  const failures = bookOf(pods.failures, state.failures, tick, eventsOf)
  return { ...state, pods: { failures, latency: latency ? bookOf(pods.latency, latency.evidence, tick, ({ slow = 0 }) => slow) : pods.latency } }
}

function bookOf(book: PodBook, evidence: Mixture, tick: GuardTick, badOf: (track: TrackTick) => number): PodBook {
  if (logEvidenceOf(evidence) < logFloorOf(evidence) + excursion) return startPods()
  const count = (track: TrackTick): PodCounts => [track.requests, badOf(track)]
  return feedPods(book, count(tick.primary), Object.fromEntries(Object.entries(tick.canaryPods ?? {}).map(([name, track]) => [name, count(track)])))
}

/** Whether the pod did harm in this tick. */
export function isBad({ canaryPods }: GuardTick, pod: string, metric: GuardMetric): boolean {
  const track = canaryPods?.[pod]
  return track !== undefined && (metric === 'failures' ? track.failures : (track.slow ?? 0)) > 0
}
