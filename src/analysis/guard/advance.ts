import { logMean } from './promotion.ts'
import { logEvidenceOf, logSumExp } from './mixture.ts'
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
  /** ln of the evidence that the canary is not so bad, for each metric; each must reach `logThreshold` = ln(1/beta). `by`: what speaks loudest, the comparison with the primary or the fixed rate. */
  readonly metrics: readonly { readonly metric: GuardMetric; readonly logEvidence: number; readonly by: 'comparison' | 'rate'; readonly isEnough: boolean }[]
  readonly logThreshold: number
  /** What forbids a pass, whatever the evidence for it. */
  readonly obstacle?: 'an abort' | 'evidence of harm' | 'a broken split' | 'a sick pod'
}

/** The fixed rate is what a healthy canary usually passes by, so most of the mass is there. */
const rateMass = 0.75

/**
 * Pass where every metric has shown enough, and nothing speaks against it. The chance that a canary that fails `worseRatio` times as often (and
 * above `maxFailureRate`) ever passes a step is beta, however often one looks.
 */
export function readAdvance(state: GuardState, { elapsedMs, maxDurationMs }: StepClock): AdvanceReading {
  const logThreshold = -Math.log(state.settings.promotion.beta)
  const metrics = state.settings.metrics.map((metric) => {
    const isRated = metric === 'failures' && state.settings.promotion.maxFailureRate > 0
    // One of the two is enough, and their weighted mean is again evidence that a bad canary passes with probability beta at most.
    const comparison = logMean(state.promotion[metric]) + (isRated ? Math.log(1 - rateMass) : 0)
    const rate = isRated ? logMean(state.promotion.rate) + Math.log(rateMass) : -Infinity
    const logEvidence = logSumExp([comparison, rate])
    return { metric, logEvidence, by: rate > comparison ? ('rate' as const) : ('comparison' as const), isEnough: logEvidence >= logThreshold }
  })
  const obstacle = obstacleOf(state)
  const isPassed = obstacle === undefined && metrics.length > 0 && metrics.every(({ isEnough }) => isEnough)
  const isOver = maxDurationMs !== undefined && elapsedMs >= maxDurationMs
  return { decision: isPassed ? 'pass' : isOver ? 'inconclusive' : 'wait', metrics, logThreshold, ...(obstacle ? { obstacle } : {}) }
}

function obstacleOf(state: GuardState): AdvanceReading['obstacle'] {
  if (state.aborted) return 'an abort'
  if (state.suspect) return 'a sick pod'
  if (logEvidenceOf(state.split) >= -Math.log(splitAlpha)) return 'a broken split'
  return combined(state) >= -Math.log(state.settings.alpha) ? 'evidence of harm' : undefined
}
