import { strategyOf } from '../api/canary.ts'
import type { CanaryStatus, RolloutEvent, Verdict } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { canaryReadiness, primaryReadiness } from './adoption.ts'
import { begin } from './idle.ts'
import { acknowledgement, hold, nameSilent, normal, reroute, stay, waitFor, warning, withState, type Context, type Step } from './step.ts'
import { nextWeight } from './weights.ts'

/**
 * An analysis runs: weight 0 for one interval and until the pods are ready, then step by step. Each step is watched for at least
 * an interval from when every sidecar has it; then the checks decide. Whatever holds the advance does not hold the judge:
 * a canary with weight is judged also while it is paused or not ready.
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
  const readiness = canaryReadiness(context, status)
  if (!readiness.isReady && readiness.isPastDeadline) {
    return rollBack(context, status, [warning(`canary deployment ${spec.targetRef.name}.${namespace} not ready: ${readiness.reason}`)])
  }
  const timed = withState(status, { notReadySince: readiness.isReady ? undefined : (status.kinglet.notReadySince ?? now) })
  const obstacle = obstacleOf(context, timed)
  if (spec.skipAnalysis) return obstacle ? hold(timed, obstacle) : promote(context, timed)
  const unsupported = observation.verdict?.result === 'unsupported' ? observation.verdict : undefined
  if (unsupported) return hold(timed, { reason: 'CheckNotSupported', message: halted(name, namespace, unsupported), permanent: true })
  if (status.canaryWeight === 0 && status.iterations === 0) return awaitFirstStep(context, timed, obstacle)
  return watchStep(context, timed, obstacle)
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
  if (observation.isPaused) return waitFor('Paused', `Advancement of ${target}.${namespace} is held by annotation; the checks go on`)
  return undefined
}

/** Weight 0: nothing can be judged yet. */
function awaitFirstStep(context: Context, status: CanaryStatus, obstacle: Stall | undefined): Step {
  const { observation, now } = context
  const { namespace, spec } = observation.canary
  const startedAt = status.kinglet.stepStartedAt ?? now
  const clocked = withState(status, { stepStartedAt: startedAt })
  const dueAt = startedAt + spec.analysis.intervalMs
  if (obstacle) return hold(clocked, obstacle, now < dueAt ? dueAt : undefined)
  if (now < dueAt) return stay(clocked, dueAt)
  const acked = acknowledgement(context, clocked)
  if (!acked.isDone) return stay(clocked, acked.until)
  const named = nameSilent(clocked, acked.silent, context.timing)
  const step = advance(context, named.status)
  return { ...step, events: [...named.events, normal(`Starting canary analysis for ${spec.targetRef.name}.${namespace}`), ...step.events] }
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
  if (now >= dueAt) {
    const heardAt = observation.sidecars.listeningSince + context.timing.ackLimitMs
    // A controller that has just begun knows nothing until the sidecars have come back and repeated their reports.
    if (now < heardAt && observation.sidecars.unacknowledged.length > 0) return stay(status, heardAt)
    return judge(context, status, obstacle)
  }
  const stall = obstacle ?? withoutData(context, status)
  return stall ? hold(status, stall, dueAt) : stay(status, dueAt)
}

/** What the last look at this step found: it stays true until the next. */
function withoutData({ observation }: Context, { analysis }: CanaryStatus): Stall | undefined {
  const { name, namespace, spec } = observation.canary
  return analysis?.result === 'no-data' && spec.analysis.onNoData === 'hold' ? waitFor('NoData', halted(name, namespace, analysis)) : undefined
}

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
  if (verdict.result === 'no-data') return hold(again, waitFor('NoData', halted(name, namespace, verdict)), wakeAt)
  if (obstacle) return hold(again, obstacle, wakeAt)
  return advance(context, again)
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
  if (strategyOf(spec.analysis) !== 'canary') {
    if (status.iterations >= spec.analysis.iterations) return promote(context, status)
    const iterations = status.iterations + 1
    // Only the first iteration changes where requests go.
    const next = iterations === 1 ? reroute(status, { iterations }, now) : withState({ ...status, iterations }, { stepStartedAt: now })
    return { status: next, events: [normal(`Advance ${name}.${namespace} canary iteration ${iterations}/${spec.analysis.iterations}`)], wakeAt: now + spec.analysis.intervalMs }
  }
  const weight = nextWeight(status.canaryWeight, spec.analysis)
  if (weight === undefined) return promote(context, status)
  return { status: reroute(status, { canaryWeight: weight }, now), events: [normal(`Advance ${name}.${namespace} canary weight ${weight}`)], wakeAt: now + context.timing.ackLimitMs }
}

/** The canary has passed: its template goes to the primary. Blue/green first sends everybody to the canary, so that nobody sees a mixture. */
export function promote({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  const { name } = spec.targetRef
  const copying = normal(`Copying ${name}.${namespace} template spec to ${name}-primary.${namespace}`)
  const isSwitched = !spec.skipAnalysis && strategyOf(spec.analysis) === 'blue-green'
  const events: RolloutEvent[] = isSwitched ? [normal('Routing all traffic to canary'), copying] : [copying]
  const change = isSwitched ? { phase: 'Promoting' as const, canaryWeight: 100 } : { phase: 'Promoting' as const }
  return { status: withState(reroute(status, change, now), { notReadySince: undefined }), events }
}

/** Weight 0 in this very decision; the target goes to zero once every sidecar knows. */
export function rollBack({ observation, now }: Context, status: CanaryStatus, events: readonly RolloutEvent[]): Step {
  const { name, namespace } = observation.canary
  const aborted = reroute(status, { phase: 'Failed', canaryWeight: 0, iterations: 0 }, now)
  return { status: withState(aborted, { settling: true, notReadySince: undefined }), events: [...events, warning(`Canary failed! Scaling down ${name}.${namespace}`, true)] }
}

/** The target has the promoted template again: there is nothing left to judge. */
function takeBack({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  const idle = reroute({ ...status, failedChecks: 0, trackedConfigs: observation.trackedConfigs, ...(observation.revision === undefined ? {} : { lastAppliedSpec: observation.revision }) }, { phase: 'Initialized', canaryWeight: 0, iterations: 0 }, now)
  return {
    status: withState(idle, { settling: true, notReadySince: undefined }),
    events: [normal(`Promoted revision restored, analysis stopped for ${spec.targetRef.name}.${namespace}`, true)],
  }
}
