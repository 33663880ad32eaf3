import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../base/json.ts'
import { builtInTypes, resolveSchema } from '../schema/built-in.ts'
import { applyJsonPatch } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicMerge } from './strategic-merge.ts'

const podSpec = builtInTypes.get('io.k8s.api.core.v1.PodSpec') ?? {}
const deploymentSpec = builtInTypes.get('io.k8s.api.apps.v1.DeploymentSpec') ?? {}
const objectMeta = builtInTypes.get('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta') ?? {}
const serviceSpec = builtInTypes.get('io.k8s.api.core.v1.ServiceSpec') ?? {}

interface Case {
  readonly what: string
  readonly schema?: typeof podSpec
  readonly live: JsonObject
  readonly patch: JsonObject
  readonly result: JsonObject
}

const a = { name: 'a', image: 'a:1' }
const b = { name: 'b', image: 'b:1' }

describe('a strategic merge', () => {
  const cases: readonly Case[] = [
    { what: 'merges list items by their key and appends new ones', live: { containers: [a, b] }, patch: { containers: [{ name: 'b', image: 'b:2' }, { name: 'c' }] }, result: { containers: [a, { name: 'b', image: 'b:2' }, { name: 'c' }] } },
    { what: 'deletes an item', live: { containers: [a, b] }, patch: { containers: [{ $patch: 'delete', name: 'a' }] }, result: { containers: [b] } },
    { what: 'replaces a list', live: { containers: [a, b] }, patch: { containers: [{ name: 'c' }, { $patch: 'replace' }] }, result: { containers: [{ name: 'c' }] } },
    { what: 'replaces a map', live: { nodeSelector: { x: '1' } }, patch: { nodeSelector: { $patch: 'replace', y: '2' } }, result: { nodeSelector: { y: '2' } } },
    { what: 'deletes a map', live: { nodeSelector: { x: '1' }, hostname: 'h' }, patch: { nodeSelector: { $patch: 'delete' } }, result: { hostname: 'h' } },
    { what: 'removes with null', live: { hostname: 'h', nodeSelector: { x: '1', y: '2' } }, patch: { hostname: null, nodeSelector: { x: null } }, result: { nodeSelector: { y: '2' } } },
    { what: 'replaces lists without a key', live: { containers: [{ ...a, command: ['x', 'y'] }] }, patch: { containers: [{ name: 'a', command: ['z'] }] }, result: { containers: [{ ...a, command: ['z'] }] } },
    { what: 'orders as it is told', live: { containers: [a, b] }, patch: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }, result: { containers: [b, a] } },
    { what: 'lets others keep their place', live: { containers: [a, { name: 'mesh' }, b] }, patch: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }, { name: 'c' }], containers: [{ name: 'c' }] }, result: { containers: [a, { name: 'mesh' }, b, { name: 'c' }] } },
    { what: 'merges sets of words', schema: objectMeta, live: { finalizers: ['x', 'y'] }, patch: { finalizers: ['z', 'y'] }, result: { finalizers: ['x', 'y', 'z'] } },
    { what: 'deletes from sets of words', schema: objectMeta, live: { finalizers: ['x', 'y'] }, patch: { '$deleteFromPrimitiveList/finalizers': ['x'] }, result: { finalizers: ['y'] } },
    { what: 'retains the keys that are named', schema: deploymentSpec, live: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } }, patch: { strategy: { $retainKeys: ['type'], type: 'Recreate' } }, result: { strategy: { type: 'Recreate' } } },
    { what: 'merges ports of a Service by port', schema: serviceSpec, live: { ports: [{ port: 80, targetPort: 'http' }] }, patch: { ports: [{ port: 80, targetPort: 'kinglet-route' }] }, result: { ports: [{ port: 80, targetPort: 'kinglet-route' }] } },
    { what: 'merges variables inside a merged container', live: { containers: [{ ...a, env: [{ name: 'A', value: '1' }] }] }, patch: { containers: [{ name: 'a', env: [{ name: 'B', value: '2' }] }] }, result: { containers: [{ ...a, env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }] }] } },
    { what: 'drops directives where there was nothing', live: {}, patch: { '$setElementOrder/containers': [{ name: 'a' }], containers: [a] }, result: { containers: [a] } },
  ]
  it.each(cases)('$what', ({ schema, live, patch, result }) => expect(applyStrategicMerge(live, patch, schema ?? podSpec, resolveSchema)).toEqual(result))
})

describe('a merge patch', () => {
  it('replaces lists, merges maps and removes with null', () =>
    expect(applyMergePatch({ list: [1, 2], map: { x: 1, y: 2 }, gone: 1 }, { list: [3], map: { y: null, z: 3 }, gone: null })).toEqual({ list: [3], map: { x: 1, z: 3 } }))

  it('does the same a second time', () =>
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (target, patch) => {
        const once = applyMergePatch(target as JsonObject, patch as JsonObject)
        expect(applyMergePatch(once, patch as JsonObject)).toEqual(once)
      }),
    ))
})

describe('a JSON patch', () => {
  it('applies to a copy', () => {
    const document = { a: { b: 1 } }
    expect(applyJsonPatch(document, [{ op: 'add', path: '/a/c~1d', value: 2 }, { op: 'remove', path: '/a/b' }])).toEqual({ a: { 'c/d': 2 } })
    expect(document).toEqual({ a: { b: 1 } })
  })
  it.each([[[{ op: 'remove', path: '/x' }]], [[{ op: 'test', path: '/a', value: 2 }]], [{ op: 'add' }], [[{ op: 'fly', path: '/a' }]]])('refuses %j', (operations) => expect(() => applyJsonPatch({ a: 1 }, operations)).toThrow())
})
