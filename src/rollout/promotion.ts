import type { CanaryStatus } from '../api/canary-status.ts'
import { canaryReadiness, primaryReadiness } from './adoption.ts'
import { begin } from './idle.ts'
import { acknowledgement, carriesTraffic, hold, nameSilent, normal, pointApex, reroute, stay, waitFor, warning, withState, type Context, type Step } from './step.ts'

/**
 * The primary rolls to the judged template while the canary keeps its share; when it is ready the traffic goes back. A primary that
 * does not become ready fails the promotion and leaves everything with the healthy canary.
 */
export function continuePromotion(context: Context): Step {
  const { observation } = context
  const status = observation.canary.status
  const isCopied = observation.primary?.revision === status.lastAppliedSpec
  const isTargetMoved = observation.revision !== undefined && observation.revision !== status.lastAppliedSpec
  if (!isCopied) {
    if (isTargetMoved) return begin(context, status, normal(`New revision detected! Restarting analysis for ${observation.canary.spec.targetRef.name}.${observation.canary.namespace}`, true))
    return awaitSwitch(context, status)
  }
  // Whatever the target became meanwhile has not been judged: it gets nothing, while the judged template goes on.
  if (isTargetMoved && carriesTraffic(observation.canary) && observation.pods.ready.primary > 0) return backToPrimary(context, status)
  const readiness = primaryReadiness(context, status)
  if (readiness.isReady && (observation.services.apex !== 'primary' || status.kinglet.apex !== 'primary')) return stay(pointApex(withState(status, { notReadySince: undefined }), 'primary'))
  if (readiness.isReady) return shiftBack(context, withState(status, { notReadySince: undefined }))
  return awaitPrimary(context, status, readiness)
}

/** Nothing is copied before every sidecar follows the routing that the promotion starts with. */
function awaitSwitch(context: Context, status: CanaryStatus): Step {
  const acked = acknowledgement(context, status)
  if (!acked.isDone) return hold(status, waitFor('AwaitingAcknowledgement', 'Waiting for every sidecar before the primary is changed'), acked.until)
  return nameSilent(status, acked.silent, context.timing)
}

function awaitPrimary(context: Context, status: CanaryStatus, readiness: { readonly reason: string; readonly isPastDeadline: boolean }): Step {
  const { observation, now } = context
  const { namespace, spec } = observation.canary
  const since = status.kinglet.notReadySince ?? now
  const timed = withState(status, { notReadySince: since })
  const canServe = canaryReadiness(context, status).isReady && observation.revision === status.lastAppliedSpec
  if (readiness.isPastDeadline && canServe) return failPromotion(context, timed, readiness.reason)
  const fallback = observation.revision === status.lastAppliedSpec && observation.pods.ready.canary > 0 && observation.pods.ready.primary === 0
  // Clients enter through the primary's pods: while none is ready they enter through the canary's.
  const apex = fallback ? 'canary' : observation.pods.ready.primary > 0 ? 'primary' : timed.kinglet.apex
  const placed = pointApex(timed, apex)
  const message = `${spec.targetRef.name}-primary.${namespace} not ready: ${readiness.reason}`
  return hold(placed, { reason: 'PrimaryNotReady', message, permanent: readiness.isPastDeadline }, since + spec.progressDeadlineSeconds * 1000)
}

function failPromotion({ observation, now }: Context, status: CanaryStatus, reason: string): Step {
  const { namespace, spec } = observation.canary
  const failed = reroute(status, { phase: 'Failed', canaryWeight: 100, iterations: 0 }, now)
  const apex = observation.pods.ready.primary > 0 ? 'primary' : 'canary'
  return {
    status: pointApex(withState(failed, { heldOnCanary: true }), apex),
    events: [warning(`Promotion of ${spec.targetRef.name}.${namespace} failed, primary not ready: ${reason}`, true)],
  }
}

