import { logMean } from './promotion.ts'
import { logEvidenceOf } from './mixture.ts'
import { splitAlpha } from './split.ts'
import type { GuardMetric } from './settings.ts'
import type { GuardState } from './state.ts'
import { combined } from './verdict.ts'

/** How long a step may take, from the moment its weight is in force. */
export interface StepClock {
  readonly elapsedMs: number
  /** After this long without enough evidence the step is inconclusive. Absent: it waits for ever. */
  readonly maxDurationMs?: number
}

/** Whether the step has shown that the canary is no worse. What `inconclusive` leads to (hold, promote, roll back) is the caller's policy. */
export interface AdvanceReading {
  readonly decision: 'wait' | 'pass' | 'inconclusive'
  /** ln of the evidence against "worseRatio times as bad" for each metric, and against "maxFailureRate"; each must reach `logThreshold` = ln(1/beta). */
  readonly metrics: readonly { readonly metric: GuardMetric; readonly logEvidence: number; readonly by: 'comparison' | 'rate'; readonly isEnough: boolean }[]
  readonly logThreshold: number
  /** What forbids a pass, whatever the evidence for it. */
  readonly obstacle?: 'aborted' | 'evidence of harm' | 'broken split' | 'sick pod'
}

/**
 * Pass where every metric has shown enough, and nothing speaks against it. The chance that a canary that fails `worseRatio` times as often (and
 * above `maxFailureRate`) ever passes a step is beta, however often one looks.
 */
export function readAdvance(state: GuardState, { elapsedMs, maxDurationMs }: StepClock): AdvanceReading {
  const logThreshold = -Math.log(state.settings.promotion.beta)
  const metrics = state.settings.metrics.map((metric) => {
    const comparison = logMean(state.promotion[metric])
    const rate = metric === 'failures' && state.settings.promotion.maxFailureRate > 0 ? logMean(state.promotion.rate) : -Infinity
    const logEvidence = Math.max(comparison, rate)
    return { metric, logEvidence, by: rate > comparison ? ('rate' as const) : ('comparison' as const), isEnough: logEvidence >= logThreshold }
  })
  const obstacle = obstacleOf(state)
  const isPassed = obstacle === undefined && metrics.length > 0 && metrics.every(({ isEnough }) => isEnough)
  const isOver = maxDurationMs !== undefined && elapsedMs >= maxDurationMs
  return { decision: isPassed ? 'pass' : isOver ? 'inconclusive' : 'wait', metrics, logThreshold, ...(obstacle ? { obstacle } : {}) }
}

function obstacleOf(state: GuardState): AdvanceReading['obstacle'] {
  if (state.aborted) return 'aborted'
  if (state.suspect) return 'sick pod'
  if (logEvidenceOf(state.split) >= -Math.log(splitAlpha)) return 'broken split'
  return combined(state) >= -Math.log(state.settings.alpha) ? 'evidence of harm' : undefined
}
