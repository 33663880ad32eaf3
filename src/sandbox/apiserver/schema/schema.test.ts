import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../base/json.ts'
import { builtInTypes, resolveSchema } from './built-in.ts'
import { decodeByType } from './decode.ts'
import type { Schema } from './openapi-schema.ts'
import { parseTypes } from './notation.ts'
import { decodeProtobuf } from './protobuf.ts'
import { applyDefaults, prune, withRootFields } from './structural.ts'

describe('the notation of types', () => {
  it('reads names, lists, maps, rules and references', () => {
    const types = parseTypes('# core io.core\nA { x!: string #1, l: [B] #2 @map(k p) @merge(k), m: {int32} #3 @atomic }\nB @atomic { k: string #1 @default("d") }')
    expect(types.get('io.core.A')).toEqual({
      type: 'object',
      properties: {
        x: { type: 'string' },
        l: { type: 'array', items: { $ref: '#/components/schemas/io.core.B' }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k', 'p'], 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': 'k' },
        m: { type: 'object', additionalProperties: { type: 'integer', format: 'int32' }, 'x-kubernetes-map-type': 'atomic' },
      },
      required: ['x'],
    })
    expect(types.get('io.core.B')).toMatchObject({ 'x-kubernetes-map-type': 'atomic', properties: { k: { default: 'd' } } })
  })
  it('leads every reference of the built-in types somewhere', () => {
    const references = [...builtInTypes.values()].flatMap((schema) => JSON.stringify(schema).match(/#\/components\/schemas\/[^"]+/g) ?? [])
    expect(references.filter((reference) => !builtInTypes.has(reference.slice('#/components/schemas/'.length)))).toEqual([])
  })
})

describe('decoding by type', () => {
  const decode = (object: JsonObject) => decodeByType(object, builtInTypes.get('io.k8s.api.apps.v1.Deployment') ?? {}, resolveSchema, 'Deployment')
  it('names unknown fields with their path, and takes null for absent', () => {
    const { object, unknownFields } = decode({ metadata: { name: 'a', creationTimestamp: null }, spec: { replica: 1, template: { spec: { containers: [{ name: 'a', imag: 'b' }] } } } })
    expect(unknownFields).toEqual(['spec.replica', 'spec.template.spec.containers[0].imag'])
    expect(object).toEqual({ metadata: { name: 'a' }, spec: { template: { spec: { containers: [{ name: 'a' }] } } } })
  })
  it.each([
    [{ spec: { replicas: '3' } }, 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ metadata: { labels: { a: 1 } } }, 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels.a of type string'],
    [{ spec: { paused: 'yes' } }, 'of type bool'],
    [{ spec: { template: { spec: { containers: {} } } } }, 'of type []Container'],
  ])('refuses %j', (object, says) => expect(() => decode(object)).toThrow(says))
})

describe('a structural schema', () => {
  const schema: Schema = withRootFields({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          mode: { type: 'string', default: 'a' },
          nested: { type: 'object', default: {}, properties: { deep: { type: 'integer', default: 3 } } },
          list: { type: 'array', items: { type: 'object', properties: { x: { type: 'string', default: 'y' } } } },
          free: { type: 'object', additionalProperties: { type: 'object', properties: { k: { type: 'string' } } } },
          open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'object', properties: { a: { type: 'string' } } } } },
          maybe: { type: 'string', nullable: true, default: 'z' },
        },
      },
    },
  })
  it('prunes what it does not specify', () => {
    const { object, unknownFields } = prune({ apiVersion: 'v', kind: 'K', metadata: { anything: 1 }, top: 1, spec: { mode: 'b', no: 1, list: [{ x: '1', z: 2 }], free: { one: { k: 'v', l: 1 } }, open: { any: { thing: 1 }, known: { a: 'b', c: 1 } } } }, schema)
    expect(object).toEqual({ apiVersion: 'v', kind: 'K', metadata: { anything: 1 }, spec: { mode: 'b', list: [{ x: '1' }], free: { one: { k: 'v' } }, open: { any: { thing: 1 }, known: { a: 'b' } } } })
    expect(unknownFields).toEqual(['top', 'spec.no', 'spec.list[0].z', 'spec.free.one.l', 'spec.open.known.c'])
  })
  it('fills in defaults, also inside defaults and lists, and leaves null where it may stand', () =>
    expect(applyDefaults({ spec: { list: [{}], maybe: null, mode: null } }, schema)).toEqual({ spec: { mode: 'a', nested: { deep: 3 }, list: [{ x: 'y' }], maybe: null } }))
})

describe('a protobuf body', () => {
  const field = (number: number, bytes: Uint8Array): number[] => [(number << 3) | 2, bytes.length, ...bytes]
  const text = (value: string): Uint8Array => Buffer.from(value)
  const envelope = (apiVersion: string, kind: string, raw: readonly number[]): Buffer =>
    Buffer.from([...Buffer.from('k8s\0'), ...field(1, Uint8Array.from([...field(1, text(apiVersion)), ...field(2, text(kind))])), ...field(2, Uint8Array.from(raw))])

  it('is read by its type: strings, maps and numbers, empty ones left out', () => {
    const metadata = Uint8Array.from([...field(1, text('cm')), ...field(2, text('')), ...field(11, Uint8Array.from([...field(1, text('k')), ...field(2, text('v'))]))])
    const raw = [...field(1, metadata), ...field(2, Uint8Array.from([...field(1, text('a')), ...field(2, text('b'))]))]
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', raw))).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', labels: { k: 'v' } }, data: { a: 'b' } })
  })
  it('keeps a zero that means something', () => expect(decodeProtobuf(envelope('apps/v1', 'Deployment', field(2, Uint8Array.from([8, 0, 40, 0]))))).toMatchObject({ spec: { replicas: 0 } }))
  it('is refused when it is cut short or of no known type', () => {
    expect(() => decodeProtobuf(envelope('v1', 'ConfigMap', [10, 200]))).toThrow('cut short')
    expect(() => decodeProtobuf(envelope('v1', 'Nothing', []))).toThrow('no protobuf type core/Nothing')
  })
})
