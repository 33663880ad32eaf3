import { listAt, numberAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { desiredReplicas, fencepostsOf, isPaused, type DeploymentView } from './deployment-status.ts'
import { newReplicas, scaleProportionally, shrinkOld, type Count, type Scaling } from './rollout-math.ts'
import { isSameTemplate, templateHash, templateHashLabel, withHash } from './template.ts'

/** What a Deployment does next. Pure; one step at a time, for each step changes what the next one sees. */

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
const maxAnnotation = 'deployment.kubernetes.io/max-replicas'
/** Annotations of the Deployment that its ReplicaSets don't get. */
const ownAnnotations = ['kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, 'deployment.kubernetes.io/revision-history', desiredAnnotation, maxAnnotation]

export type Step =
  | { readonly do: 'create'; readonly replicaSet: JsonObject }
  | { readonly do: 'scale'; readonly changes: Scaling }
  | { readonly do: 'annotate'; readonly replicaSet: JsonObject }
  | { readonly do: 'delete'; readonly names: readonly string[] }
  | { readonly do: 'nothing' }

export interface PlanInput extends DeploymentView {
  /** Pods of old ReplicaSets that have not ended: Recreate waits for them. */
  readonly hasOldPods: boolean
}

/** Divides a Deployment's ReplicaSets by whether they have its template; of several with it the oldest counts. */
export function viewDeployment(deployment: JsonObject, replicaSets: readonly JsonObject[]): DeploymentView {
  const template = objectAt(deployment, 'spec', 'template')
  const byAge = replicaSets.toSorted((a, b) => createdAt(a) - createdAt(b) || (nameOf(a) < nameOf(b) ? -1 : 1))
  const fresh = byAge.find((set) => isSameTemplate(objectAt(set, 'spec', 'template'), template))
  return { deployment, fresh, old: byAge.filter((set) => set !== fresh) }
}

/** The next step towards the Deployment's spec. */
export function planDeployment(input: PlanInput): Step {
  const { deployment, fresh, old } = input
  const replicaSets = fresh ? [...old, fresh] : old
  if (isPaused(deployment) || isScalingEvent(deployment, replicaSets)) return scaleOnly(input)
  const annotated = fresh && withAnnotations(deployment, fresh, old)
  if (annotated && annotated !== fresh) return { do: 'annotate', replicaSet: annotated }
  const step = stringAt(deployment, 'spec', 'strategy', 'type') === 'Recreate' ? recreate(input) : roll(input)
  return step.do === 'nothing' ? cleanUp(input) : step
}

/** The Deployment's revision: its new ReplicaSet's. */
export const revisionOf = (replicaSet: JsonObject): number => Number(stringAt(replicaSet, 'metadata', 'annotations', revisionAnnotation) ?? '0') || 0

export function countOf(replicaSet: JsonObject): Count {
  const max = stringAt(replicaSet, 'metadata', 'annotations', maxAnnotation)
  return {
    name: nameOf(replicaSet),
    replicas: numberAt(replicaSet, 'spec', 'replicas') ?? 0,
    available: numberAt(replicaSet, 'status', 'availableReplicas') ?? 0,
    createdAt: createdAt(replicaSet),
    maxReplicas: max === undefined ? undefined : Number(max),
  }
}

const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''
const createdAt = (object: JsonObject): number => Date.parse(stringAt(object, 'metadata', 'creationTimestamp') ?? '') || 0

/** The annotations by which a ReplicaSet remembers what it was scaled for. */
export function scaleAnnotations(deployment: JsonObject): JsonObject {
  const { desired, surge } = fencepostsOf(deployment)
  return { [desiredAnnotation]: String(desired), [maxAnnotation]: String(desired + surge) }
}

const isActive = (set: JsonObject): boolean => countOf(set).replicas > 0

function isScalingEvent(deployment: JsonObject, replicaSets: readonly JsonObject[]): boolean {
  return replicaSets.filter(isActive).some((set) => {
    const remembered = stringAt(set, 'metadata', 'annotations', desiredAnnotation)
    return remembered !== undefined && Number(remembered) !== desiredReplicas(deployment)
  })
}

function scaleOnly({ deployment, fresh, old }: PlanInput): Step {
  const desired = desiredReplicas(deployment)
  const replicaSets = fresh ? [...old, fresh] : old
  const active = replicaSets.filter(isActive)
  const single = active.length === 1 ? active[0] : active.length === 0 ? (fresh ?? old.at(-1)) : undefined
  if (single) return countOf(single).replicas === desired && !isScalingEvent(deployment, [single]) ? { do: 'nothing' } : scaling(new Map([[nameOf(single), desired]]))
  if (fresh && isSaturated(fresh, desired)) return scaling(new Map(old.filter(isActive).map((set) => [nameOf(set), 0])))
  if (stringAt(deployment, 'spec', 'strategy', 'type') === 'Recreate') return { do: 'nothing' }
  const changes = scaleProportionally(fencepostsOf(deployment), replicaSets.map(countOf))
  // Those whose size stays must still learn the new total.
  return isScalingEvent(deployment, replicaSets) ? scaling(new Map([...active.map((set) => [nameOf(set), countOf(set).replicas] as const), ...changes])) : scaling(changes)
}

const isSaturated = (set: JsonObject, desired: number): boolean => {
  const { replicas, available } = countOf(set)
  return replicas === desired && available === desired && stringAt(set, 'metadata', 'annotations', desiredAnnotation) === String(desired)
}

const scaling = (changes: Scaling): Step => (changes.size === 0 ? { do: 'nothing' } : { do: 'scale', changes })

function recreate({ deployment, fresh, old, hasOldPods }: PlanInput): Step {
  const running = old.filter(isActive)
  if (running.length > 0) return scaling(new Map(running.map((set) => [nameOf(set), 0])))
  if (hasOldPods) return { do: 'nothing' }
  const desired = desiredReplicas(deployment)
  if (!fresh) return { do: 'create', replicaSet: buildReplicaSet(deployment, old, desired) }
  return countOf(fresh).replicas === desired ? { do: 'nothing' } : scaling(new Map([[nameOf(fresh), desired]]))
}

function roll({ deployment, fresh, old }: PlanInput): Step {
  const fence = fencepostsOf(deployment)
  const counts = old.map(countOf)
  if (!fresh) return { do: 'create', replicaSet: buildReplicaSet(deployment, old, newReplicas(fence, counts, 0)) }
  const own = countOf(fresh)
  const wanted = newReplicas(fence, [...counts, own], own.replicas)
  return wanted === own.replicas ? scaling(shrinkOld(fence, own, counts)) : scaling(new Map([[own.name, wanted]]))
}

/** Removes what lies beyond revisionHistoryLimit once nothing is left to do. */
function cleanUp({ deployment, old }: PlanInput): Step {
  const limit = numberAt(deployment, 'spec', 'revisionHistoryLimit') ?? 10
  const idle = old.filter(
    (set) => !isActive(set) && (numberAt(set, 'status', 'replicas') ?? 0) === 0 && stringAt(set, 'metadata', 'deletionTimestamp') === undefined,
  )
  const excess = idle.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, idle.length - limit))
  return excess.length === 0 ? { do: 'nothing' } : { do: 'delete', names: excess.map(nameOf) }
}

