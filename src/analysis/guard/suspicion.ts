import { latencyCounts } from './latency.ts'
import { logFloorOf, logEvidenceOf, type Mixture } from './mixture.ts'
import { feedPods, startPods, type PodBook } from './pods.ts'
import type { GuardMetric } from './settings.ts'
import type { GuardState } from './state.ts'
import { eventsOf, type GuardTick, type TrackTick } from './tick.ts'

/** So far above its floor, in nats, the evidence is taken to be about something. */
const excursion = 1

/** The books of pods with one more tick; a book starts anew while its metric has nothing to say. */
export function withPods(state: GuardState, tick: GuardTick): GuardState {
  const { latency, pods } = state
  const failures = bookOf(pods.failures, state.failures, tick, ({ requests, ...track }) => [requests, eventsOf({ requests, ...track })])
  if (!latency) return { ...state, pods: { ...pods, failures } }
  const slow = (track: TrackTick, of: 'primary' | 'canary'): readonly number[] => latencyCounts(latency, of, track)
  return { ...state, pods: { failures, latency: bookOf(pods.latency, latency.evidence, tick, slow) } }
}

type Count = (track: TrackTick, of: 'primary' | 'canary') => readonly number[]

function bookOf(book: PodBook, evidence: Mixture, tick: GuardTick, count: Count): PodBook {
  if (logEvidenceOf(evidence) < logFloorOf(evidence) + excursion) return startPods()
  const pods = Object.fromEntries(Object.entries(tick.canaryPods ?? {}).map(([name, track]) => [name, count(track, 'canary')]))
  return feedPods(book, count(tick.primary, 'primary'), pods)
}

/** Whether the pod did harm in this tick: it failed, or it served while it is slow. */
export function isBad({ canaryPods }: GuardTick, pod: string, metric: GuardMetric): boolean {
  const track = canaryPods?.[pod]
  return track !== undefined && (metric === 'failures' ? track.failures > 0 : track.requests > 0)
}