/** A failed promotion whose canary serves. It ends when the primary becomes ready after all, or with another revision. */
export function holdOnCanary(context: Context): Step {
  const { observation, now } = context
  const status = observation.canary.status
  const { namespace, spec } = observation.canary
  const { revision, primary, pods } = observation
  if (revision !== undefined && revision !== status.lastAppliedSpec) {
    // The canary's pods, which serve everybody, have taken up the new template already: the primary follows them.
    const { heldOnCanary: _over, ...kinglet } = status.kinglet
    const next: CanaryStatus = { ...status, kinglet, lastAppliedSpec: revision, trackedConfigs: observation.trackedConfigs, failedChecks: 0 }
    return { status: withState(reroute(next, { phase: 'Promoting' }, now), { notReadySince: undefined }), events: [normal(`New revision detected! ${spec.targetRef.name}.${namespace} serves it while the primary is not ready`, true)] }
  }
  if (primary?.revision === status.lastAppliedSpec && primaryReadiness(context, status).isReady) {
    return { status: pointApex(withState(reroute(status, { phase: 'Promoting' }, now), { heldOnCanary: undefined, notReadySince: undefined }), 'primary'), events: [normal(`${spec.targetRef.name}-primary.${namespace} has become ready, promotion goes on`, true)] }
  }
  const apex = pods.ready.primary > 0 ? 'primary' : pods.ready.canary > 0 ? 'canary' : status.kinglet.apex
  return stay(pointApex(status, apex))
}

/** The primary is ready: the canary's share goes back, in one go or in steps of an interval. */
function shiftBack(context: Context, status: CanaryStatus): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const { stepWeightPromotion, intervalMs } = spec.analysis
  const { stepStartedAt } = status.kinglet
  const isInSteps = stepWeightPromotion > 0 && status.canaryWeight > 0
  if (isInSteps && stepStartedAt === undefined) {
    const acked = acknowledgement(context, status)
    if (!acked.isDone) return stay(status, acked.until)
    return { ...nameSilent(withState(status, { stepStartedAt: now }), acked.silent, context.timing), wakeAt: now + intervalMs }
  }
  if (isInSteps && stepStartedAt !== undefined && now < stepStartedAt + intervalMs) return stay(status, stepStartedAt + intervalMs)
  const canaryWeight = isInSteps ? Math.max(0, status.canaryWeight - stepWeightPromotion) : 0
  if (canaryWeight > 0) return { status: reroute(status, { canaryWeight }, now), events: [normal(`Advance ${name}.${namespace} primary weight ${100 - canaryWeight}`)] }
  const events = carriesTraffic(observation.canary) ? [normal(isInSteps ? `Advance ${name}.${namespace} primary weight 100` : 'Routing all traffic to primary')] : []
  return { status: reroute(status, { phase: 'Finalising', canaryWeight: 0 }, now), events }
}

function backToPrimary({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  return {
    status: pointApex(reroute(status, { canaryWeight: 0, iterations: 0 }, now), 'primary'),
    events: [normal(`${spec.targetRef.name}.${namespace} has changed during promotion: routing all traffic to primary`, true)],
  }
}

/** Weight 0 is published; once every sidecar has it the target may go. */
export function finalise(context: Context): Step {
  const { observation } = context
  const status = observation.canary.status
  const { namespace, spec } = observation.canary
  const acked = acknowledgement(context, status)
  if (!acked.isDone) return hold(status, waitFor('AwaitingAcknowledgement', 'Waiting for every sidecar to send requests to the primary alone'), acked.until)
  const named = nameSilent(status, acked.silent, context.timing)
  const promoted = observation.primary?.revision ?? status.lastAppliedSpec
  const skipped = spec.skipAnalysis
  const text = skipped ? `Promotion completed! Canary analysis was skipped for ${spec.targetRef.name}.${namespace}` : `Promotion completed! Scaling down ${spec.targetRef.name}.${namespace}`
  return {
    status: withState({ ...named.status, phase: 'Succeeded', canaryWeight: 0, iterations: 0, ...(promoted === undefined ? {} : { lastPromotedSpec: promoted }) }, { settling: observation.revision === status.lastAppliedSpec ? true : undefined, notReadySince: undefined, stepStartedAt: undefined }),
    events: [...named.events, normal(text, true)],
  }
}
