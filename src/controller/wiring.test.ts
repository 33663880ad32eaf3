import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import type { Queue } from '../kube/queue.ts'
import { ObjectStore, type Change } from '../kube/store.ts'
import type { Caches, CachedName } from './caches.ts'
import { wireEvents } from './wiring.ts'

const namespace = 'shop'

/** Caches whose objects are put there by hand, and what is to be looked at after each. */
function givenCaches() {
  const stores = new Map<string, ObjectStore>()
  const listeners = new Map<string, (change: Change) => void>()
  const storeOf = (name: string): ObjectStore => stores.get(name) ?? stores.set(name, new ObjectStore({})).get(name) ?? new ObjectStore({})
  const names: readonly CachedName[] = ['canaries', 'deployments', 'services', 'endpointSlices', 'pods', 'horizontalPodAutoscalers', 'configMaps']
  const reflectors = Object.fromEntries(
    names.map((name) => [
      name,
      {
        get: (of: string, object: string) => storeOf(name).get(of, object),
        list: (of?: string) => storeOf(name).list(of),
        subscribe: (listener: (change: Change) => void) => void listeners.set(name, listener),
      },
    ]),
  )
  const looks: string[] = []
  const queue = (kind: string): Queue => ({ add: (key) => (looks.push(`${kind} ${key}`), true), addAfter: () => true, size: () => 0, stop: () => Promise.resolve() })
  wireEvents({ reflectors } as unknown as Caches, queue('canary'), queue('opt-in'))
  let version = 0
  const put = (name: CachedName, object: JsonObject): readonly string[] => {
    version += 1
    looks.length = 0
    const metadata = { namespace, uid: 'u', ...(object['metadata'] as JsonObject), resourceVersion: String(version) }
    for (const change of storeOf(name).put({ ...object, metadata })) listeners.get(name)?.(change)
    return [...new Set(looks)]
  }
  return { put }
}

const canary = (name: string, autoscaler?: string): JsonObject => ({ metadata: { name }, spec: { targetRef: { name }, ...(autoscaler === undefined ? {} : { autoscalerRef: { name: autoscaler } }) } })
const scaler = (name: string, of: string, status: string, maxReplicas = 3): JsonObject => ({ metadata: { name }, spec: { scaleTargetRef: { name: of }, maxReplicas }, status: { message: status } })

describe('an autoscaler', () => {
  function givenTwoApps() {
    const { put } = givenCaches()
    put('deployments', { metadata: { name: 'web', annotations: { 'kinglet.sh/canary': 'enabled' } } })
    put('canaries', canary('web', 'hpa'))
    put('canaries', canary('api'))
    return put
  }

  it('is told to the Canary that names it, and to its Deployment', () => expect(givenTwoApps()('horizontalPodAutoscalers', scaler('hpa', 'web', ''))).toEqual(['canary shop/web', 'opt-in shop/web']))
  it('that is the primary’s is told to its Canary', () => expect(givenTwoApps()('horizontalPodAutoscalers', scaler('hpa-primary', 'web-primary', ''))).toEqual(['canary shop/web']))
  it('of somebody else is told to nobody', () => expect(givenTwoApps()('horizontalPodAutoscalers', scaler('other', 'other', ''))).toEqual([]))

  it('whose status alone has changed is told to nobody: that is every one, every fifteen seconds', () => {
    const put = givenTwoApps()
    put('horizontalPodAutoscalers', scaler('hpa', 'web', '40%'))
    expect(put('horizontalPodAutoscalers', scaler('hpa', 'web', '50%'))).toEqual([])
    expect(put('horizontalPodAutoscalers', scaler('hpa', 'web', '50%', 5))).toEqual(['canary shop/web', 'opt-in shop/web'])
  })
})
