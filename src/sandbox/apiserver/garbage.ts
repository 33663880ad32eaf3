import { isObject, type JsonObject, listAt, stringAt } from '../../base/json.ts'
import type { ResourceName } from '../contract.ts'
import { finalizersOf, isDeleting, nameOf, namespaceOf, uidOf, withMetadata } from './object-meta.ts'
import type { ObjectStore } from './store.ts'

/**
 * The garbage collector: objects whose owners are all gone go too. An owner that is deleted in the foreground waits, under the
 * finalizer `foregroundDeletion`, until its dependents are gone; with `orphan` the dependents lose the reference and stay.
 */
export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

interface Place {
  readonly resource: ResourceName
  readonly namespace: string | undefined
  readonly name: string
}

const ownersOf = (object: JsonObject): readonly string[] =>
  listAt(object, 'metadata', 'ownerReferences').flatMap((owner) => stringAt(owner, 'uid') ?? [])

/** Collects from now on; returns the end of it. */
export function startGarbageCollector(store: ObjectStore): () => void {
  const living = new Map<string, Place>()
  const dependents = new Map<string, Set<string>>()

  const find = (uid: string): JsonObject | undefined => {
    const place = living.get(uid)
    return place === undefined ? undefined : store.get(place.resource, place.namespace, place.name)
  }
  const remember = (resource: ResourceName, object: JsonObject): void => {
    living.set(uidOf(object), { resource, namespace: namespaceOf(object), name: nameOf(object) })
    for (const owner of ownersOf(object)) dependents.set(owner, (dependents.get(owner) ?? new Set()).add(uidOf(object)))
  }
  const forget = (object: JsonObject): void => {
    living.delete(uidOf(object))
    for (const owner of ownersOf(object)) {
      const left = dependents.get(owner)
      left?.delete(uidOf(object))
      if (left?.size === 0) dependents.delete(owner)
    }
  }
  const dependentsOf = (uid: string): readonly JsonObject[] => [...(dependents.get(uid) ?? [])].map(find).filter((dependent) => dependent !== undefined)
  const dropReference = (object: JsonObject, owner: string): void => {
    const place = living.get(uidOf(object))
    if (place === undefined) return
    const left = listAt(object, 'metadata', 'ownerReferences').filter((reference) => stringAt(reference, 'uid') !== owner)
    store.update(place.resource, withMetadata(object, { ownerReferences: left.length === 0 ? undefined : left, resourceVersion: undefined }))
  }
  const dropFinalizer = (object: JsonObject, finalizer: string): void => {
    const place = living.get(uidOf(object))
    if (place === undefined) return
    store.update(place.resource, withMetadata(object, { finalizers: finalizersOf(object).filter((name) => name !== finalizer), resourceVersion: undefined }))
  }
  const collect = (object: JsonObject): void => {
    const place = living.get(uidOf(object))
    if (place === undefined || isDeleting(object)) return
    const owners = ownersOf(object)
    const gone = owners.filter((owner) => !living.has(owner))
    if (owners.length === 0 || gone.length === 0) return
    if (gone.length === owners.length) store.delete(place.resource, place.namespace, place.name)
    else for (const owner of gone) dropReference(store.get(place.resource, place.namespace, place.name) ?? object, owner)
  }
  /** An owner on its way out under one of the two finalizers. */
  const attend = (owner: JsonObject): void => {
    if (!isDeleting(owner)) return
    const finalizers = finalizersOf(owner)
    if (finalizers.includes(orphanFinalizer)) {
      for (const dependent of dependentsOf(uidOf(owner))) dropReference(dependent, uidOf(owner))
      dropFinalizer(find(uidOf(owner)) ?? owner, orphanFinalizer)
    } else if (finalizers.includes(foregroundFinalizer)) {
      const blocking = dependentsOf(uidOf(owner)).filter((dependent) => blocks(dependent, uidOf(owner)))
      for (const dependent of dependentsOf(uidOf(owner))) if (!isDeleting(dependent)) deleteAt(store, living.get(uidOf(dependent)))
      if (blocking.length === 0) dropFinalizer(find(uidOf(owner)) ?? owner, foregroundFinalizer)
    }
  }

  for (const resource of store.resources()) for (const object of store.list(resource)) remember(resource, object)
  return store.watchAll((resource, event) => {
    if (event.type !== 'DELETED') {
      if (event.previous !== undefined) forget(event.previous)
      // What happened to the object since is in the store; an event of a removed one must not bring it back.
      const current = store.get(resource, namespaceOf(event.object), nameOf(event.object))
      if (current === undefined || uidOf(current) !== uidOf(event.object)) return
      remember(resource, event.object)
      collect(event.object)
      attend(event.object)
      return
    }
    const orphans = dependentsOf(uidOf(event.object))
    forget(event.object)
    dependents.delete(uidOf(event.object))
    for (const orphan of orphans) collect(orphan)
    for (const owner of ownersOf(event.object)) {
      const waiting = find(owner)
      if (waiting !== undefined) attend(waiting)
    }
  })
}

const blocks = (dependent: JsonObject, owner: string): boolean =>
  listAt(dependent, 'metadata', 'ownerReferences').some((reference) => isObject(reference) && reference['uid'] === owner && reference['blockOwnerDeletion'] === true)

function deleteAt(store: ObjectStore, place: Place | undefined): void {
  if (place !== undefined) store.delete(place.resource, place.namespace, place.name)
}
