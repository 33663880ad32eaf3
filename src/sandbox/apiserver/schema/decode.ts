import { isObject, type Json, type JsonObject } from '../../../base/json.ts'
import { fieldSchema, type Resolve, type Schema } from './openapi-schema.ts'

/**
 * Reads an object by its type as the API server's decoder does: fields that the type does not have are dropped and named, a value
 * of the wrong type is an error, `null` counts as absent.
 */
export interface Decoded {
  readonly object: JsonObject
  /** Paths of the dropped fields, e.g. `spec.replica`. */
  readonly unknownFields: readonly string[]
}

export class TypeMismatch extends Error {}

export function decodeByType(object: JsonObject, schema: Schema, resolve: Resolve, kind: string): Decoded {
  const unknownFields: string[] = []
  const walk = (value: Json, at: Schema, path: string, owner: string): Json => {
    const type = resolve(at)
    if (type['x-kubernetes-preserve-unknown-fields'] === true) return value
    if (type['x-kubernetes-int-or-string'] === true) return checked(typeof value === 'string' || typeof value === 'number', value, type.format === 'quantity' ? 'string' : 'int32', path, owner)
    switch (type.type) {
      case 'object':
        if (!isObject(value)) return checked(false, value, type.properties === undefined ? 'map[string]string' : typeName(at), path, owner)
        return walkFields(value, type, path, typeName(at) || owner)
      case 'array':
        if (!Array.isArray(value)) return checked(false, value, listTypeName(type), path, owner)
        return value.map((item, index) => (item === null ? null : walk(item as Json, type.items ?? {}, `${path}[${index}]`, owner)))
      case 'integer':
        return checked(typeof value === 'number' && Number.isInteger(value), value, type.format ?? 'int32', path, owner)
      case 'number':
        return checked(typeof value === 'number', value, 'float64', path, owner)
      case 'boolean':
        return checked(typeof value === 'boolean', value, 'bool', path, owner)
      case 'string':
        return checked(typeof value === 'string', value, type.format === 'byte' ? '[]uint8' : 'string', path, owner)
      default:
        return value
    }
  }
  const walkFields = (value: JsonObject, type: Schema, path: string, owner: string): JsonObject =>
    Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => {
        if (inner === undefined || inner === null) return []
        const next = fieldSchema(type, key, resolve)
        const here = path === '' ? key : `${path}.${key}`
        if (next !== undefined) return isOmitted(inner, resolve(next), type.required?.includes(key) === true) ? [] : [[key, walk(inner, next, here, owner)]]
        unknownFields.push(here)
        return []
      }),
    )
  const decoded = walk(object, schema, '', kind)
  return { object: isObject(decoded) ? decoded : {}, unknownFields }
}

const typeName = (schema: Schema): string => (schema.$ref ?? schema.allOf?.[0]?.$ref ?? '').split('.').at(-1) ?? ''

/** Empty lists and free maps count as absent (Go's `omitempty`), but for those that a type requires. */
const isOmitted = (value: Json, { type, properties, additionalProperties }: Schema, isRequired: boolean): boolean =>
  !isRequired && ((type === 'array' && Array.isArray(value) && value.length === 0) || (isObject(value) && properties === undefined && additionalProperties !== undefined && Object.keys(value).length === 0))

const listTypeName = ({ items }: Schema): string => `[]${items === undefined ? '' : typeName(items) || (items.type ?? '')}`

function checked(isRight: boolean, value: Json, goType: string, path: string, owner: string): Json {
  if (isRight) return value
  const given = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value === 'boolean' ? 'bool' : typeof value === 'number' && goType.startsWith('int') ? `number ${value}` : typeof value
  throw new TypeMismatch(`json: cannot unmarshal ${given} into Go struct field ${owner}.${path.replaceAll(/\[\d+\]/g, '')} of type ${goType}`)
}
