import type { CanaryStatus } from '../api/canary-status.ts'
import { primaryReadiness, trackEndpoints } from './adoption.ts'
import { acknowledgement, hold, nameSilent, normal, reroute, stallOf, stay, waitFor, withState, type Context, type Step } from './step.ts'

/** Nothing is analysed: the primary serves, the target rests at zero or is on its way there. Watches for a new revision. */
export function rest(context: Context): Step {
  const { observation } = context
  const status = settle(context, observation.canary.status)
  const { revision, primary } = observation
  if (revision === undefined) return stay(status)
  if (!primary && revision !== status.lastPromotedSpec) {
    return hold(status, {
      reason: 'PrimaryMissing',
      message: `Deployment ${observation.canary.spec.targetRef.name}-primary was deleted and the target's template is not the one it had. Apply the promoted template again, and it is made anew.`,
      permanent: true,
    })
  }
  if (revision === status.lastPromotedSpec) return stayWithPromoted(context, status)
  if (revision === status.lastAppliedSpec) return finishSettling(context, status)
  return detect(context, status)
}

/** Once the target is at zero, replicas that somebody gives it are a wish again. */
function settle(context: Context, status: CanaryStatus): CanaryStatus {
  if (!context.observation.target) return status
  if (context.observation.target.desired > 0) return trackEndpoints(context, status)
  return withState(status, { settling: undefined })
}

/** The target has the template that the primary serves. After a failure that is how a person takes the bad revision back. */
function stayWithPromoted(context: Context, status: CanaryStatus): Step {
  const { observation } = context
  const { name, namespace } = observation.canary
  if (status.phase === 'Failed') {
    return {
      status: { ...status, phase: 'Initialized', failedChecks: 0, ...(observation.revision === undefined ? {} : { lastAppliedSpec: observation.revision }) },
      events: [normal(`Promoted revision restored, nothing to analyse for ${name}.${namespace}`, true)],
    }
  }
  const told = observation.adoptionProblem ?? observation.settingsProblem
  if (told) return hold(status, { ...stallOf(told), permanent: false })
  const step = finishSettling(context, passOnReplicas(context, status))
  const readiness = primaryReadiness(context, status)
  if (step.stall || readiness.isReady) return step
  return { ...step, stall: waitFor('PrimaryNotReady', `${observation.canary.spec.targetRef.name}-primary.${namespace} not ready: ${readiness.reason}`) }
}

/** A changed wish for replicas goes to the primary; what somebody scaled by hand stays until the wish changes. */
function passOnReplicas({ observation }: Context, status: CanaryStatus): CanaryStatus {
  const { target, canary, primary } = observation
  if (canary.spec.autoscalerRef || target?.wish === undefined || target.wish < 1) return status
  return primary?.desired === target.wish ? withState(status, { replicas: target.wish }) : status
}

function finishSettling(context: Context, status: CanaryStatus): Step {
  if (!status.kinglet.settling) return stay(status)
  const acked = acknowledgement(context, status)
  // What a failure was about stays in the conditions meanwhile.
  if (!acked.isDone && status.phase === 'Failed') return stay(status, acked.until)
  if (!acked.isDone) return hold(status, waitFor('AwaitingAcknowledgement', 'Waiting for every sidecar to send requests to the primary alone'), acked.until)
  const named = nameSilent(status, acked.silent, context.timing)
  const movedAt = status.kinglet.endpointsMovedAt
  const wakeAt = movedAt === undefined ? undefined : movedAt + context.timing.graceMs
  return { ...named, ...(wakeAt === undefined || wakeAt <= context.now ? {} : { wakeAt }) }
}

/** A template that nobody has judged: an analysis begins. */
function detect(context: Context, status: CanaryStatus): Step {
  const { observation } = context
  const { canary } = observation
  const { targetRef } = canary.spec
  const readiness = primaryReadiness(context, status)
  if (!canary.spec.skipAnalysis && !readiness.isReady && (observation.primary?.available ?? 0) === 0) {
    const message = `${targetRef.name}-primary.${canary.namespace} not ready: ${readiness.reason}. The new revision waits for it; set spec.skipAnalysis to promote without comparing.`
    return hold(status, waitFor('PrimaryNotReady', message))
  }
  return begin(context, status, normal(`New revision detected! Scaling up ${targetRef.name}.${canary.namespace}`, true))
}

/** The start of an analysis, also of one that begins anew. */
export function begin({ observation, now }: Context, status: CanaryStatus, event: Step['events'][number]): Step {
  const { analysis: _old, ...rest } = status
  const { revision, trackedConfigs } = observation
  const started = reroute({ ...rest, failedChecks: 0, trackedConfigs, ...(revision === undefined ? {} : { lastAppliedSpec: revision }) }, { phase: 'Progressing', canaryWeight: 0, iterations: 0 }, now)
  return {
    status: withState(started, { runGeneration: started.kinglet.generation, stepStartedAt: now, notReadySince: undefined, settling: undefined, heldOnCanary: undefined, weightedAt: undefined, bakeStartedAt: undefined, sickPods: undefined, guard: undefined }),
    events: [event],
  }
}
