import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import type { ResourceName } from '../contract.ts'
import { startGarbageCollector } from './garbage.ts'
import { bornNamespace, startNamespaceLifecycle, terminateNamespace } from './namespaces.ts'
import { uidOf, withMetadata } from './object-meta.ts'
import { MemoryStore } from './store.ts'

const configMap = (name: string, data: JsonObject = {}): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'app' }, data })
const deployment = (name: string): JsonObject => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'app' }, spec: { replicas: 1 } })
const pod = (name: string, spec: JsonObject = { nodeName: 'here' }): JsonObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'app' }, spec })
const ownedBy = (object: JsonObject, owner: JsonObject, more: JsonObject = {}): JsonObject =>
  withMetadata(object, { ownerReferences: [{ apiVersion: 'v1', kind: 'Owner', name: 'o', uid: uidOf(owner), ...more }] })
const codeOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('given an empty store', () => {
  it('gives a new object uid, resourceVersion, creation time and generation 1', () => {
    const store = new MemoryStore({ now: () => new Date('2026-01-02T03:04:05.678Z') })
    const { metadata } = store.create('apps/deployments', deployment('web'))
    expect(metadata).toMatchObject({ name: 'web', resourceVersion: '2', generation: 1, creationTimestamp: '2026-01-02T03:04:05Z' })
    expect(metadata).toHaveProperty('uid')
  })

  it('makes a name from generateName', () => {
    const made = new MemoryStore().create('/pods', { metadata: { generateName: 'web-', namespace: 'app' } })
    expect((made['metadata'] as JsonObject)['name']).toMatch(/^web-[bcdf-hj-np-tv-xz2456789]{5}$/)
  })

  it('refuses a second object of the same name, and one that is not there', () => {
    const store = new MemoryStore()
    store.create('/configmaps', configMap('a'))
    expect(codeOf(() => store.create('/configmaps', configMap('a')))).toBe('ALREADY_EXISTS')
    expect(codeOf(() => store.update('/configmaps', configMap('b')))).toBe('NOT_FOUND')
    expect(codeOf(() => store.delete('/configmaps', 'app', 'b'))).toBe('NOT_FOUND')
  })
})

describe('given a stored object', () => {
  it('refuses a write that rests on an older revision', () => {
    const store = new MemoryStore()
    const first = store.create('/configmaps', configMap('a'))
    store.update('/configmaps', { ...first, data: { x: '1' } })
    expect(codeOf(() => store.update('/configmaps', { ...first, data: { x: '2' } }))).toBe('CONFLICT')
  })

  it('leaves the revision alone when a write changes nothing', () => {
    const store = new MemoryStore()
    const first = store.create('/configmaps', configMap('a'))
    expect(store.update('/configmaps', configMap('a'))).toBe(first)
    expect(store.revision()).toBe(2)
  })

  const generations: readonly { readonly change: string; readonly resource: ResourceName; readonly edit: (object: JsonObject) => JsonObject; readonly generation: number | undefined }[] = [
    { change: 'spec of a Deployment', resource: 'apps/deployments', edit: (object) => ({ ...object, spec: { replicas: 2 } }), generation: 2 },
    { change: 'annotations of a Deployment', resource: 'apps/deployments', edit: (object) => withMetadata(object, { annotations: { a: 'b' } }), generation: 2 },
    { change: 'annotations of a ReplicaSet', resource: 'apps/replicasets', edit: (object) => withMetadata(object, { annotations: { a: 'b' } }), generation: 1 },
    { change: 'status of a Deployment', resource: 'apps/deployments', edit: (object) => ({ ...object, status: { replicas: 2 } }), generation: 1 },
    { change: 'data of a ConfigMap', resource: '/configmaps', edit: (object) => ({ ...object, data: { a: 'b' } }), generation: undefined },
  ]
  it.each(generations)('counts the generation after a change of $change as $generation', ({ resource, edit, generation }) => {
    const store = new MemoryStore()
    const made = store.create(resource, deployment('web'))
    expect((store.update(resource, edit(made))['metadata'] as JsonObject)['generation']).toBe(generation)
  })

  it('waits for finalizers before it goes', () => {
    const store = new MemoryStore()
    store.create('/configmaps', withMetadata(configMap('a'), { finalizers: ['mine'] }))
    store.delete('/configmaps', 'app', 'a')
    const leaving = store.get('/configmaps', 'app', 'a') ?? {}
    expect(leaving['metadata']).toHaveProperty('deletionTimestamp')
    store.update('/configmaps', withMetadata(leaving, { finalizers: [] }))
    expect(store.get('/configmaps', 'app', 'a')).toBeUndefined()
  })

  it('is frozen, so that nobody changes it in place', () => {
    const made = new MemoryStore().create('/configmaps', configMap('a', { x: '1' }))
    expect(() => Object.assign(made['data'] as object, { x: '2' })).toThrow(TypeError)
  })
})

