import { type JsonObject, objectAt } from '../../base/json.ts'
import type { ResourceName } from '../contract.ts'
import { isDeleting, nameOf, namespaceOf, withMetadata } from './object-meta.ts'
import type { ObjectStore } from './store.ts'

/**
 * The life of namespaces: each gets its `default` ServiceAccount and the cluster's CA; one that is deleted is emptied first, under
 * its finalizer in spec, and goes when nothing is left in it.
 */

/** What the API server adds to a namespace that is created. */
export const bornNamespace = (object: JsonObject): JsonObject => ({
  ...withMetadata(object, { labels: { ...objectAt(object, 'metadata', 'labels'), 'kubernetes.io/metadata.name': nameOf(object) } }),
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
})

/** Serves all namespaces from now on; `caPem`, if given, becomes ConfigMap `kube-root-ca.crt` in each. Returns the end of it. */
export function startNamespaceLifecycle(store: ObjectStore, caPem?: string): () => void {
  const furnish = (namespace: JsonObject): void => {
    if (isDeleting(namespace)) return
    const metadata = { namespace: nameOf(namespace) }
    ensure(store, '/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, name: 'default' } })
    if (caPem !== undefined) ensure(store, '/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'kube-root-ca.crt' }, data: { 'ca.crt': caPem } })
  }
  const emptying = new Set<string>()
  /** Each deletion is an event that would begin this anew. What comes late, such as the events of pods that end, is taken with the next deletion. */
  const empty = (name: string): void => {
    if (emptying.has(name)) return
    emptying.add(name)
    deleteContent(store, name)
    emptying.delete(name)
    finishIfEmpty(store, name)
  }
  for (const namespace of store.list('/namespaces')) furnish(namespace)
  return store.watchAll((resource, event) => {
    if (resource === '/namespaces') {
      if (event.type === 'ADDED') furnish(event.object)
      if (event.type === 'MODIFIED' && isDeleting(event.object)) empty(nameOf(event.object))
      return
    }
    const name = namespaceOf(event.object)
    if (name === undefined || event.type !== 'DELETED') return
    const namespace = store.get('/namespaces', undefined, name)
    if (namespace === undefined) return
    if (isDeleting(namespace)) empty(name)
    else if (isFurniture(resource, event.object)) furnish(namespace)
  })
}

/** Marks a namespace as on its way out; it goes, with what is in it, as soon as the last finalizer and the last pod allow. */
export function terminateNamespace(store: ObjectStore, name: string): void {
  const namespace = store.get('/namespaces', undefined, name)
  if (namespace === undefined || isDeleting(namespace)) return
  // The finalizer in metadata holds the object in the store while the one in spec is what clients see.
  store.update('/namespaces', withMetadata({ ...namespace, status: { phase: 'Terminating' } }, { finalizers: [holdFinalizer], resourceVersion: undefined }))
  store.delete('/namespaces', undefined, name)
}

const holdFinalizer = 'kubernetes'

const isFurniture = (resource: ResourceName, object: JsonObject): boolean =>
  (resource === '/serviceaccounts' && nameOf(object) === 'default') || (resource === '/configmaps' && nameOf(object) === 'kube-root-ca.crt')

function ensure(store: ObjectStore, resource: ResourceName, object: JsonObject): void {
  if (store.get(resource, namespaceOf(object), nameOf(object)) === undefined) store.create(resource, object)
}

function deleteContent(store: ObjectStore, namespace: string): void {
  for (const resource of store.resources()) {
    for (const object of store.list(resource, namespace)) {
      // Garbage collection of an owner may have taken it in between.
      if (!isDeleting(object) && store.get(resource, namespace, nameOf(object)) !== undefined) store.delete(resource, namespace, nameOf(object))
    }
  }
}

function finishIfEmpty(store: ObjectStore, name: string): void {
  if (store.resources().some((resource) => resource !== '/namespaces' && store.list(resource, name).length > 0)) return
  const namespace = store.get('/namespaces', undefined, name)
  if (namespace !== undefined) store.update('/namespaces', withMetadata(namespace, { finalizers: undefined, resourceVersion: undefined }))
}
