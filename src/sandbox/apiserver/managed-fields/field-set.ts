import { isObject, type JsonObject } from '../../../base/json.ts'

/**
 * A set of fields as a tree of path elements in the notation of `fieldsV1`: `f:<name>` a field, `k:{…}` a list item by its keys,
 * `v:<value>` an item of a set. A node with `member` is itself in the set. Sets are immutable.
 */
export interface FieldSet {
  readonly member: boolean
  readonly children: ReadonlyMap<string, FieldSet>
}

export const noFields: FieldSet = { member: false, children: new Map() }
export const oneField: FieldSet = { member: true, children: new Map() }

export const isEmptySet = (set: FieldSet): boolean => !set.member && set.children.size === 0

/** A node of these children, the empty ones left out. */
export function nodeOf(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  return { member, children: new Map([...children].filter(([, child]) => !isEmptySet(child))) }
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === noFields) return b
  if (b === noFields) return a
  const keys = new Set([...a.children.keys(), ...b.children.keys()])
  return nodeOf(a.member || b.member, [...keys].map((key) => [key, union(a.children.get(key) ?? noFields, b.children.get(key) ?? noFields)]))
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return nodeOf(a.member && !b.member, [...a.children].map(([key, child]) => [key, difference(child, b.children.get(key) ?? noFields)]))
}

/** As `difference`, and where `b` has a member all below it goes too. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (b.member) return noFields
  return nodeOf(a.member, [...a.children].map(([key, child]) => [key, differenceBelow(child, b.children.get(key) ?? noFields)]))
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return nodeOf(a.member && b.member, [...a.children].map(([key, child]) => [key, intersection(child, b.children.get(key) ?? noFields)]))
}

/** The members as paths for people: `.spec.template.spec.containers[name="web"].image`. */
export function memberPaths(set: FieldSet, path = ''): readonly string[] {
  return [...(set.member ? [path] : []), ...[...set.children].flatMap(([key, child]) => memberPaths(child, `${path}${showElement(key)}`))]
}

function showElement(element: string): string {
  const rest = element.slice(2)
  if (element.startsWith('f:')) return `.${rest}`
  if (element.startsWith('v:')) return `[=${rest}]`
  const keys: unknown = JSON.parse(rest)
  return `[${Object.entries(isObject(keys) ? keys : {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
}

export function fieldSetFromV1(fields: unknown): FieldSet {
  if (!isObject(fields)) return noFields
  const children = Object.entries(fields).filter(([key]) => key !== '.').map(([key, value]) => [key, fieldSetFromV1(value)] as const)
  return { member: '.' in fields || children.length === 0, children: new Map(children) }
}

export function fieldSetToV1(set: FieldSet): JsonObject {
  const children = [...set.children].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, child]) => [key, fieldSetToV1(child)])
  return Object.fromEntries(set.member && children.length > 0 ? [['.', {}], ...children] : children)
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return a.member === b.member && a.children.size === b.children.size && [...a.children].every(([key, child]) => equalSets(child, b.children.get(key) ?? noFields))
}
