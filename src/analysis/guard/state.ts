import { emptyBaseline, type Baseline } from './baseline.ts'
import { startDispersion, type Dispersion } from './dispersion.ts'
import { startFailures } from './failures.ts'
import type { LatencyState } from './latency.ts'
import type { Mixture } from './mixture.ts'
import { startPods, type PodBook } from './pods.ts'
import { startPromotion, type PromotionState } from './promotion.ts'
import { startInterval } from './ratio-interval.ts'
import type { GuardMetric, GuardSettings } from './settings.ts'
import { startSplit } from './split.ts'

export interface TrackCounts {
  readonly requests: number
  readonly failures: number
  /** Independent failures: of clients, where they are known. */
  readonly events: number
}

/** A pod that alone carries the evidence of a metric. */
export interface Suspect {
  readonly metric: GuardMetric
  readonly pod: string
  readonly sinceMs: number
  /** When it last did harm. */
  readonly lastBadMs: number
}

/**
 * Everything the guard remembers of a run: plain JSON of two to four kilobytes, which a status can hold. Write it with JSON.stringify; what
 * is read back goes on with exactly the same evidence. Its inside is the guard's own: read it by `readGuard`.
 */
export interface GuardState {
  readonly version: 1
  readonly settings: GuardSettings
  readonly counts: Readonly<Record<'primary' | 'canary', TrackCounts>>
  /** What the primary did while the canary had no share. Absent before the first tick, and in checkpoints of older versions. */
  readonly before?: TrackCounts
  /** The weight of the newest tick, and the canary requests that the weights so far made one expect. */
  readonly share: number
  readonly expected: number
  readonly failures: Mixture
  readonly dispersion: Dispersion
  /** Until the thresholds are frozen; then `latency` takes its place. */
  readonly baseline?: Baseline
  readonly latency?: LatencyState
  readonly interval: readonly number[]
  readonly split: Mixture
  readonly promotion: PromotionState
  readonly pods: Readonly<Record<GuardMetric, PodBook>>
  readonly suspect?: Suspect
  readonly aborted?: { readonly atMs: number; readonly by: GuardMetric }
  readonly curve: Curve
}

/** Evidence over time in at most `maxPoints` points: when it is full every other one goes. */
export interface Curve {
  readonly everyMs: number
  readonly points: readonly (readonly [atMs: number, logEvidence: number])[]
}
const maxPoints = 24

export function feedCurve({ everyMs, points }: Curve, atMs: number, logEvidence: number): Curve {
  const last = points.at(-1)
  if (last && atMs - last[0] < everyMs) return { everyMs, points }
  const longer = [...points, [atMs, Math.round(logEvidence * 100) / 100] as const]
  return longer.length < maxPoints ? { everyMs, points: longer } : { everyMs: everyMs * 2, points: longer.filter((_, at) => at % 2 === 0) }
}

export const none: TrackCounts = { requests: 0, failures: 0, events: 0 }

/** The state before the first tick. */
export function startGuard(settings: GuardSettings): GuardState {
  return {
    version: 1,
    settings,
    counts: { primary: none, canary: none },
    share: 0,
    expected: 0,
    failures: startFailures(settings.tolerance),
    dispersion: startDispersion(),
    ...(settings.metrics.includes('latency') ? { baseline: emptyBaseline } : {}),
    interval: startInterval(),
    split: startSplit(),
    promotion: startPromotion(),
    pods: { failures: startPods(), latency: startPods() },
    curve: { everyMs: 1000, points: [] },
  }
}

/** A new step begins: promotion asks for evidence from this step alone, because the canary now carries more than it did before. */
export const beginStep = (state: GuardState): GuardState => ({ ...state, promotion: startPromotion() })
