import { dispersionOf } from './dispersion.ts'
import { readSlow, type SlowReading } from './latency.ts'
import { logEvidenceOf } from './mixture.ts'
import { intervalOf, likeliest, type RatioInterval } from './ratio-interval.ts'
import type { GuardMetric } from './settings.ts'
import { splitAlpha } from './split.ts'
import type { GuardState, Suspect, TrackCounts } from './state.ts'
import { combined, logOf } from './verdict.ts'

/** What the guard has to say after the last tick; plain data for status, events, `explain` and the API. */
export interface GuardReading {
  /** `abort` stays, once said. */
  readonly decision: 'none' | 'abort'
  /** The metric with the most evidence at the abort. */
  readonly by?: GuardMetric
  /** When the abort was decided: the end of its tick, milliseconds since the epoch. */
  readonly abortedAtMs?: number
  /** ln E of all metrics together, and what it must reach: ln(1/alpha). E : 1 is what a bet that the canary is worse has won. */
  readonly logEvidence: number
  readonly logThreshold: number
  readonly metrics: readonly MetricReading[]
  /** All randomised requests while the canary had a share; `events` are independent failures (of clients, where they are known). */
  readonly counts: Readonly<Record<'primary' | 'canary', TrackCounts>>
  /** How many times as often the canary fails. The interval holds at every look. `estimate` and `high` are absent where nothing bounds them. Absent without failures. */
  readonly riskRatio?: RatioInterval & { readonly estimate?: number }
  /** How many failures of the primary come as one, 1 or more. */
  readonly dispersion: number
  /** The pod that carries the evidence alone: replace it, or name it. While there is one, no abort for `podPatienceMs`. */
  readonly suspect?: Suspect & { readonly requests: number; readonly bad: number }
  /** Whether the canary gets the share of requests that it should. `isBroken`: promote nothing on this data. Absent before the first request, and where users are held beside. */
  readonly split?: { readonly isBroken: boolean; readonly expectedShare: number; readonly observedShare: number }
  /** The evidence over time, oldest first, at most 24 points: [milliseconds since the epoch, ln E]. */
  readonly curve: readonly (readonly [atMs: number, logEvidence: number])[]
}

export interface MetricReading {
  readonly metric: GuardMetric
  /** ln of this metric's own evidence. */
  readonly logEvidence: number
  /** `learning`: too little of the primary, or of the canary, has been seen to judge by. */
  readonly state: 'learning' | 'watching'
  /** Latency: the quantile that speaks loudest, and how often each track was slower than it. */
  readonly slow?: SlowReading
}

const intervalLevel = 0.95

export function readGuard(state: GuardState): GuardReading {
  const { counts, settings, aborted, curve } = state
  return {
    decision: aborted ? 'abort' : 'none',
    ...(aborted ? { by: aborted.by, abortedAtMs: aborted.atMs } : {}),
    logEvidence: combined(state),
    logThreshold: -Math.log(settings.alpha),
    metrics: settings.metrics.map((metric) => readMetric(state, metric)),
    counts,
    ...readRatio(state),
    dispersion: dispersionOf(state.dispersion),
    ...readSuspect(state),
    ...readSplit(state),
    curve: curve.points,
  }
}

function readMetric(state: GuardState, metric: GuardMetric): MetricReading {
  const logEvidence = logOf(state, metric)
  if (metric === 'failures') return { metric, logEvidence, state: 'watching' }
  const slow = state.latency && readSlow(state.latency)
  return { metric, logEvidence, state: slow ? 'watching' : 'learning', ...(slow ? { slow } : {}) }
}

function readRatio({ counts, interval }: GuardState): Pick<GuardReading, 'riskRatio'> {
  if (counts.primary.events + counts.canary.events === 0) return {}
  const estimate = likeliest(interval)
  return { riskRatio: { ...intervalOf(interval, intervalLevel), ...(estimate === undefined ? {} : { estimate }) } }
}

function readSuspect({ suspect, pods }: GuardState): Pick<GuardReading, 'suspect'> {
  if (!suspect) return {}
  const [requests, bad] = pods[suspect.metric].pods[suspect.pod] ?? [0, 0]
  return { suspect: { ...suspect, requests, bad } }
}

function readSplit({ counts, expected, split }: GuardState): Pick<GuardReading, 'split'> {
  const requests = counts.primary.requests + counts.canary.requests
  if (requests === 0 || expected === 0) return {}
  return { split: { isBroken: logEvidenceOf(split) >= -Math.log(splitAlpha), expectedShare: expected / requests, observedShare: counts.canary.requests / requests } }
}
