import { strategyOf } from '../api/canary.ts'
import type { CanaryStatus, RolloutEvent, Verdict } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { formatGoDuration } from '../base/duration.ts'
import { canaryReadiness, primaryReadiness } from './adoption.ts'
import { abortion, awaitingEvidence, nameSickPod, planEvents, splitStall } from './guarded.ts'
import { begin } from './idle.ts'
import { acknowledgement, hold, isMirroring, nameSilent, normal, reroute, stay, waitFor, warning, withState, type Context, type Step } from './step.ts'
import { nextWeight } from './weights.ts'

/**
 * An analysis runs: weight 0 for one interval and until the pods are ready, then step by step. Each step is watched for at least
 * an interval from when every sidecar has it; then the checks decide. Whatever holds the advance does not hold the judge:
 * a canary with weight is judged also while it is paused or not ready.
 *
 * With `analysis.mirror` there is a step before the first weight, at which the canary gets copies; in blue/green it gets them throughout.
 */
export function analyse(context: Context): Step {
  const { observation, now } = context
  const status = observation.canary.status
  const { name, namespace, spec } = observation.canary
  const { revision } = observation
  if (revision !== undefined && revision === status.lastPromotedSpec) return takeBack(context, status)
  if (revision !== undefined && revision !== status.lastAppliedSpec) {
    return begin(context, status, normal(`New revision detected! Restarting analysis for ${spec.targetRef.name}.${namespace}`, true))
  }
  const abort = abortion(context)
  if (abort) return rollBack(context, abort.verdict ? { ...status, analysis: abort.verdict } : status, abort.events)
  const readiness = canaryReadiness(context, status)
  if (!readiness.isReady && readiness.isPastDeadline) {
    return rollBack(context, status, [warning(`canary deployment ${spec.targetRef.name}.${namespace} not ready: ${readiness.reason}`)])
  }
  const timed = withState(status, { notReadySince: readiness.isReady ? undefined : (status.kinglet.notReadySince ?? now) })
  const obstacle = obstacleOf(context, timed)
  if (spec.skipAnalysis) return obstacle ? hold(timed, obstacle) : promote(context, timed)
  const unsupported = observation.verdict?.result === 'unsupported' ? observation.verdict : undefined
  if (unsupported) return hold(timed, { reason: 'CheckNotSupported', message: halted(name, namespace, unsupported), permanent: true })
  if (status.canaryWeight === 0 && status.iterations === 0 && !isMirroring(observation.canary)) return awaitFirstStep(context, timed, obstacle)
  const named = nameSickPod(context, timed)
  const step = watchStep(context, named.status, obstacle)
  return { ...step, events: [...named.events, ...step.events] }
}

/** What keeps the weight from rising now. */
function obstacleOf(context: Context, status: CanaryStatus): Stall | undefined {
  const { observation } = context
  const { namespace, spec } = observation.canary
  const target = spec.targetRef.name
  const { uninjected } = observation.pods
  if (uninjected.length > 0) {
    const message = `Pods without a sidecar (${uninjected.slice(0, 3).join(', ')}): the webhook did not answer when they were made. They get no traffic; they are replaced as soon as it answers.`
    return waitFor('SidecarMissing', message)
  }
  const canary = canaryReadiness(context, status)
  if (observation.target?.desired === 0) return waitFor('ScalingUp', `Deployment ${target}.${namespace} is being scaled up`)
  if (!canary.isReady) return waitFor('CanaryNotReady', `canary deployment ${target}.${namespace} not ready: ${canary.reason}`)
  const primary = primaryReadiness(context, status)
  if (!primary.isReady && !spec.skipAnalysis) return waitFor('PrimaryNotReady', `${target}-primary.${namespace} not ready: ${primary.reason}`)
  const broken = splitStall(context)
  if (broken) return broken
  if (observation.isPaused) return waitFor('Paused', `Advancement of ${target}.${namespace} is held by annotation; the checks go on`)
  return undefined
}

/** With `advance: evidence` the primary alone is watched for this long at most: its latency is the measure, its traffic the plan. */
const learnMs = 5000

/** Weight 0: nothing can be judged yet. */
function awaitFirstStep(context: Context, status: CanaryStatus, obstacle: Stall | undefined): Step {
  const { observation, now } = context
  const { namespace, spec } = observation.canary
  const startedAt = status.kinglet.stepStartedAt ?? now
  const clocked = withState(status, { stepStartedAt: startedAt })
  const { advance: by, intervalMs } = spec.analysis
  const dueAt = startedAt + (by === 'evidence' ? Math.min(intervalMs, learnMs) : intervalMs)
  if (obstacle) return hold(clocked, obstacle, now < dueAt ? dueAt : undefined)
  if (now < dueAt) return stay(clocked, dueAt)
  const acked = acknowledgement(context, clocked)
  if (!acked.isDone) return stay(clocked, acked.until)
  const named = nameSilent(clocked, acked.silent, context.timing)
  const begun = withState(observation.verdict ? { ...named.status, analysis: observation.verdict } : named.status, { weightedAt: now })
  const step = advance(context, begun)
  return { ...step, events: [...named.events, normal(`Starting canary analysis for ${spec.targetRef.name}.${namespace}`), ...planEvents(context), ...step.events] }
}

