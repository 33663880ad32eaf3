import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import { builtInTypes, resolveSchema } from '../schema/built-in.ts'
import { fieldSetFromV1, fieldSetToV1 } from './field-set.ts'
import { applyConfiguration, type Ownership, recordUpdate } from './ownership.ts'

const schema = builtInTypes.get('io.k8s.api.apps.v1.Deployment') ?? {}
const as = (manager: string, operation: 'Apply' | 'Update', more: Partial<Ownership['writer']> = {}): Ownership => ({
  typed: { schema, resolve: resolveSchema },
  writer: { manager, operation, apiVersion: 'apps/v1', subresource: '', ...more },
  now: new Date('2026-01-02T03:04:05Z'),
  reset: { ...fieldSetFromV1({ 'f:status': {} }), member: false },
})
const apply = (live: JsonObject | undefined, applied: JsonObject, manager = 'me', force = false): JsonObject => applyConfiguration(live, applied, { ...as(manager, 'Apply'), force })
const update = (live: JsonObject | undefined, next: JsonObject, manager = 'someone', more: Partial<Ownership['writer']> = {}): JsonObject => recordUpdate(live, next, as(manager, 'Update', more))

const object = (spec: JsonObject, metadata: JsonObject = {}): JsonObject => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', ...metadata }, spec })
const containers = (...list: readonly JsonObject[]): JsonObject => ({ template: { spec: { containers: list } } })
const fieldsOf = (value: JsonObject, manager: string): JsonObject =>
  objectAt(listAt(value, 'metadata', 'managedFields').find((entry) => stringAt(entry, 'manager') === manager), 'fieldsV1')
const bare = (value: JsonObject): JsonObject => {
  const { managedFields: _managedFields, ...metadata } = objectAt(value, 'metadata')
  return { ...value, metadata }
}

describe('given an apply of a new object', () => {
  it('owns what it applied, list items by key, and neither name nor status', () => {
    const applied = apply(undefined, { ...object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', ports: [{ containerPort: 80 }] }) }, { labels: { x: '1' } }), status: { replicas: 1 } })
    expect(fieldsOf(applied, 'me')).toEqual({
      'f:metadata': { 'f:labels': { 'f:x': {} } },
      'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:image': {}, 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } } } } } } },
    })
    expect(applied).not.toHaveProperty('status')
  })
})

describe('given an apply of the same object again', () => {
  const first = apply(undefined, object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }))
  it('changes nothing when nothing changed', () => expect(apply(first, object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }))).toEqual(first))

  const cases: readonly { readonly what: string; readonly applied: JsonObject; readonly result: JsonObject }[] = [
    { what: 'a label', applied: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { labels: { x: '1' }, annotations: { k: 'v' } }), result: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { labels: { x: '1' }, annotations: { k: 'v' } }) },
    { what: 'a whole map', applied: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { annotations: { k: 'v' } }), result: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }) }, { annotations: { k: 'v' } }) },
    { what: 'a scalar', applied: object(containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }), { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }), result: object(containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }), { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }) },
    { what: 'a variable of a container', applied: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1' }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }), result: object({ replicas: 2, ...containers({ name: 'a', image: 'a:1' }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }) },
    { what: 'a container', applied: object({ replicas: 2, ...containers({ name: 'b', image: 'b:1' }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }), result: object({ replicas: 2, ...containers({ name: 'b', image: 'b:1' }) }, { labels: { x: '1', y: '2' }, annotations: { k: 'v' } }) },
  ]
  it.each(cases)('removes $what that it no longer applies', ({ applied, result }) => expect(bare(apply(first, applied))).toEqual(result))

  it('keeps what somebody else owns too', () => {
    const shared = apply(first, object({}, { labels: { y: '2' } }), 'other')
    expect(objectAt(apply(shared, object({}, { labels: { x: '1' } })), 'metadata', 'labels')).toEqual({ x: '1', y: '2' })
  })

  it('keeps a container that another manager put there', () => {
    const injected = update(first, object({ replicas: 2, ...containers({ name: 'a', image: 'a:1', env: [{ name: 'A', value: '1' }] }, { name: 'mesh', image: 'm' }) }, objectAt(first, 'metadata')))
    const applied = apply(injected, object(containers({ name: 'a', image: 'a:2' })))
    expect(listAt(applied, 'spec', 'template', 'spec', 'containers')).toEqual([{ name: 'a', image: 'a:2' }, { name: 'mesh', image: 'm' }])
  })
})

