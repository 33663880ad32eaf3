import { type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { finalizersOf, isDeleting, nameOf, namespaceOf, timestamp, withMetadata } from '../object-meta.ts'
import type { ObjectStore } from '../store.ts'

/** The life of CustomResourceDefinitions: established as soon as they are stored; one that is deleted takes its objects with it. */
const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'
const definitions: ResourceName = 'apiextensions.k8s.io/customresourcedefinitions'

export function startDefinitionLifecycle(store: ObjectStore, now: () => Date): () => void {
  return store.watchAll((resource, event) => {
    if (resource === definitions) {
      if (event.type === 'DELETED') return
      const current = store.get(definitions, undefined, nameOf(event.object))
      if (current === undefined) return
      if (isDeleting(current)) removeObjects(store, current)
      else establish(store, current, timestamp(now()))
      return
    }
    if (event.type !== 'DELETED') return
    const definition = store.list(definitions).find((candidate) => storageOf(candidate) === resource)
    if (definition !== undefined && isDeleting(definition)) removeObjects(store, definition)
  })
}

const storageOf = (definition: JsonObject): ResourceName => `${stringAt(definition, 'spec', 'group') ?? ''}/${stringAt(definition, 'spec', 'names', 'plural') ?? ''}`

function establish(store: ObjectStore, definition: JsonObject, time: string): void {
  const names = objectAt(definition, 'spec', 'names')
  const kept = listAt(definition, 'status', 'conditions')
  const condition = (type: string, reason: string, message: string): JsonObject => {
    const known = kept.find((one) => stringAt(one, 'type') === type)
    return { type, status: 'True', lastTransitionTime: stringAt(known, 'lastTransitionTime') ?? time, reason, message }
  }
  const storage = listAt(definition, 'spec', 'versions').filter((version) => objectAt(version)['storage'] === true).map((version) => stringAt(version, 'name') ?? '')
  const stored = listAt(definition, 'status', 'storedVersions').filter((version) => typeof version === 'string')
  const status = {
    conditions: [condition('NamesAccepted', 'NoConflicts', 'no conflicts found'), condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted')],
    acceptedNames: names,
    storedVersions: [...new Set([...stored, ...storage])],
  }
  const finalizers = [...new Set([...finalizersOf(definition), cleanupFinalizer])]
  store.update(definitions, withMetadata({ ...definition, status }, { finalizers, resourceVersion: undefined }))
}

function removeObjects(store: ObjectStore, definition: JsonObject): void {
  const storage = storageOf(definition)
  for (const object of store.list(storage)) if (!isDeleting(object)) store.delete(storage, namespaceOf(object), nameOf(object))
  if (store.list(storage).length > 0) return
  const current = store.get(definitions, undefined, nameOf(definition))
  if (current === undefined || !finalizersOf(current).includes(cleanupFinalizer)) return
  store.update(definitions, withMetadata(current, { finalizers: finalizersOf(current).filter((name) => name !== cleanupFinalizer), resourceVersion: undefined }))
}