/** A step with its clock: acknowledged → watched for an interval → judged. */
function watchStep(context: Context, status: CanaryStatus, obstacle: Stall | undefined): Step {
  const { observation, now } = context
  const { intervalMs } = observation.canary.spec.analysis
  const { stepStartedAt } = status.kinglet
  if (stepStartedAt === undefined) {
    const acked = acknowledgement(context, status)
    if (!acked.isDone) return stay(status, acked.until)
    const named = nameSilent(status, acked.silent, context.timing)
    return { status: withState(named.status, { stepStartedAt: now }), events: named.events, wakeAt: now + intervalMs, ...(obstacle ? { stall: obstacle } : {}) }
  }
  const dueAt = stepStartedAt + intervalMs
  if (now >= dueAt || isProvenEarly(context, status, obstacle)) {
    const heardAt = observation.sidecars.listeningSince + context.timing.ackLimitMs
    // A controller that has just begun knows nothing until the sidecars have come back and repeated their reports.
    if (now < heardAt && observation.sidecars.unacknowledged.length > 0) return stay(status, heardAt)
    return judge(context, status, obstacle)
  }
  const stall = obstacle ?? stillWaiting(context, status) ?? withoutData(context, status)
  return stall ? hold(status, stall, dueAt) : stay(status, dueAt)
}

/** What the last look at this step found: it stays true until the next. */
function withoutData({ observation }: Context, status: CanaryStatus): Stall | undefined {
  const { name, namespace, spec } = observation.canary
  const { analysis } = status
  return analysis?.result === 'no-data' && isJudged(status) && spec.analysis.onNoData === 'hold' ? waitFor('NoData', halted(name, namespace, analysis)) : undefined
}

/** The last verdict is about this step, not about the one before or the time before the canary had a share. */
const isJudged = ({ analysis, canaryWeight, kinglet }: CanaryStatus): boolean => analysis !== undefined && analysis.weight === canaryWeight && Date.parse(analysis.time) > (kinglet.weightedAt ?? 0)

/** The interval is over: the checks decide. */
function judge(context: Context, status: CanaryStatus, obstacle: Stall | undefined): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const { verdict } = observation
  const again = withState(verdict ? { ...status, analysis: verdict } : status, { stepStartedAt: now })
  const wakeAt = now + spec.analysis.intervalMs
  if (!verdict) return hold(again, waitFor('NoData', `Halt ${name}.${namespace} advancement: nothing has been measured yet`), wakeAt)
  const hasFailed = verdict.result === 'fail' || (verdict.result === 'no-data' && spec.analysis.onNoData === 'fail')
  if (hasFailed) return countFailure(context, again, verdict)
  if (verdict.result === 'no-data' && !isInconclusive(context, status)) return hold(again, waitFor('NoData', halted(name, namespace, verdict)), wakeAt)
  if (obstacle) return hold(again, obstacle, wakeAt)
  return isProven(context, status) ? advance(context, again) : awaitEvidence(context, again)
}

/** Whether the step has shown what `analysis.advance` asks for. A canary that serves everybody, or copies alone, has nothing to be compared with. */
function isProven({ observation }: Context, { kinglet }: CanaryStatus): boolean {
  const { advance } = observation.canary.spec.analysis
  return advance === 'interval' || kinglet.bakeStartedAt !== undefined || isMirroring(observation.canary) || observation.guard?.record.decision === 'advance'
}