describe('given fields of another manager', () => {
  const live = update(undefined, object({ replicas: 2, ...containers({ name: 'a', image: 'a:1' }) }))

  it('shares a field when both say the same', () => {
    const applied = apply(live, object({ replicas: 2 }))
    expect([fieldsOf(applied, 'me'), fieldsOf(applied, 'someone')]).toMatchObject([{ 'f:spec': { 'f:replicas': {} } }, { 'f:spec': { 'f:replicas': {} } }])
  })

  it('refuses to change them, naming field and manager', () => {
    expect(() => apply(live, object({ replicas: 3 }))).toThrow('Apply failed with 1 conflict: conflict with "someone" using apps/v1: .spec.replicas')
    expect(() => apply(live, object({ replicas: 3, ...containers({ name: 'a', image: 'a:2' }) }))).toThrow(
      'Apply failed with 2 conflicts: conflicts with "someone" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="a"].image',
    )
  })

  it('names the subresource through which the other wrote', () => {
    const scaled = update(live, object({ replicas: 5, ...containers({ name: 'a', image: 'a:1' }) }, objectAt(live, 'metadata')), 'hpa', { subresource: 'scale' })
    expect(() => apply(scaled, object({ replicas: 3 }))).toThrow('conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas')
  })

  it('takes them by force, from the other too', () => {
    const taken = apply(live, object({ replicas: 3 }), 'me', true)
    expect(fieldsOf(taken, 'someone')['f:spec']).not.toHaveProperty('f:replicas')
    expect(objectAt(taken, 'spec')['replicas']).toBe(3)
  })

  it('leaves a field to the last who wrote it', () => {
    const mine = apply(live, object({ replicas: 2 }))
    const theirs = update(mine, object({ replicas: 9, ...containers({ name: 'a', image: 'a:1' }) }, objectAt(mine, 'metadata')))
    expect(fieldsOf(theirs, 'me')).toEqual({})
    expect(objectAt(apply(theirs, object({})), 'spec')['replicas']).toBe(9)
  })

  it('counts an object that nobody owned as one manager of before', () => {
    const applied = apply(object({ replicas: 2 }), object({ replicas: 2 }))
    expect(listAt(applied, 'metadata', 'managedFields').map((entry) => stringAt(entry, 'manager'))).toEqual(['me', 'before-first-apply'])
  })

  it('is reset by a client that sends one empty entry', () => expect(objectAt(update(live, object({ replicas: 2 }, { managedFields: [{}] })), 'metadata')).not.toHaveProperty('managedFields'))
})

describe('a set of fields', () => {
  it.each([{ 'f:a': {} }, { 'f:a': { '.': {}, 'f:b': {} } }, { 'f:l': { 'k:{"name":"x"}': { '.': {}, 'f:y': {} } } }, { 'f:s': { 'v:"x"': {} } }])('reads and writes %j', (fields) => expect(fieldSetToV1(fieldSetFromV1(fields))).toEqual(fields))
})

describe('whatever two managers apply', () => {
  const words = fc.constantFrom('a', 'b', 'c')
  const config = fc.record(
    { replicas: fc.integer({ min: 0, max: 3 }), labels: fc.dictionary(words, words), images: fc.dictionary(words, words) },
    { requiredKeys: [] },
  )
  const objectOf = ({ replicas, labels, images }: { replicas?: number; labels?: Record<string, string>; images?: Record<string, string> }): JsonObject =>
    object(
      { ...(replicas === undefined ? {} : { replicas }), ...(images === undefined ? {} : containers(...Object.entries(images).map(([name, image]) => ({ name, image })))) },
      labels === undefined ? {} : { labels },
    )

  it('a forced apply brings what it says, again changes nothing, and an empty one takes its own away', () =>
    fc.assert(
      fc.property(config, config, config, (first, second, third) => {
        const both = apply(apply(undefined, objectOf(first), 'one', true), objectOf(second), 'two', true)
        const applied = apply(both, objectOf(third), 'one', true)
        expect(bare(applied)).toMatchObject(JSON.parse(JSON.stringify({ ...objectOf(third), spec: third.replicas === undefined ? {} : { replicas: third.replicas } })) as JsonObject)
        expect(apply(applied, objectOf(third), 'one', true)).toEqual(applied)
        const left = apply(applied, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }, 'one', true)
        expect(fieldsOf(left, 'one')).toEqual({})
      }),
    ))
})
