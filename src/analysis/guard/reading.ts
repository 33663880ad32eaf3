import type { GuardMetric } from './settings.ts'

/** What the guard has to say after the last tick; plain data for status, events, `explain` and the API. */
export interface GuardReading {
  /** `abort` stays, once said. */
  readonly decision: 'none' | 'abort'
  /** The metric with the most evidence at the abort. */
  readonly by?: GuardMetric
  /** When the abort was decided: the end of its tick, milliseconds since the epoch. */
  readonly abortedAtMs?: number
  /** ln E of all metrics together, and what it must reach: ln(1/alpha). E : 1 are the odds that a bookmaker of a healthy canary lost. */
  readonly logEvidence: number
  readonly logThreshold: number
  readonly metrics: readonly MetricReading[]
  /** All randomised requests since the start of the run. */
  readonly counts: Readonly<Record<'primary' | 'canary', { readonly requests: number; readonly failures: number; readonly failedClients?: number }>>
  /** How many times as often the canary fails; absent before the first failure. The interval holds at every look, at `level`. `high` is absent where nothing bounds it. */
  readonly riskRatio?: { readonly estimate?: number; readonly low: number; readonly high?: number; readonly level: number }
  /** How many failures of the primary come as one, 1 or more. */
  readonly dispersion: number
  /** A pod without which there would be no evidence: replace or name it. While there is one, no abort for `podPatienceMs`. */
  readonly suspect?: { readonly pod: string; readonly sinceMs: number; readonly requests: number; readonly failures: number }
  /** Sample-ratio mismatch: whether the canary gets the share of requests that it should. `broken`: neither abort nor promote on this data. */
  readonly split: { readonly broken: boolean; readonly expectedShare: number; readonly observedShare: number; readonly logEvidence: number }
  /** The evidence over time, oldest first, at most 32 points: [milliseconds since the epoch, ln E]. */
  readonly curve: readonly (readonly [atMs: number, logEvidence: number])[]
}

export interface MetricReading {
  readonly metric: GuardMetric
  /** ln of this metric's own evidence. */
  readonly logEvidence: number
  /** `learning`: not enough of the primary, or of the canary, has been seen to judge by. */
  readonly state: 'learning' | 'watching'
  /** Latency: the quantile that speaks loudest, and how often each track was slower than it. */
  readonly slowest?: SlowReading
}

export interface SlowReading {
  /** 0.5 … 0.99: the primary's quantile. */
  readonly quantile: number
  /** What it was when it was frozen, milliseconds, and what the canary may take. */
  readonly primaryMs: number
  readonly allowedMs: number
  /** Requests of the primary above `primaryMs`, of the canary above `allowedMs`, as fractions of those counted. */
  readonly primaryShare: number
  readonly canaryShare: number
}