const nextRevision = (old: readonly JsonObject[]): number => Math.max(0, ...old.map(revisionOf)) + 1

const inherited = (deployment: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(objectAt(deployment, 'metadata', 'annotations')).filter(([key]) => !ownAnnotations.includes(key)))

/** The ReplicaSet with the annotations that it should have; the same object if it has them. */
function withAnnotations(deployment: JsonObject, set: JsonObject, old: readonly JsonObject[]): JsonObject {
  const revision = Math.max(revisionOf(set), nextRevision(old))
  const before = objectAt(set, 'metadata', 'annotations')
  const wanted: JsonObject = { ...before, ...inherited(deployment), ...scaleAnnotations(deployment), [revisionAnnotation]: String(revision) }
  const isSame = Object.entries(wanted).every(([key, value]) => before[key] === value)
  const minReadySeconds = numberAt(deployment, 'spec', 'minReadySeconds') ?? 0
  if (isSame && minReadySeconds === (numberAt(set, 'spec', 'minReadySeconds') ?? 0)) return set
  return { ...set, metadata: { ...objectAt(set, 'metadata'), annotations: wanted }, spec: { ...objectAt(set, 'spec'), minReadySeconds } }
}

function buildReplicaSet(deployment: JsonObject, old: readonly JsonObject[], replicas: number): JsonObject {
  const template = objectAt(deployment, 'spec', 'template')
  const hash = templateHash(template, numberAt(deployment, 'status', 'collisionCount') ?? 0)
  const selector = objectAt(deployment, 'spec', 'selector')
  const minReadySeconds = numberAt(deployment, 'spec', 'minReadySeconds')
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${nameOf(deployment)}-${hash}`,
      namespace: stringAt(deployment, 'metadata', 'namespace'),
      labels: { ...objectAt(template, 'metadata', 'labels'), [templateHashLabel]: hash },
      annotations: { ...inherited(deployment), ...scaleAnnotations(deployment), [revisionAnnotation]: String(nextRevision(old)) },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: nameOf(deployment), uid: stringAt(deployment, 'metadata', 'uid'), controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: {
        ...(listAt(selector, 'matchExpressions').length > 0 ? { matchExpressions: listAt(selector, 'matchExpressions') } : {}),
        matchLabels: { ...objectAt(selector, 'matchLabels'), [templateHashLabel]: hash },
      },
      template: withHash(template, hash),
    },
  }
}
