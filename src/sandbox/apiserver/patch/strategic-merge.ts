import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json, type JsonArray, type JsonObject } from '../../../base/json.ts'
import { fieldSchema, type Resolve, type Schema } from '../schema/openapi-schema.ts'

/**
 * Kubernetes' strategic merge patch: maps merge, lists with a merge key merge item by item, and directives inside the patch say
 * what else: `$patch: delete|replace`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 * Source: the "Strategic Merge Patch" page of Kubernetes' API conventions and the behaviour of kubectl apply.
 */
export function applyStrategicMerge(target: JsonObject, patch: JsonObject, schema: Schema, resolve: Resolve): JsonObject {
  return mergeMaps(target, patch, schema, resolve)
}

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'
const isDirective = (key: string): boolean => key === '$patch' || key === '$retainKeys' || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)

function mergeMaps(target: JsonObject, patch: JsonObject, schema: Schema, resolve: Resolve): JsonObject {
  if (patch['$patch'] === 'delete') return {}
  if (patch['$patch'] === 'replace') return withoutDirectives(patch)
  const retained = patch['$retainKeys']
  const start = Array.isArray(retained) ? Object.entries(target).filter(([key]) => retained.includes(key)) : Object.entries(target)
  const merged: Record<string, Json | undefined> = Object.fromEntries(start)
  for (const key of fieldsTouched(patch)) {
    const value = patch[key]
    if (value === null) {
      delete merged[key]
      continue
    }
    const field = fieldSchema(schema, key, resolve) ?? {}
    const next = mergeField(merged[key], value, { field, order: patch[`${orderPrefix}${key}`], deleted: patch[`${deletePrefix}${key}`], resolve })
    if (next === undefined) delete merged[key]
    else merged[key] = next
  }
  return merged
}

/** The fields that a patch speaks of, be it only by a directive for a list. */
function fieldsTouched(patch: JsonObject): readonly string[] {
  const fields = Object.keys(patch).filter((key) => !isDirective(key))
  const directed = Object.keys(patch).filter((key) => key.startsWith(orderPrefix) || key.startsWith(deletePrefix)).map((key) => key.slice(key.indexOf('/') + 1))
  return [...new Set([...fields, ...directed])]
}

interface FieldPatch {
  readonly field: Schema
  readonly order: Json | undefined
  readonly deleted: Json | undefined
  readonly resolve: Resolve
}

function mergeField(current: Json | undefined, value: Json | undefined, { field, order, deleted, resolve }: FieldPatch): Json | undefined {
  const strategy = field['x-kubernetes-patch-strategy'] ?? ''
  if (isObject(value)) {
    if (strategy.includes('replace')) return withoutDirectives(value)
    return value['$patch'] === 'delete' ? undefined : mergeMaps(isObject(current) ? current : {}, value, field, resolve)
  }
  if (!Array.isArray(value) && value !== undefined) return value
  if (!strategy.includes('merge')) return value === undefined ? current : value
  const ordered = mergeListField(asList(current), asList(value), { field, order, deleted, resolve })
  return current === undefined && ordered.length === 0 && value === undefined ? undefined : ordered
}

const asList = (value: Json | undefined): JsonArray => (Array.isArray(value) ? (value as JsonArray) : [])

function mergeListField(existing: JsonArray, items: JsonArray, { field, order, deleted, resolve }: FieldPatch): JsonArray {
  const key = field['x-kubernetes-patch-merge-key']
  const merged = key === undefined ? mergePrimitives(existing, items, asList(deleted)) : mergeItems(existing, items, { key, item: resolve(field).items ?? {}, resolve })
  return order === undefined ? merged : inOrder(merged, existing, asList(order), key)
}

function mergePrimitives(existing: JsonArray, items: JsonArray, deleted: JsonArray): JsonArray {
  const kept = existing.filter((item) => !deleted.includes(item))
  return [...kept, ...items.filter((item, index) => !kept.includes(item) && items.indexOf(item) === index)]
}

interface ItemRule {
  readonly key: string
  readonly item: Schema
  readonly resolve: Resolve
}

function mergeItems(existing: JsonArray, items: JsonArray, { key, item, resolve }: ItemRule): JsonArray {
  if (items.some((one) => isObject(one) && one['$patch'] === 'replace')) {
    return items.filter((one) => !(isObject(one) && one['$patch'] === 'replace')).map((one) => (isObject(one) ? withoutDirectives(one) : one))
  }
  let merged = [...existing]
  for (const one of items) {
    if (!isObject(one)) continue
    const same = (other: Json): boolean => isObject(other) && isDeepStrictEqual(other[key], one[key])
    if (one['$patch'] === 'delete') {
      merged = merged.filter((other) => !same(other))
      continue
    }
    const index = merged.findIndex(same)
    const found = merged[index]
    if (index === -1) merged.push(mergeMaps({}, one, item, resolve))
    else merged[index] = mergeMaps(isObject(found) ? found : {}, one, item, resolve)
  }
  return merged
}

/**
 * Items that the patch orders come in its order; the others keep their place relative to those beside which they stood.
 * E.g. existing [a b c d], order [c a] → [b c a d]: b stays before c, where it was.
 */
function inOrder(merged: JsonArray, existing: JsonArray, order: JsonArray, key: string | undefined): JsonArray {
  const idOf = (item: Json): string => JSON.stringify(key === undefined ? item : isObject(item) ? item[key] : item)
  const rank = new Map(order.map((item, index) => [idOf(item), index]))
  const place = new Map(existing.map((item, index) => [idOf(item), index]))
  const ordered = merged.filter((item) => rank.has(idOf(item))).toSorted((a, b) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0))
  const others = merged.filter((item) => !rank.has(idOf(item)))
  const result: Json[] = []
  let next = 0
  for (const item of ordered) {
    const at = place.get(idOf(item))
    // An item that is new has no place of its own, so nobody stands before it.
    while (at !== undefined && next < others.length && (place.get(idOf(others[next] ?? null)) ?? Infinity) < at) result.push(others[next++] ?? null)
    result.push(item)
  }
  return [...result, ...others.slice(next)]
}

function withoutDirectives(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !isDirective(key)))
}