describe('given a pod', () => {
  it('marks one on a node and waits for the kubelet', () => {
    const store = new MemoryStore({ now: () => new Date('2026-01-02T03:04:05Z') })
    store.create('/pods', pod('web'))
    store.delete('/pods', 'app', 'web', { gracePeriodSeconds: 10 })
    expect(store.get('/pods', 'app', 'web')?.['metadata']).toMatchObject({ deletionTimestamp: '2026-01-02T03:04:15Z', deletionGracePeriodSeconds: 10 })
    store.delete('/pods', 'app', 'web', { force: true })
    expect(store.get('/pods', 'app', 'web')).toBeUndefined()
  })

  it('removes one without a node at once', () => {
    const store = new MemoryStore()
    store.create('/pods', pod('web', {}))
    store.delete('/pods', 'app', 'web')
    expect(store.list('/pods')).toEqual([])
  })
})

describe('given watches', () => {
  it('tells all listeners of one order even when a listener writes', () => {
    const store = new MemoryStore()
    const seen: string[] = []
    store.watch('/configmaps', ({ type }) => {
      if (type === 'ADDED') store.update('/configmaps', configMap('a', { x: '1' }))
    })
    store.watch('/configmaps', ({ type }) => seen.push(type))
    store.create('/configmaps', configMap('a'))
    expect(seen).toEqual(['ADDED', 'MODIFIED'])
  })

  it('replays changes after a revision and forgets the oldest', () => {
    const store = new MemoryStore({ history: 4 })
    store.create('/configmaps', configMap('a'))
    for (let value = 0; value < 4; value += 1) store.update('/configmaps', configMap('a', { value }))
    expect(store.changesSince('/configmaps', 5)?.map(({ revision }) => revision)).toEqual([6])
    expect(store.changesSince('/configmaps', 1)).toBeUndefined()
    expect(store.changesSince('/secrets', 1)).toEqual([])
  })
})

describe('given owners and dependents', () => {
  const world = (more: JsonObject = {}) => {
    const store = new MemoryStore()
    startGarbageCollector(store)
    const owner = store.create('apps/deployments', deployment('web'))
    const replicaSet = store.create('apps/replicasets', ownedBy({ metadata: { name: 'web-1', namespace: 'app' } }, owner, more))
    store.create('/configmaps', ownedBy(configMap('leaf'), replicaSet, more))
    return { store, owner }
  }

  it('deletes what an owner leaves behind, down to the leaves', () => {
    const { store } = world()
    store.delete('apps/deployments', 'app', 'web')
    expect([...store.list('apps/replicasets'), ...store.list('/configmaps')]).toEqual([])
  })

  it('keeps an owner that is deleted in the foreground until its dependents are gone', () => {
    const { store, owner } = world({ blockOwnerDeletion: true })
    const child = store.list('apps/replicasets')[0] ?? {}
    store.update('apps/replicasets', withMetadata(child, { finalizers: ['slow'] }))
    store.update('apps/deployments', withMetadata(owner, { finalizers: ['foregroundDeletion'] }))
    store.delete('apps/deployments', 'app', 'web')
    expect(store.list('apps/deployments')).toHaveLength(1)
    store.update('apps/replicasets', withMetadata(store.list('apps/replicasets')[0] ?? {}, { finalizers: [] }))
    expect([...store.list('apps/deployments'), ...store.list('apps/replicasets'), ...store.list('/configmaps')]).toEqual([])
  })

  it('lets orphans stay without the reference', () => {
    const { store, owner } = world()
    store.update('apps/deployments', withMetadata(owner, { finalizers: ['orphan'] }))
    store.delete('apps/deployments', 'app', 'web')
    expect(store.list('apps/deployments')).toEqual([])
    expect(store.list('apps/replicasets')[0]?.['metadata']).not.toHaveProperty('ownerReferences')
  })

  it('removes an object whose owner never was', () => {
    const { store } = world()
    store.create('/configmaps', ownedBy(configMap('lost'), { metadata: { uid: 'nobody' } }))
    expect(store.get('/configmaps', 'app', 'lost')).toBeUndefined()
  })
})

describe('given a namespace', () => {
  const world = () => {
    const store = new MemoryStore()
    startGarbageCollector(store)
    startNamespaceLifecycle(store, 'PEM')
    store.create('/namespaces', bornNamespace({ metadata: { name: 'app' } }))
    return store
  }

  it('gets its service account and the CA, again if somebody removes them', () => {
    const store = world()
    store.delete('/serviceaccounts', 'app', 'default')
    expect(store.get('/serviceaccounts', 'app', 'default')).toBeDefined()
    expect(store.get('/configmaps', 'app', 'kube-root-ca.crt')?.['data']).toEqual({ 'ca.crt': 'PEM' })
  })

  it('is emptied before it goes, and waits for its pods', () => {
    const store = world()
    store.create('/configmaps', configMap('a'))
    store.create('/pods', pod('web'))
    terminateNamespace(store, 'app')
    expect(store.list('/configmaps')).toEqual([])
    expect(store.get('/namespaces', undefined, 'app')?.['status']).toEqual({ phase: 'Terminating' })
    // The kubelet tells how the pod ends.
    store.create('/events', { metadata: { namespace: 'app', name: 'web.killing' } })
    store.delete('/pods', 'app', 'web', { force: true })
    expect(store.list('/events')).toEqual([])
    expect(store.get('/namespaces', undefined, 'app')).toBeUndefined()
  })
})
