import { isObject, type Json, type JsonObject } from '../../../base/json.ts'
import { objectMetaRef } from './built-in.ts'
import type { Schema } from './openapi-schema.ts'

/** What a CRD's structural schema does to an object: unknown fields go, defaults come. */

/** The schema of the root, with metadata and the type fields that every object has; `kubectl explain` shows the descriptions. */
export const withRootFields = (schema: Schema): Schema => ({
  ...schema,
  type: 'object',
  properties: {
    ...schema.properties,
    apiVersion: { description: 'Group and version of the schema in which this object is written.', type: 'string' },
    kind: { description: 'Kind of this object.', type: 'string' },
    metadata: { description: 'Name, namespace, labels and annotations, as every object has them.', ...objectMetaRef },
  },
})

export interface Pruned {
  readonly object: JsonObject
  readonly unknownFields: readonly string[]
}

/** The object without the fields that its schema does not specify; metadata is not looked at. */
export function prune(object: JsonObject, schema: Schema): Pruned {
  const unknownFields: string[] = []
  const walk = (value: Json, at: Schema, path: string): Json => {
    if (Array.isArray(value)) return value.map((item, index) => walk(item as Json, at.items ?? {}, `${path}[${index}]`))
    if (!isObject(value)) return value
    const kept = at['x-kubernetes-preserve-unknown-fields'] === true || (at.properties === undefined && at.additionalProperties === undefined && at.type === undefined)
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => {
        if (inner === undefined) return []
        const here = path === '' ? key : `${path}.${key}`
        if (isTypeMeta(at, path, key)) return [[key, inner]]
        const next = at.properties?.[key] ?? (at.additionalProperties === true ? {} : at.additionalProperties === false ? undefined : at.additionalProperties)
        if (next !== undefined) return [[key, isAnything(next) ? inner : walk(inner, next, here)]]
        if (kept) return [[key, inner]]
        unknownFields.push(here)
        return []
      }),
    )
  }
  const pruned = walk(object, schema, '')
  return { object: isObject(pruned) ? pruned : {}, unknownFields }
}

const isTypeMeta = (schema: Schema, path: string, key: string): boolean =>
  (path === '' || schema['x-kubernetes-embedded-resource'] === true) && (key === 'apiVersion' || key === 'kind' || key === 'metadata')

const isAnything = (schema: Schema): boolean => Object.keys(schema).length === 0

/** The object with every default of its schema where the field is absent. A `null` for a field that may not be null counts as absent. */
export function applyDefaults<T extends Json>(value: T, schema: Schema): T {
  const result = fill(value, schema)
  return result as T
}

function fill(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) return schema.items === undefined ? value : value.map((item) => fill(item as Json, schema.items ?? {}))
  if (!isObject(value)) return value
  const properties = schema.properties ?? {}
  const filled: Record<string, Json | undefined> = {}
  for (const [key, inner] of Object.entries(value)) {
    const next = properties[key] ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
    if (inner === undefined || next === undefined) filled[key] = inner
    else if (inner === null && next.nullable !== true && next.default !== undefined) continue
    else filled[key] = fill(inner, next)
  }
  for (const [key, property] of Object.entries(properties)) {
    if (filled[key] === undefined && property.default !== undefined) filled[key] = fill(property.default, property)
  }
  return filled
}
