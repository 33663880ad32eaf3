import { isDeepStrictEqual } from 'node:util'
import { canonicalJson, isObject, type Json, type JsonArray } from '../../../base/json.ts'
import { fieldSchema, type Resolve, type Schema } from '../schema/openapi-schema.ts'
import { type FieldSet, noFields, nodeOf, oneField, union } from './field-set.ts'

/**
 * Values seen through their type: which parts of them are fields of their own. Maps and structs are, unless atomic; lists are
 * only where the type gives keys or says `set`. What no type describes is taken as maps, and lists as one value.
 */
type Shape = 'map' | 'keyed' | 'set' | 'leaf'

export interface Typed {
  readonly schema: Schema
  readonly resolve: Resolve
}

function shapeOf(value: Json | undefined, { schema, resolve }: Typed): Shape {
  const resolved = resolve(schema)
  if (isObject(value)) return (schema['x-kubernetes-map-type'] ?? resolved['x-kubernetes-map-type']) === 'atomic' ? 'leaf' : 'map'
  if (!Array.isArray(value)) return 'leaf'
  const list = schema['x-kubernetes-list-type'] ?? resolved['x-kubernetes-list-type']
  if (list === 'map') return 'keyed'
  return list === 'set' ? 'set' : 'leaf'
}

const childOf = (typed: Typed, name: string): Typed => ({ ...typed, schema: fieldSchema(typed.schema, name, typed.resolve) ?? {} })
const itemOf = (typed: Typed): Typed => ({ ...typed, schema: typed.resolve(typed.schema).items ?? {} })
const isFreeMap = (typed: Typed, name: string): boolean => typed.resolve(typed.schema).properties?.[name] === undefined

/** The path element of a list's item. Keys that are absent count with their default, as protocol TCP does. */
function elementOf(item: Json, shape: Shape, list: Typed): string {
  if (shape === 'set') return `v:${JSON.stringify(item)}`
  const keys = list.schema['x-kubernetes-list-map-keys'] ?? list.resolve(list.schema)['x-kubernetes-list-map-keys'] ?? []
  const type = list.resolve(itemOf(list).schema)
  const pairs = keys.flatMap((key) => {
    const value = (isObject(item) ? item[key] : undefined) ?? type.properties?.[key]?.default
    return value === undefined ? [] : [[key, value] as const]
  })
  return `k:${canonicalJson(Object.fromEntries(pairs))}`
}

/** The parts of a value by path element, with the type of each; undefined for a leaf. */
function partsOf(value: Json | undefined, typed: Typed): ReadonlyMap<string, { readonly value: Json; readonly typed: Typed }> | undefined {
  const shape = shapeOf(value, typed)
  if (shape === 'leaf') return undefined
  if (isObject(value)) {
    return new Map(Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[`f:${name}`, { value: inner, typed: childOf(typed, name) }] as const])))
  }
  return new Map(((value ?? []) as JsonArray).map((item) => [elementOf(item, shape, typed), { value: item, typed: itemOf(typed) }]))
}

const isItem = (element: string): boolean => !element.startsWith('f:')

/** All fields of a value: its leaves, empty maps, list items, and the entries of free maps. */
export function fieldsOf(value: Json, typed: Typed): FieldSet {
  const parts = partsOf(value, typed)
  if (parts === undefined) return oneField
  if (parts.size === 0) return oneField
  return nodeOf(false, [...parts].map(([element, part]) => {
    const below = fieldsOf(part.value, part.typed)
    return [element, isItem(element) || isFreeMap(typed, element.slice(2)) ? { ...below, member: true } : below]
  }))
}

export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

const same: Comparison = { added: noFields, modified: noFields, removed: noFields }

/** What differs from `before` to `after`, field by field. */
export function compareValues(before: Json | undefined, after: Json | undefined, typed: Typed): Comparison {
  if (isDeepStrictEqual(before, after)) return same
  if (before === undefined) return { ...same, added: wholeOf(after, typed) }
  if (after === undefined) return { ...same, removed: wholeOf(before, typed) }
  const old = partsOf(before, typed)
  const young = partsOf(after, typed)
  if (old === undefined || young === undefined) return { ...same, modified: oneField }
  const elements = [...new Set([...old.keys(), ...young.keys()])]
  const compared = elements.map((element) => {
    const part = young.get(element) ?? old.get(element)
    const comparison = compareValues(old.get(element)?.value, young.get(element)?.value, part?.typed ?? typed)
    return [element, isItem(element) || isFreeMap(typed, element.slice(2)) ? asMember(comparison) : comparison] as const
  })
  const collect = (pick: (comparison: Comparison) => FieldSet): FieldSet => nodeOf(false, compared.map(([element, comparison]) => [element, pick(comparison)]))
  return { added: collect((one) => one.added), modified: collect((one) => one.modified), removed: collect((one) => one.removed) }
}

