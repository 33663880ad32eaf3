import type { CanaryStatus } from '../api/canary-status.ts'
import { finalizer } from '../api/keys.ts'
import type { Track } from '../api/protocol.ts'
import type { TargetStatus } from '../api/target.ts'
import { replacedPods } from './guarded.ts'
import { acknowledgement, carriesTraffic, type Context } from './step.ts'
import { mayDeletePrimary } from './removal.ts'

/** One idempotent change to the cluster. `resources/` builds the objects, the controller writes them. */
export type Action =
  | { readonly type: 'add-finalizer' }
  /** Makes the primary, or gives it the target's template: the promotion itself. Configs are copied before. */
  | { readonly type: 'copy-to-primary'; readonly revision: string }
  /** Gives a primary that somebody else made our sidecar, and nothing else. */
  | { readonly type: 'inject-primary' }
  | { readonly type: 'scale-primary'; readonly replicas: number }
  | { readonly type: 'sync-scaler' }
  | { readonly type: 'sync-split-services' }
  | { readonly type: 'point-apex'; readonly to: Track | 'original' }
  /** Tells the webhook what the target is. */
  | { readonly type: 'mark-target'; readonly phase: TargetStatus['phase'] }
  /** Replicas of the target, with the keys that make the webhook inject. */
  | { readonly type: 'scale-target'; readonly replicas: number }
  /** Somebody scaled the resting target: remembered as the wish for the primary, and back to zero. */
  | { readonly type: 'take-wish'; readonly replicas: number }
  /** Pods that serve nobody. */
  | { readonly type: 'replace-pods'; readonly pods: readonly string[] }
  /** Pods that serve: no more at once than their PodDisruptionBudgets allow. */
  | { readonly type: 'evict-pods'; readonly pods: readonly string[] }
  /** The target as its owner wrote it: no keys of ours, replicas to serve everything. */
  | { readonly type: 'release-target'; readonly replicas: number }
  | { readonly type: 'delete-split' }
  | { readonly type: 'remove-finalizer' }

/** What differs from what the status wants. Empty when the world is as it should be. */
export function converge(context: Context, status: CanaryStatus): readonly Action[] {
  const { canary } = context.observation
  if (canary.isDeleting) return canary.finalizers.includes(finalizer) ? removal(context, status) : []
  const actions: Action[] = canary.spec.revertOnDeletion && !canary.finalizers.includes(finalizer) ? [{ type: 'add-finalizer' }] : []
  if (context.observation.problem || canary.spec.suspend || isBlocked(context, status)) return actions
  return [...actions, ...markTarget(context, status), ...primary(context, status), ...services(context, status), ...target(context, status)]
}

const isBlocked = ({ observation }: Context, status: CanaryStatus): boolean => status.phase === 'Initializing' && observation.adoptionProblem !== undefined

const isResting = ({ phase, kinglet }: CanaryStatus): boolean =>
  phase === 'Initialized' || phase === 'Succeeded' || phase === 'Waiting' || (phase === 'Failed' && !kinglet.heldOnCanary)

function markTarget({ observation }: Context, status: CanaryStatus): readonly Action[] {
  if (!observation.target) return []
  const phase = status.phase === 'Initializing' ? 'adopting' : isResting(status) ? 'idle' : 'active'
  const { mark, appPort } = observation.target
  const isRight = mark?.phase === phase && mark.canary === observation.canary.name && mark.appPort === appPort
  return isRight ? [] : [{ type: 'mark-target', phase }]
}

function primary(context: Context, status: CanaryStatus): readonly Action[] {
  const { observation } = context
  const { revision, target } = observation
  const live = observation.primary
  const actions: Action[] = []
  if (revision !== undefined && target && needsCopy(context, status)) actions.push({ type: 'copy-to-primary', revision })
  else if (live && !live.hasSidecar && status.phase === 'Initializing') actions.push({ type: 'inject-primary' })
  if (!live) return actions
  if (!observation.isScalerInSync) actions.push({ type: 'sync-scaler' })
  const { wish } = target ?? {}
  const isWishNew = wish !== undefined && wish > 0 && wish !== status.kinglet.replicas && wish !== live.desired
  if (isWishNew && isResting(status) && !observation.canary.spec.autoscalerRef) actions.push({ type: 'scale-primary', replicas: wish })
  return actions
}

