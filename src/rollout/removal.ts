import { finalizer } from '../api/keys.ts'
import type { CanaryStatus } from '../api/canary-status.ts'
import { canaryReadiness } from './adoption.ts'
import { acknowledgement, hold, nameSilent, normal, pointApex, reroute, stay, waitFor, withState, type Context, type Step } from './step.ts'

/**
 * The way back, without a failed request: weight 0 → the target up and Ready → the Services as they were → the endpoints moved and
 * followed → the primary and everything else of ours gone → the finalizer off.
 */
export function remove(context: Context): Step {
  const { observation } = context
  const { canary } = observation
  const { status } = canary
  if (!canary.finalizers.includes(finalizer)) return stay(status)
  if (status.phase !== 'Terminating') return announce(context, status)
  if (!observation.target) return stay(pointApex(status, undefined))
  if (status.kinglet.apex === undefined) return leave(context, status)
  const acked = acknowledgement(context, status)
  if (!acked.isDone) return hold(status, waitFor('AwaitingAcknowledgement', 'Waiting for every sidecar to send requests to the primary alone'), acked.until)
  const named = nameSilent(status, acked.silent, context.timing)
  const readiness = isGivenBack(context) ? canaryReadiness(context, named.status) : { isReady: false as const, reason: 'it is being scaled up', isPastDeadline: false }
  if (readiness.isReady) return { ...named, status: pointApex(named.status, undefined) }
  const message = `Deployment ${canary.spec.targetRef.name}.${canary.namespace} not ready: ${readiness.reason}. The primary serves until it is.`
  return { ...named, stall: { reason: 'TargetNotReady', message, permanent: readiness.isPastDeadline } }
}

/** Sidecars and marks are out of the target's template, and it has its replicas. */
const isGivenBack = ({ observation: { target } }: Context): boolean => target !== undefined && target.desired > 0 && !target.hasInjectKeys && target.mark === undefined

function announce({ observation, now }: Context, status: CanaryStatus): Step {
  const { name, namespace } = observation.canary
  const event = normal(`Terminating canary ${name}.${namespace}`, true)
  // Everybody is with the canary because the primary cannot serve: that is already where the way back ends.
  if (status.kinglet.heldOnCanary) return { status: { ...status, phase: 'Terminating' }, events: [event] }
  const rerouted = reroute(status, { phase: 'Terminating', canaryWeight: 0, iterations: 0 }, now)
  return { status: withState(rerouted, { settling: undefined, notReadySince: undefined, endpointsMovedAt: undefined }), events: [event] }
}

/** The Services are the user's again; the primary stays until no client can still be on the way to it. */
function leave(context: Context, status: CanaryStatus): Step {
  const { observation, now, timing } = context
  const { name, namespace, spec } = observation.canary
  const { apex, endpoints } = observation.services
  if (!observation.primary) {
    const farewell = normal(`Terminated canary ${name}.${namespace}`, true)
    const isOver = (apex === 'original' || apex === 'missing') && status.kinglet.told?.events.at(-1)?.message !== farewell.message
    return { status, events: isOver ? [farewell] : [] }
  }
  const isMoved = (apex === 'original' || apex === 'missing') && endpoints.primary === 0 && (endpoints.canary > 0 || apex === 'missing')
  const since = isMoved ? (status.kinglet.endpointsMovedAt ?? now) : undefined
  const tracked = withState(status, { endpointsMovedAt: since })
  if (since === undefined) return hold(tracked, waitFor('MovingEndpoints', `Waiting for the endpoints of Service ${spec.service.name} to be the target's alone`))
  return stay(tracked, since + timing.graceMs)
}

/** Whether nothing can still reach the primary, so that it may be deleted. */
export function mayDeletePrimary({ observation, now, timing }: Context, status: CanaryStatus): boolean {
  if (status.phase !== 'Terminating' || status.kinglet.apex !== undefined) return false
  if (!observation.target) return true
  const since = status.kinglet.endpointsMovedAt
  return since !== undefined && now >= since + timing.graceMs
}