/** An item or an entry of a free map that came or went is a field itself, not its leaves alone. */
function asMember({ added, modified, removed }: Comparison): Comparison {
  const isWhole = added !== noFields && modified === noFields && removed === noFields
  const isGone = removed !== noFields && modified === noFields && added === noFields
  return { added: isWhole ? { ...added, member: true } : added, modified, removed: isGone ? { ...removed, member: true } : removed }
}

/** A part that came or went as a whole: its fields; a free map or an item is a field itself. */
function wholeOf(value: Json | undefined, typed: Typed): FieldSet {
  if (value === undefined) return noFields
  const fields = fieldsOf(value, typed)
  const isFree = isObject(value) && typed.resolve(typed.schema).properties === undefined
  return isFree || (isObject(value) && Object.keys(value).length === 0) ? { ...fields, member: true } : fields
}

/** `applied` laid over `live`: maps and keyed lists merge, everything else is replaced. */
export function mergeValues(live: Json | undefined, applied: Json, typed: Typed): Json {
  const shape = shapeOf(applied, typed)
  if (live === undefined || shape === 'leaf' || shapeOf(live, typed) !== shape) return applied
  if (isObject(applied) && isObject(live)) {
    const merged: Record<string, Json | undefined> = { ...live }
    for (const [name, value] of Object.entries(applied)) if (value !== undefined) merged[name] = mergeValues(live[name], value, childOf(typed, name))
    return merged
  }
  return mergeLists(live as JsonArray, applied as JsonArray, shape, typed)
}

/** The applied order rules; items that only `live` has keep their place behind the neighbour that they followed. */
function mergeLists(live: JsonArray, applied: JsonArray, shape: Shape, typed: Typed): Json {
  const liveByElement = new Map(live.map((item) => [elementOf(item, shape, typed), item]))
  const wanted = new Set(applied.map((item) => elementOf(item, shape, typed)))
  const result: Json[] = []
  const liveElements = [...liveByElement.keys()]
  let next = 0
  const takeUnwanted = (): void => {
    while (next < liveElements.length && !wanted.has(liveElements[next] ?? '')) result.push(liveByElement.get(liveElements[next++] ?? '') ?? null)
  }
  for (const item of applied) {
    takeUnwanted()
    const element = elementOf(item, shape, typed)
    if (liveElements[next] === element) next += 1
    result.push(mergeValues(liveByElement.get(element), item, itemOf(typed)))
  }
  for (; next < liveElements.length; next += 1) {
    const element = liveElements[next] ?? ''
    if (!wanted.has(element)) result.push(liveByElement.get(element) ?? null)
  }
  return result
}

/**
 * `value` without the fields in `gone`, but with all that is in `kept`. A struct or map that loses its last field this way goes
 * too; undefined when nothing is left.
 */
export function withoutFields(value: Json, gone: FieldSet, kept: FieldSet, typed: Typed): Json | undefined {
  const parts = partsOf(value, typed)
  if (parts === undefined) return gone.member && !kept.member ? undefined : value
  if (gone.member && kept === noFields) return undefined
  const left = [...parts].flatMap(([element, part]) => {
    const below = gone.children.get(element)
    if (below === undefined) return [[element, part.value] as const]
    const rest = withoutFields(part.value, below, kept.children.get(element) ?? noFields, part.typed)
    return rest === undefined ? [] : [[element, rest] as const]
  })
  if (left.length === 0 && parts.size > 0 && !kept.member) return undefined
  return isObject(value) ? Object.fromEntries(left.map(([element, inner]) => [element.slice(2), inner])) : left.map(([, inner]) => inner)
}

export const unionAll = (sets: Iterable<FieldSet>): FieldSet => [...sets].reduce(union, noFields)
