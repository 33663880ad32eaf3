import type { CanaryStatus } from '../api/canary-status.ts'
import { readinessOf, type Readiness } from './readiness.ts'
import { hold, normal, pointApex, reroute, stallOf, waitFor, withState, type Context, type Step } from './step.ts'

/**
 * From a plain Deployment and Service to the split, without a failed request: the primary is made and becomes ready, the apex is
 * pointed at it, the endpoints move, the kube-proxies get time to follow, and only then the target goes to zero (`settling`).
 */
export function adopt(context: Context): Step {
  const { observation, now } = context
  const known: CanaryStatus = { ...observation.canary.status, phase: 'Initializing' }
  // The first routing intent: sidecars that acknowledge it are connected, before anything rests on them.
  const status = known.kinglet.generation === 0 ? reroute(known, {}, now) : known
  if (observation.adoptionProblem) return hold(status, stallOf(observation.adoptionProblem))
  const { primary } = observation
  if (!primary?.hasSidecar || (status.kinglet.apex !== 'primary' && isOutdated(context))) return hold(status, waitFor('CreatingPrimary', `Waiting for Deployment ${primaryOf(context)} to be made`))
  const readiness = primaryReadiness(context, status)
  if (!readiness.isReady) {
    const since = status.kinglet.notReadySince ?? now
    const waiting = withState(status, { notReadySince: since })
    const message = `${primaryOf(context)}.${observation.canary.namespace} not ready: ${readiness.reason}`
    return hold(waiting, { reason: 'PrimaryNotReady', message, permanent: readiness.isPastDeadline })
  }
  return moveClients(context, pointApex(withState(status, { notReadySince: undefined }), 'primary'))
}

/** The target's template has changed before anybody was served by the primary: the primary follows it. */
const isOutdated = ({ observation: { primary, revision } }: Context): boolean => primary?.revision !== undefined && primary.revision !== revision

function moveClients(context: Context, status: CanaryStatus): Step {
  const { observation, now, timing } = context
  const tracked = trackEndpoints(context, status)
  const since = tracked.kinglet.endpointsMovedAt
  if (since === undefined) return hold(tracked, waitFor('MovingEndpoints', `Waiting for the endpoints of Service ${observation.canary.spec.service.name} to be the primary's alone`))
  if (now < since + timing.graceMs) return { ...hold(tracked, waitFor('MovingEndpoints', 'Giving every kube-proxy time to follow the endpoints')), wakeAt: since + timing.graceMs }
  const { name, namespace } = observation.canary
  const revision = observation.primary?.revision ?? (observation.primary?.equalsTarget ? observation.revision : unknownRevision)
  return {
    status: withState(
      {
        ...tracked,
        phase: 'Initialized',
        canaryWeight: 0,
        failedChecks: 0,
        iterations: 0,
        trackedConfigs: observation.trackedConfigs,
        ...(revision === undefined ? {} : { lastAppliedSpec: revision, lastPromotedSpec: revision }),
      },
      { settling: true, ...(observation.target ? { replicas: observation.target.servingReplicas } : {}) },
    ),
    events: [normal(`Initialization done! ${name}.${namespace}`, true)],
  }
}

/** Of a primary that Flagger made of a template that is gone: different from every revision, so that what the target has is judged. */
const unknownRevision = 'unknown'

/** Since when every ready endpoint of the apex is the primary's; forgotten as soon as one is not. */
export function trackEndpoints({ observation, now }: Pick<Context, 'observation' | 'now'>, status: CanaryStatus): CanaryStatus {
  const { apex, endpoints } = observation.services
  const isMoved = apex === 'primary' && endpoints.primary > 0 && endpoints.canary === 0
  return withState(status, { endpointsMovedAt: isMoved ? (status.kinglet.endpointsMovedAt ?? now) : undefined })
}

export const primaryOf = ({ observation }: Pick<Context, 'observation'>): string => `${observation.canary.spec.targetRef.name}-primary`

/** Readiness of the primary; one that is missing is not ready. */
export function primaryReadiness({ observation, now }: Context, status: CanaryStatus): Readiness {
  const { analysis, progressDeadlineSeconds } = observation.canary.spec
  if (!observation.primary) return { isReady: false, reason: 'it does not exist', isPastDeadline: false }
  return readinessOf(observation.primary, analysis.primaryReadyThresholdPercent, { notReadySince: status.kinglet.notReadySince, seconds: progressDeadlineSeconds, now })
}

/** Readiness of the target's pods. */
export function canaryReadiness({ observation, now }: Context, status: CanaryStatus): Readiness {
  const { analysis, progressDeadlineSeconds } = observation.canary.spec
  const { target } = observation
  if (!target) return { isReady: false, reason: 'the Deployment does not exist', isPastDeadline: false }
  if (target.desired === 0) return { isReady: false, reason: 'waiting for rollout to finish: it is being scaled up', isPastDeadline: false }
  return readinessOf(target, analysis.canaryReadyThresholdPercent, { notReadySince: status.kinglet.notReadySince, seconds: progressDeadlineSeconds, now })
}