/** The evidence may come before the interval is over; the checks must hold then too. */
const isProvenEarly = (context: Context, status: CanaryStatus, obstacle: Stall | undefined): boolean => {
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
function stillWaiting(context: Context, status: CanaryStatus): Stall | undefined {
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
function halted(name: string, namespace: string, verdict: Verdict): string {
  const decisive = verdict.checks.find((check) => check.name === verdict.decidedBy)
  return decisive?.message ?? `Halt ${name}.${namespace} advancement: ${verdict.decidedBy ?? 'a check'} did not pass`
}

/** All checks hold: one step further, or promotion after the last. */
function advance(context: Context, status: CanaryStatus): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const mirroring = spec.analysis.mirrorPercent > 0
  if (strategyOf(spec.analysis) !== 'canary') {
    if (status.iterations >= spec.analysis.iterations) return promote(context, status)
    const iterations = status.iterations + 1
    // Only the first iteration changes where requests go.
    const next = iterations === 1 ? reroute(status, { iterations, mirroring }, now) : withState({ ...status, iterations }, { stepStartedAt: now })
    return { status: next, events: [normal(`Advance ${name}.${namespace} canary iteration ${iterations}/${spec.analysis.iterations}`)], wakeAt: now + spec.analysis.intervalMs }
  }
  if (status.kinglet.bakeStartedAt !== undefined) return continueBake(context, status, status.kinglet.bakeStartedAt)
  if (mirroring && status.canaryWeight === 0 && !isMirroring(observation.canary)) {
    return { status: reroute(status, { canaryWeight: 0, mirroring }, now), events: [normal(`Advance ${name}.${namespace} canary weight 0`)], wakeAt: now + context.timing.ackLimitMs }
  }
  const weight = nextStep(context, status)
  if (weight === 'budget') return hold(status, overBudget(context), now + spec.analysis.intervalMs)
  if (weight === undefined) return spec.analysis.bakeMs > 0 ? beginBake(context, status) : promote(context, status)
  const begun = isMirroring(observation.canary) ? withState(status, { weightedAt: now }) : status
  return { status: reroute(begun, { canaryWeight: weight }, now), events: [normal(`Advance ${name}.${namespace} canary weight ${weight}`)], wakeAt: now + context.timing.ackLimitMs }
}

/** The next weight, percent; undefined after the last; `budget` where the harm that it may do forbids it for now. */
function nextStep({ observation }: Context, { canaryWeight }: CanaryStatus): number | 'budget' | undefined {
  const { analysis } = observation.canary.spec
  const allowed = observation.guard?.nextWeightPercent
  if (!analysis.adaptive || allowed === undefined) return nextWeight(canaryWeight, analysis)
  if (canaryWeight >= analysis.maxWeight) return undefined
  return allowed > canaryWeight ? Math.min(allowed, analysis.maxWeight) : 'budget'
}

const overBudget = ({ observation }: Context): Stall =>
  waitFor('HarmBudget', `Halt ${observation.canary.name}.${observation.canary.namespace} advancement: as little as is known of the canary, more requests could cost more failures than analysis.adaptive.harmBudget allows`)

/** The canary serves everybody while the old version stays as it is: if it turns bad now, one change of weight brings that back. */
function beginBake({ observation, now }: Context, status: CanaryStatus): Step {
  const { name, namespace, spec } = observation.canary
  return {
    status: withState(reroute(status, { canaryWeight: 100 }, now), { bakeStartedAt: now }),
    events: [normal(`Advance ${name}.${namespace} canary weight 100`), normal(`Baking ${name}.${namespace} for ${formatGoDuration(spec.analysis.bakeMs)} while the old version stays warm`)],
  }
}

function continueBake(context: Context, status: CanaryStatus, startedAt: number): Step {
  const { analysis } = context.observation.canary.spec
  const endsAt = startedAt + analysis.bakeMs
  return context.now >= endsAt ? promote(context, status) : stay(status, Math.min(endsAt, context.now + analysis.intervalMs))
}

/** The canary has passed: its template goes to the primary. Blue/green first sends everybody to the canary, so that nobody sees a mixture. */
export function promote({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  const { name } = spec.targetRef
  const copying = normal(`Copying ${name}.${namespace} template spec to ${name}-primary.${namespace}`)
  const isSwitched = !spec.skipAnalysis && strategyOf(spec.analysis) === 'blue-green'
  const switching = isMirroring(observation.canary) ? 'Stop traffic mirroring and route all traffic to canary' : 'Routing all traffic to canary'
  const events: RolloutEvent[] = isSwitched ? [normal(switching), copying] : [copying]
  const change = isSwitched ? { phase: 'Promoting' as const, canaryWeight: 100 } : { phase: 'Promoting' as const }
  return { status: withState(reroute(status, change, now), { notReadySince: undefined, bakeStartedAt: undefined }), events }
}

/** Weight 0 in this very decision; the target goes to zero once every sidecar knows. */
export function rollBack({ observation, now }: Context, status: CanaryStatus, events: readonly RolloutEvent[]): Step {
  const { name, namespace } = observation.canary
  const aborted = reroute(status, { phase: 'Failed', canaryWeight: 0, iterations: 0 }, now)
  return { status: withState(aborted, { settling: true, notReadySince: undefined, bakeStartedAt: undefined }), events: [...events, warning(`Canary failed! Scaling down ${name}.${namespace}`, true)] }
}

/** The target has the promoted template again: there is nothing left to judge. */
function takeBack({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  const idle = reroute({ ...status, failedChecks: 0, trackedConfigs: observation.trackedConfigs, ...(observation.revision === undefined ? {} : { lastAppliedSpec: observation.revision }) }, { phase: 'Initialized', canaryWeight: 0, iterations: 0 }, now)
  return {
    status: withState(idle, { settling: true, notReadySince: undefined, bakeStartedAt: undefined }),
    events: [normal(`Promoted revision restored, analysis stopped for ${spec.targetRef.name}.${namespace}`, true)],
  }
}
