import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isObject, stringAt, type Json, type JsonObject } from '../base/json.ts'
import { applyManifest, lastAppliedAnnotation } from './apply.ts'
import { FakeApi } from './fake-api.testkit.ts'
import { threeWayPatch } from './three-way.ts'

const container = (name: string, rest: JsonObject = {}): JsonObject => ({ name, image: `${name}:1`, ...rest })
const podSpec = (spec: JsonObject): JsonObject => ({ spec: { template: { spec } } })

describe('the patch of an apply', () => {
  it.each<[string, JsonObject, JsonObject, JsonObject, JsonObject]>([
    ['changes, adds and removes what the manifest says, and leaves the rest', { a: 1, b: 1 }, { a: 2, d: 4 }, { a: 1, b: 1, c: 1 }, { a: 2, d: 4, b: null }],
    ['is empty when nothing differs', { a: 1 }, { a: 1 }, { a: 1, live: 1 }, {}],
    ['puts back what was changed by hand', { a: 1 }, { a: 1 }, { a: 2 }, { a: 1 }],
    ['does not remove what is gone already', { a: 1 }, {}, {}, {}],
    ['replaces a plain list as a whole', { a: [1, 2] }, { a: [1, 3] }, { a: [1, 2] }, { a: [1, 3] }],
    [
      'merges containers by name',
      podSpec({ containers: [container('app', { env: [{ name: 'X', value: '1' }] })] }),
      podSpec({ containers: [container('app', { image: 'app:2' })] }),
      podSpec({ containers: [container('app', { env: [{ name: 'X', value: '1' }, { name: 'Y', value: '2' }] }), container('sidecar')] }),
      podSpec({ '$setElementOrder/containers': [{ name: 'app' }], containers: [{ name: 'app', image: 'app:2', env: null }] }),
    ],
    [
      'removes one item of a keyed list, keeps those of others',
      podSpec({ containers: [container('app'), container('old')] }),
      podSpec({ containers: [container('app')] }),
      podSpec({ containers: [container('app'), container('old'), container('sidecar')] }),
      podSpec({ '$setElementOrder/containers': [{ name: 'app' }], containers: [{ $patch: 'delete', name: 'old' }] }),
    ],
    [
      'keys the ports of a Service by port',
      { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
      { spec: { ports: [{ port: 80, targetPort: 9090 }] } },
      { spec: { ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] } },
      { spec: { '$setElementOrder/ports': [{ port: 80 }], ports: [{ targetPort: 9090, port: 80 }] } },
    ],
    [
      'leaves one strategy only',
      { spec: {} },
      { spec: { strategy: { type: 'Recreate' } } },
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } } },
    ],
    [
      'puts items back in their order',
      podSpec({ containers: [container('a'), container('b')] }),
      podSpec({ containers: [container('b'), container('a')] }),
      podSpec({ containers: [container('a'), container('b')] }),
      podSpec({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }),
    ],
  ])('%s', (_case, last, next, live, expected) => expect(threeWayPatch(last, next, live, 'strategic')).toEqual(expected))

  it('knows no keys for custom resources', () =>
    expect(threeWayPatch({}, { spec: { containers: [{ name: 'b' }] } }, { spec: { containers: [{ name: 'a' }] } }, 'merge')).toEqual({ spec: { containers: [{ name: 'b' }] } }))

  // RFC 7386 §2.
  const mergePatch = (target: Json | undefined, patch: Json): Json => {
    if (!isObject(patch)) return patch
    const result: Record<string, Json | undefined> = isObject(target) ? { ...target } : {}
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) delete result[key]
      else if (value !== undefined) result[key] = mergePatch(result[key], value)
    }
    return result
  }
  const noNulls = (value: unknown): boolean => value !== null && (typeof value !== 'object' || Object.values(value).every(noNulls))
  const anyObject = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }).filter(noNulls) as fc.Arbitrary<JsonObject>

  it('for any three objects: leads to an object of which the second apply finds nothing to change', () =>
    fc.assert(
      fc.property(anyObject, anyObject, anyObject, (last, next, live) => {
        const stored = mergePatch(live, threeWayPatch(last, next, live, 'merge')) as JsonObject
        expect(threeWayPatch(next, next, stored, 'merge')).toEqual({})
        for (const key of Object.keys(live)) if (!(key in next) && !(key in last)) expect(stored[key]).toEqual(live[key])
      }),
    ))
})

describe('applying a manifest', () => {
  const collection = '/apis/flagger.app/v1beta1/namespaces/shop/canaries'
  const manifest: JsonObject = { apiVersion: 'flagger.app/v1beta1', kind: 'Canary', metadata: { name: 'a1' }, spec: { b: 1, a: '<&>' } }
  let api: FakeApi
  beforeEach(async () => {
    api = await new FakeApi().start()
  })
  afterEach(() => api.stop())

  it('creates, then finds it unchanged, then changes it, as kubectl would call it', async () => {
    const client = api.client()
    const apply = (object: JsonObject) => applyManifest(client, object, { namespace: 'shop' })
    expect((await apply(manifest)).result).toBe('created')
    expect(stringAt(api.object(`${collection}/a1`), 'metadata', 'annotations', lastAppliedAnnotation)).toBe(
      '{"apiVersion":"flagger.app/v1beta1","kind":"Canary","metadata":{"annotations":{},"name":"a1","namespace":"shop"},"spec":{"a":"\\u003c\\u0026\\u003e","b":1}}\n',
    )
    expect((await apply(manifest)).result).toBe('unchanged')
    expect((await apply({ ...manifest, spec: { b: 1, a: 3 } })).result).toBe('configured')
    expect(api.requests.filter((line) => line.startsWith('PATCH'))).toEqual([`PATCH ${collection}/a1?fieldManager=kubectl-client-side-apply`])
  })

  it('changes what somebody else creates at the same moment', async () => {
    let isFirst = true
    api.intercept = (request) => {
      if (isFirst && request.method === 'POST') api.put(collection, { ...manifest, metadata: { name: 'a1', namespace: 'shop' }, spec: { z: 1 } })
      isFirst = isFirst && request.method !== 'POST'
      return false
    }
    expect((await applyManifest(api.client(), manifest, { namespace: 'shop' })).result).toBe('configured')
  })

  it('says what is missing', async () => {
    await expect(applyManifest(api.client(), { ...manifest, metadata: {} })).rejects.toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('metadata.name') as string })
  })
})
