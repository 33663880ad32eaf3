import type { Canary } from '../api/canary.ts'
import type { CanaryStatus, Verdict } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { formatGoDuration } from '../base/duration.ts'
import { advance, nextStep, overBudget } from './advance.ts'
import { promote, rollBack } from './endings.ts'
import { awaitingEvidence } from './guarded.ts'
import { hold, isMirroring, waitFor, warning, withState, type Context, type Step } from './step.ts'

/** What becomes of a step when it is looked at: a failure is counted, no data is waited for, evidence too, and the rest goes on. */

/** What the last look at this step found: it stays true until the next. */
export function withoutData({ observation }: Context, status: CanaryStatus): Stall | undefined {
  const { name, namespace, spec } = observation.canary
  const { analysis } = status
  return analysis?.result === 'no-data' && isJudged(status) && spec.analysis.onNoData === 'hold' ? waitFor('NoData', withoutCopies(observation.canary, analysis) ?? halted(name, namespace, analysis)) : undefined
}

/** The last verdict is about this step, not about the one before or the time before the canary had a share. */
const isJudged = ({ analysis, canaryWeight, kinglet }: CanaryStatus): boolean => analysis !== undefined && analysis.weight === canaryWeight && Date.parse(analysis.time) > (kinglet.weightedAt ?? 0)

/** The primary has traffic and the canary got no copy of it: only the first bytes tell that clients speak TLS, and then there are no requests to copy. */
function withoutCopies(canary: Canary, { canary: copied, primary }: Verdict): string | undefined {
  if (!isMirroring(canary) || copied.requests > 0 || primary.requests === 0) return undefined
  const { name, namespace } = canary
  return (
    `Halt ${name}.${namespace} advancement: of ${primary.requests} requests or connections of the primary none could be copied to the canary. ` +
    'Connections that clients encrypt (TLS), WebSockets and bodies over 64 KiB are not copied: where there is nothing else, remove spec.analysis.mirror.'
  )
}

/** The interval is over: the checks decide. */
export function judge(context: Context, status: CanaryStatus, obstacle: Stall | undefined): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const { stepStartedAt = now } = status.kinglet
  const verdict = observation.verdict && { ...observation.verdict, since: new Date(stepStartedAt).toISOString() }
  const again = withState(verdict ? { ...status, analysis: verdict } : status, { stepStartedAt: now })
  const wakeAt = now + spec.analysis.intervalMs
  if (!verdict) return hold(again, waitFor('NoData', `Halt ${name}.${namespace} advancement: nothing has been measured yet`), wakeAt)
  const hasFailed = verdict.result === 'fail' || (verdict.result === 'no-data' && spec.analysis.onNoData === 'fail')
  if (hasFailed) return countFailure(context, again, verdict)
  if (verdict.result === 'no-data' && !isInconclusive(context, status)) return hold(again, waitFor('NoData', withoutCopies(observation.canary, verdict) ?? halted(name, namespace, verdict)), wakeAt)
  if (obstacle) return hold(again, obstacle, wakeAt)
  return isProven(context, status) ? advance(context, again) : awaitEvidence(context, again)
}

/** Whether the step has shown what `analysis.advance` asks for. A canary that serves everybody, or copies alone, has nothing to be compared with. */
function isProven({ observation }: Context, { kinglet }: CanaryStatus): boolean {
  const { advance } = observation.canary.spec.analysis
  return advance === 'interval' || kinglet.bakeStartedAt !== undefined || isMirroring(observation.canary) || observation.guard?.record.decision === 'advance'
}

/** The evidence may come before the interval is over; the checks must hold then too. */
export const isProvenEarly = (context: Context, status: CanaryStatus, obstacle: Stall | undefined): boolean => {
  const { verdict, canary } = context.observation
  return canary.spec.analysis.advance === 'evidence' && status.kinglet.bakeStartedAt === undefined && !isMirroring(canary) && !obstacle && verdict?.result === 'pass' && isProven(context, status)
}

/** The time for evidence is over. A canary that serves everybody has passed already. */
function isInconclusive({ observation, now }: Context, { kinglet }: CanaryStatus): boolean {
  const { advance, maxDurationMs } = observation.canary.spec.analysis
  return advance === 'evidence' && kinglet.bakeStartedAt === undefined && !isMirroring(observation.canary) && now - (kinglet.weightedAt ?? now) >= maxDurationMs
}

/** Nothing speaks against the canary, and too little for it: perhaps not a single request. */
function awaitEvidence(context: Context, status: CanaryStatus): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const { onInconclusive, intervalMs } = spec.analysis
  if (!isInconclusive(context, status)) return hold(status, awaitingEvidence(context), now + intervalMs)
  const reason = `${name}.${namespace} analysis is inconclusive after ${formatGoDuration(spec.analysis.maxDurationMs)}`
  if (onInconclusive === 'rollback') return rollBack(context, status, [warning(`Rolling back ${reason}`, true)])
  if (onInconclusive === 'promote') {
    const promoted = promote(context, status)
    return { ...promoted, events: [warning(`Promoting although ${reason}`, true), ...promoted.events] }
  }
  return hold(status, inconclusive(context), now + intervalMs)
}

const inconclusive = ({ observation }: Context): Stall => {
  const { name, namespace, spec } = observation.canary
  const message = `Halt ${name}.${namespace} advancement: inconclusive after ${formatGoDuration(spec.analysis.maxDurationMs)}. More requests, a longer maxDuration, or onInconclusive: promote or rollback end this.`
  return { reason: 'Inconclusive', message, permanent: true }
}

/** What the last look at this step found: it stays true until the next. */
export function stillWaiting(context: Context, status: CanaryStatus): Stall | undefined {
  const { advance, onInconclusive } = context.observation.canary.spec.analysis
  if (!isJudged(status)) return undefined
  const result = status.analysis?.result
  if (result === 'no-data' && isInconclusive(context, status) && onInconclusive === 'hold') return inconclusive(context)
  if (result !== 'pass' || status.kinglet.bakeStartedAt !== undefined) return undefined
  if (isProven(context, status)) return advance === 'interval' && nextStep(context, status) === 'budget' ? overBudget(context) : undefined
  return isInconclusive(context, status) && onInconclusive === 'hold' ? inconclusive(context) : awaitingEvidence(context)
}

function countFailure(context: Context, status: CanaryStatus, verdict: Verdict): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const failedChecks = status.failedChecks + 1
  const event = warning(halted(name, namespace, verdict))
  const failed = { ...status, failedChecks }
  if (failedChecks < spec.analysis.threshold) return { status: failed, events: [event], wakeAt: now + spec.analysis.intervalMs }
  return rollBack(context, failed, [event, warning(`Rolling back ${name}.${namespace} failed checks threshold reached ${failedChecks}`, true)])
}

/** The sentence of the check that decided. */
export function halted(name: string, namespace: string, verdict: Verdict): string {
  const decisive = verdict.checks.find((check) => check.name === verdict.decidedBy)
  return decisive?.message ?? `Halt ${name}.${namespace} advancement: ${verdict.decidedBy ?? 'a check'} did not pass`
}
