import { defaultPromotionSettings, type PromotionSettings } from './promotion.ts'

/**
 * What may be chosen about the sequential guard, and what it is when nobody chooses. The guard compares the canary with the
 * primary, request by request, and aborts the moment the evidence passes 1/alpha: `README.md` derives it.
 */

export type GuardMetric = 'failures' | 'latency'
export const guardMetrics = ['failures', 'latency'] as const

export interface GuardSettings {
  /** The chance that a healthy canary is ever aborted by the guard, over an unlimited run, all metrics together. In (0, 1). */
  readonly alpha: number
  /** The canary counts as healthy while it fails at most this many times as often as the primary. At least 1. */
  readonly tolerance: number
  /** The canary counts as healthy while its latency is at most this many times the primary's, at every quantile. At least 1. */
  readonly latencyTolerance: number
  /** … or at most this much longer, whichever allows more. Milliseconds. */
  readonly latencyToleranceMs: number
  readonly metrics: readonly GuardMetric[]
  /** No abort for failures before the canary has failed so often. With known clients: before so many clients have seen it fail. */
  readonly minimumFailures: number
  /** No latency evidence from the first so many requests of the canary: they warm caches and compilers up. */
  readonly warmUpRequests: number
  /** No latency evidence before the primary has served so many: its quantiles are the measure. */
  readonly baselineRequests: number
  /** How long one sick pod of the canary may go on failing before the canary is aborted because of it. Milliseconds. */
  readonly podPatienceMs: number
  /** What promotion on evidence asks for; the abort does not look at it. */
  readonly promotion: PromotionSettings
}

/**
 * alpha: one false abort in a thousand healthy rollouts; each factor of ten costs 2.3 nats, about a third more requests.
 * tolerance: pods of one version differ (node, cache, compiler): with a log-standard-deviation of 0.2 between pods a canary of
 *   one healthy pod raises 16 % false alarms at a tolerance of 1 and alpha 5 %, and 2.6 % at 1.25. A version that is worse by
 *   less than a quarter is for the checks at the end of a step.
 * latencyTolerance, latencyToleranceMs: nobody wants a release taken back because 40 ms became 43, or 0.4 ms became 2.
 * minimumFailures: at a weight of 1 % two failures pass 1/alpha. Two are one user who tried twice.
 * warmUpRequests, baselineRequests: enough for a just-in-time compiler and for a rough 95th percentile.
 * podPatienceMs: enough to delete a pod and to start another.
 */
export const defaultGuardSettings: GuardSettings = {
  alpha: 0.001,
  tolerance: 1.25,
  latencyTolerance: 1.1,
  latencyToleranceMs: 5,
  metrics: guardMetrics,
  minimumFailures: 3,
  warmUpRequests: 100,
  baselineRequests: 200,
  podPatienceMs: 30_000,
  promotion: defaultPromotionSettings,
}
