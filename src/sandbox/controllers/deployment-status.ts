import { listAt, numberAt, objectAt, stringAt, type Json, type JsonObject } from '../../base/json.ts'
import { timestamp } from '../events.ts'
import { fenceposts, type Fenceposts } from './rollout-math.ts'

/** A Deployment's status: counts and the conditions Available and Progressing. Kubernetes, pkg/controller/deployment/progress.go. Pure. */

export interface DeploymentView {
  readonly deployment: JsonObject
  /** The ReplicaSet with the Deployment's own template; undefined before it is made. */
  readonly fresh: JsonObject | undefined
  /** All others of the Deployment. */
  readonly old: readonly JsonObject[]
}

export interface Progress {
  readonly status: JsonObject
  /** When the progress deadline will have to be looked at again, milliseconds from now. */
  readonly recheckMs?: number
}

export const desiredReplicas = (deployment: JsonObject): number => numberAt(deployment, 'spec', 'replicas') ?? 1
export const isPaused = (deployment: JsonObject): boolean => objectAt(deployment, 'spec')['paused'] === true

/** What `spec.strategy` allows; Recreate has no surge and may be all down. */
export function fencepostsOf(deployment: JsonObject): Fenceposts {
  const desired = desiredReplicas(deployment)
  if (stringAt(deployment, 'spec', 'strategy', 'type') === 'Recreate') return { desired, surge: 0, unavailable: desired }
  const rolling = objectAt(deployment, 'spec', 'strategy', 'rollingUpdate')
  const value = (name: string): number | string => {
    const given = rolling[name]
    return typeof given === 'number' || typeof given === 'string' ? given : '25%'
  }
  return fenceposts(desired, value('maxSurge'), value('maxUnavailable'))
}

/** The status that the Deployment should have now. */
export function buildDeploymentStatus(view: DeploymentView, now: Date): Progress {
  const { deployment, fresh, old } = view
  const all = fresh ? [...old, fresh] : old
  const total = (...path: readonly string[]): number => all.reduce((sum, set) => sum + (numberAt(set, ...path) ?? 0), 0)
  const available = total('status', 'availableReplicas')
  const counts = {
    replicas: total('status', 'replicas'),
    updatedReplicas: numberAt(fresh, 'status', 'replicas') ?? 0,
    readyReplicas: total('status', 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total('spec', 'replicas') - available),
  }
  const before = objectAt(deployment, 'status')
  const progressing = progressCondition(view, counts, before, now)
  const wanted = [availableCondition(deployment, available), ...failureCondition(all), ...(progressing ? [progressing.condition] : [])]
  const { collisionCount } = before
  const status: JsonObject = {
    observedGeneration: numberAt(deployment, 'metadata', 'generation') ?? 0,
    // The API leaves out counts of zero.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: wanted.map((condition) => withTimes(condition, conditionOf(before, condition.type), now)),
  }
  return progressing?.recheckMs === undefined ? { status } : { status, recheckMs: progressing.recheckMs }
}

interface Condition {
  readonly type: 'Available' | 'Progressing' | 'ReplicaFailure'
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** Something moved: the time of the last update becomes now though nothing else changed. */
  readonly isFresh?: boolean
}

const conditionOf = (status: JsonObject, type: string): Json | undefined => listAt(status, 'conditions').find((condition) => stringAt(condition, 'type') === type)

function withTimes(condition: Condition, before: Json | undefined, now: Date): JsonObject {
  const { type, status, reason, message, isFresh } = condition
  const isSame = stringAt(before, 'status') === status && stringAt(before, 'reason') === reason && isFresh !== true
  return {
    type,
    status,
    lastUpdateTime: (isSame ? stringAt(before, 'lastUpdateTime') : undefined) ?? timestamp(now),
    lastTransitionTime: (stringAt(before, 'status') === status ? stringAt(before, 'lastTransitionTime') : undefined) ?? timestamp(now),
    reason,
    message: isSame ? (stringAt(before, 'message') ?? message) : message,
  }
}

function availableCondition(deployment: JsonObject, available: number): Condition {
  const { desired, unavailable } = fencepostsOf(deployment)
  return available >= desired - unavailable
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }
}

function failureCondition(sets: readonly JsonObject[]): readonly Condition[] {
  for (const set of sets) {
    const failure = conditionOf(objectAt(set, 'status'), 'ReplicaFailure')
    if (failure === undefined) continue
    return [{ type: 'ReplicaFailure', status: 'True', reason: stringAt(failure, 'reason') ?? '', message: stringAt(failure, 'message') ?? '' }]
  }
  return []
}

interface Counts {
  readonly replicas: number
  readonly updatedReplicas: number
  readonly readyReplicas: number
  readonly availableReplicas: number
}

function progressCondition(view: DeploymentView, counts: Counts, before: JsonObject, now: Date): { readonly condition: Condition; readonly recheckMs?: number } | undefined {
  const { deployment, fresh } = view
  const current = conditionOf(before, 'Progressing')
  const reason = stringAt(current, 'reason')
  const deadlineSeconds = numberAt(deployment, 'spec', 'progressDeadlineSeconds') ?? 600
  const make = (status: Condition['status'], text: string, message: string, isFresh = false) =>
    ({ condition: { type: 'Progressing', status, reason: text, message, isFresh } }) as const
  if (isPaused(deployment)) return make('Unknown', 'DeploymentPaused', 'Deployment is paused')
  if (reason === 'DeploymentPaused') return make('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  if (!fresh) return undefined
  const title = `ReplicaSet "${stringAt(fresh, 'metadata', 'name')}"`
  if (isComplete(deployment, counts)) return make('True', 'NewReplicaSetAvailable', `${title} has successfully progressed.`)
  if (current === undefined) return withRecheck(make('True', 'NewReplicaSetCreated', `Created new replica set "${stringAt(fresh, 'metadata', 'name')}"`), deadlineSeconds * 1000)
  if (hasMoved(counts, before) || reason === 'NewReplicaSetAvailable') {
    return withRecheck(make('True', 'ReplicaSetUpdated', `${title} is progressing.`, true), deadlineSeconds * 1000)
  }
  const leftMs = Date.parse(stringAt(current, 'lastUpdateTime') ?? '') + deadlineSeconds * 1000 - now.getTime()
  if (leftMs <= 0 || reason === 'ProgressDeadlineExceeded') return make('False', 'ProgressDeadlineExceeded', `${title} has timed out progressing.`)
  return withRecheck(make(statusOf(current), reason ?? '', stringAt(current, 'message') ?? ''), leftMs)
}

const withRecheck = <T>(progress: T, recheckMs: number): T & { readonly recheckMs: number } => ({ ...progress, recheckMs: recheckMs + 500 })

function statusOf(condition: Json): Condition['status'] {
  const status = stringAt(condition, 'status')
  return status === 'True' || status === 'False' ? status : 'Unknown'
}

const isComplete = (deployment: JsonObject, counts: Counts): boolean =>
  [counts.updatedReplicas, counts.replicas, counts.availableReplicas].every((count) => count === desiredReplicas(deployment))

/** More new pods, fewer old ones, or more ready or available ones than before. */
function hasMoved(counts: Counts, before: JsonObject): boolean {
  const was = (name: keyof Counts): number => numberAt(before, name) ?? 0
  const oldPods = counts.replicas - counts.updatedReplicas
  return (
    counts.updatedReplicas > was('updatedReplicas') ||
    oldPods < was('replicas') - was('updatedReplicas') ||
    counts.readyReplicas > was('readyReplicas') ||
    counts.availableReplicas > was('availableReplicas')
  )
}
