/**
 * Kubernetes objects travel through Kinglet as raw JSON: a typed model would drop the fields of a newer cluster
 * while it copies a pod template. These are the only ways in.
 */
export type Json = string | number | boolean | null | JsonArray | JsonObject
export type JsonArray = readonly Json[]
export interface JsonObject {
  readonly [key: string]: Json | undefined
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object at `path`, or an empty one where anything on the way is absent or something else. */
export function objectAt(root: unknown, ...path: readonly string[]): JsonObject {
  const value = valueAt(root, ...path)
  return isObject(value) ? value : {}
}

/** The list at `path`, or an empty one. */
export function listAt(root: unknown, ...path: readonly string[]): JsonArray {
  const value = valueAt(root, ...path)
  return Array.isArray(value) ? (value as JsonArray) : []
}

/** The string at `path`; undefined where there is none. */
export function stringAt(root: unknown, ...path: readonly string[]): string | undefined {
  const value = valueAt(root, ...path)
  return typeof value === 'string' ? value : undefined
}

/** The number at `path`; undefined where there is none. */
export function numberAt(root: unknown, ...path: readonly string[]): number | undefined {
  const value = valueAt(root, ...path)
  return typeof value === 'number' ? value : undefined
}

/** The value at `path`; undefined where anything on the way is absent. */
export function valueAt(root: unknown, ...path: readonly string[]): unknown {
  let value: unknown = root
  for (const key of path) {
    if (!isObject(value)) return undefined
    value = value[key]
  }
  return value
}

/** The object that a text is, as annotations hold one; undefined where it is absent or something else. Never throws. */
export function parseObject(text: unknown): JsonObject | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** JSON with sorted keys: equal objects give equal text, whatever order they were written in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}