function needsCopy(context: Context, status: CanaryStatus): boolean {
  const { primary: live, revision } = context.observation
  if (status.phase === 'Initializing') return !live || (live.revision !== undefined && live.revision !== revision && status.kinglet.apex !== 'primary')
  if (status.phase === 'Promoting') return revision === status.lastAppliedSpec && live?.revision !== status.lastAppliedSpec && acknowledgement(context, status).isDone
  return isResting(status) && !live && revision === status.lastPromotedSpec
}

function services({ observation }: Context, status: CanaryStatus): readonly Action[] {
  const { services: live } = observation
  const actions: Action[] = []
  if (!live.areSplitServicesInSync && observation.primary) actions.push({ type: 'sync-split-services' })
  const { apex } = status.kinglet
  if (apex !== undefined && live.apex !== apex) actions.push({ type: 'point-apex', to: apex })
  return actions
}

function target(context: Context, status: CanaryStatus): readonly Action[] {
  const { observation } = context
  const live = observation.target
  if (!live) return []
  if (isResting(status)) {
    if (live.desired === 0 || !mayScaleDown(context, status)) return []
    if (status.kinglet.settling) return [{ type: 'scale-target', replicas: 0 }]
    const isKnown = observation.revision === status.lastAppliedSpec || observation.revision === status.lastPromotedSpec
    return isKnown ? [{ type: 'take-wish', replicas: live.desired }] : []
  }
  if (status.phase === 'Initializing' || status.phase === 'Finalising') return []
  const { uninjected } = observation.pods
  const actions: Action[] = []
  if (live.desired === 0 || !live.hasInjectKeys) actions.push({ type: 'scale-target', replicas: live.desired > 0 ? live.desired : live.canaryReplicas })
  if (!live.hasInjectKeys || status.phase !== 'Progressing') return actions
  const sick = replacedPods(observation, status)
  if (uninjected.length > 0) actions.push({ type: 'replace-pods', pods: uninjected })
  if (sick.length > 0) actions.push({ type: 'evict-pods', pods: sick })
  return actions
}

/** No request can still be on the way to the target's pods, and somebody else serves. */
export function mayScaleDown(context: Context, status: CanaryStatus): boolean {
  const { observation, now, timing } = context
  const { services: live, pods } = observation
  if (carriesTraffic({ spec: observation.canary.spec, status }) || !acknowledgement(context, status).isDone) return false
  if (live.apex !== 'primary' || live.endpoints.canary > 0 || live.endpoints.primary === 0 || pods.ready.primary === 0) return false
  const movedAt = status.kinglet.endpointsMovedAt
  return movedAt !== undefined && now >= movedAt + timing.graceMs
}

function removal(context: Context, status: CanaryStatus): readonly Action[] {
  const { observation } = context
  const live = observation.target
  const actions: Action[] = []
  if (status.kinglet.apex !== undefined && live && acknowledgement(context, status).isDone) {
    if (live.desired === 0 || live.hasInjectKeys || live.mark) actions.push({ type: 'release-target', replicas: live.desired > 0 ? live.desired : live.servingReplicas })
    if (observation.services.apex !== status.kinglet.apex) actions.push({ type: 'point-apex', to: status.kinglet.apex })
    return actions
  }
  if (status.kinglet.apex !== undefined) return actions
  if (live && (live.mark || live.hasInjectKeys)) actions.push({ type: 'release-target', replicas: live.desired })
  const isOriginal = observation.services.apex === 'original' || observation.services.apex === 'missing'
  if (!isOriginal) return [...actions, { type: 'point-apex', to: 'original' }]
  if (observation.primary && !mayDeletePrimary(context, status)) return actions
  if (observation.primary) return [...actions, { type: 'delete-split' }]
  return [...actions, { type: 'delete-split' }, { type: 'remove-finalizer' }]
}
