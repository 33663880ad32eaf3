import { strategyOf } from '../api/canary.ts'
import type { CanaryStatus, RolloutEvent } from '../api/canary-status.ts'
import { isMirroring, normal, reroute, warning, withState, type Context, type Step } from './step.ts'

/** How an analysis ends: promoted, rolled back, or taken back by whoever applied the promoted template again. */

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
export function takeBack({ observation, now }: Context, status: CanaryStatus): Step {
  const { namespace, spec } = observation.canary
  const idle = reroute({ ...status, failedChecks: 0, trackedConfigs: observation.trackedConfigs, ...(observation.revision === undefined ? {} : { lastAppliedSpec: observation.revision }) }, { phase: 'Initialized', canaryWeight: 0, iterations: 0 }, now)
  return {
    status: withState(idle, { settling: true, notReadySince: undefined, bakeStartedAt: undefined }),
    events: [normal(`Promoted revision restored, analysis stopped for ${spec.targetRef.name}.${namespace}`, true)],
  }
}
