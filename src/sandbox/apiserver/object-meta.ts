import { randomBytes, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../base/json.ts'
import type { ResourceName } from '../contract.ts'

/** metadata as the store keeps it: what an object gets on creation, what a change may not touch, what raises the generation. */

const withoutGeneration = new Set<ResourceName>([
  '/namespaces', '/services', '/configmaps', '/secrets', '/serviceaccounts', '/events', '/nodes', 'events.k8s.io/events',
  'coordination.k8s.io/leases', 'autoscaling/horizontalpodautoscalers', 'rbac.authorization.k8s.io/roles',
  'rbac.authorization.k8s.io/rolebindings', 'rbac.authorization.k8s.io/clusterroles', 'rbac.authorization.k8s.io/clusterrolebindings',
])

export const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''
export const namespaceOf = (object: JsonObject): string | undefined => stringAt(object, 'metadata', 'namespace')
export const uidOf = (object: JsonObject): string => stringAt(object, 'metadata', 'uid') ?? ''
export const revisionOf = (object: JsonObject): number => Number(stringAt(object, 'metadata', 'resourceVersion') ?? 0)
export const isDeleting = (object: JsonObject): boolean => stringAt(object, 'metadata', 'deletionTimestamp') !== undefined
export const finalizersOf = (object: JsonObject): readonly string[] => listAt(object, 'metadata', 'finalizers').filter((name) => typeof name === 'string')

/** RFC 3339 to the second, as Kubernetes prints metav1.Time. */
export const timestamp = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`

/** The object with these keys of its metadata set; `undefined` removes a key. */
export function withMetadata(object: JsonObject, changes: JsonObject): JsonObject {
  const metadata = Object.fromEntries(Object.entries({ ...objectAt(object, 'metadata'), ...changes }).filter(([, value]) => value !== undefined))
  return { ...object, metadata }
}

/** Characters of generated names: Kubernetes' own set, without vowels and look-alikes, so that no words appear. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
/** Names made from generateName keep to 63 characters: 58 of the prefix and 5 by chance. */
const longestPrefix = 58

export function generateName(prefix: string): string {
  const suffix = [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('')
  return `${prefix.slice(0, longestPrefix)}${suffix}`
}

/** The object with all that the store gives a new one, except its resourceVersion. */
export function bornMetadata(resource: ResourceName, object: JsonObject, now: Date): JsonObject {
  const metadata = objectAt(object, 'metadata')
  return withMetadata(object, {
    name: stringAt(metadata, 'name') ?? generateName(stringAt(metadata, 'generateName') ?? ''),
    uid: randomUUID(),
    creationTimestamp: timestamp(now),
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    generation: withoutGeneration.has(resource) ? undefined : 1,
  })
}

/** `next` with what only the store decides taken from `current`, and with the generation that the change earns. */
export function successorMetadata(resource: ResourceName, current: JsonObject, next: JsonObject): JsonObject {
  const kept = objectAt(current, 'metadata')
  const generation = numberAt(kept, 'generation')
  const risen = generation !== undefined && isNewGeneration(resource, current, next) ? generation + 1 : generation
  return withMetadata(next, {
    uid: kept['uid'],
    creationTimestamp: kept['creationTimestamp'],
    deletionTimestamp: kept['deletionTimestamp'],
    deletionGracePeriodSeconds: kept['deletionGracePeriodSeconds'],
    resourceVersion: kept['resourceVersion'],
    generation: risen,
  })
}

/** Whether desire changed: anything but metadata and status; for Deployments their annotations too, since ReplicaSets carry copies. */
function isNewGeneration(resource: ResourceName, current: JsonObject, next: JsonObject): boolean {
  if (resource === 'apps/deployments' && !isDeepStrictEqual(ownAnnotations(current), ownAnnotations(next))) return true
  return !isDeepStrictEqual(desireOf(current), desireOf(next))
}

/** Without the revision, which the Deployment controller writes together with the status. */
function ownAnnotations(deployment: JsonObject): JsonObject {
  const { 'deployment.kubernetes.io/revision': _revision, ...annotations } = objectAt(deployment, 'metadata', 'annotations')
  return annotations
}

const desireOf = ({ metadata: _metadata, status: _status, apiVersion: _apiVersion, kind: _kind, ...desire }: JsonObject): JsonObject => desire

/** Freezes what the store keeps: a caller that changes a shared object finds out at once. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  if (Array.isArray(value)) for (const item of value) freezeDeep(item)
  else if (isObject(value)) for (const item of Object.values(value)) freezeDeep(item)
  return value
}
