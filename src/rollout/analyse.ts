import type { CanaryStatus } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { canaryReadiness, primaryReadiness } from './adoption.ts'
import { advance } from './advance.ts'
import { promote, rollBack, takeBack } from './endings.ts'
import { abortion, nameSickPod, planEvents, splitStall } from './guarded.ts'
import { begin } from './idle.ts'
import { halted, isProvenEarly, judge, stillWaiting, withoutData } from './judged-step.ts'
import { acknowledgement, hold, isMirroring, nameSilent, normal, stay, waitFor, warning, withState, type Context, type Step } from './step.ts'

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
