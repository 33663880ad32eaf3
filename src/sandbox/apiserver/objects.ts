import { isObject, type JsonObject, objectAt, stringAt } from '../../base/json.ts'
import { apiVersionOf, type ResourceType } from './resource-type.ts'
import { objectMetaRef, resolveSchema } from './schema/built-in.ts'
import { decodeByType, TypeMismatch } from './schema/decode.ts'
import { applyDefaults, prune } from './schema/structural.ts'
import { defaultBuiltIn } from './strategies/defaults.ts'
import { badRequest } from './status.ts'

/** From what a client or a webhook sent to an object of its type: unknown fields out, defaults in. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

/** Throws ApiError 400: not an object, another kind or version, wrong types, and with `Strict` unknown fields. */
export const readObject = (type: ResourceType, body: unknown, validation: FieldValidation, warn: (text: string) => void): JsonObject => withTypeDefaults(type, readApplied(type, body, validation, warn))

/** As `readObject` without defaults: what a server-side apply sent is what it owns. */
export function readApplied(type: ResourceType, body: unknown, validation: FieldValidation, warn: (text: string) => void): JsonObject {
  if (!isObject(body)) throw badRequest('the body of the request was not an object')
  const apiVersion = apiVersionOf(type)
  const [givenVersion = apiVersion, givenKind = type.kind] = [stringAt(body, 'apiVersion'), stringAt(body, 'kind')]
  if (givenKind !== type.kind) throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: the kind in the data (${givenKind}) does not match`)
  if (givenVersion !== apiVersion) throw badRequest(`the API version in the data (${givenVersion}) does not match the expected API version (${apiVersion})`)
  const { object, unknownFields } = decode(type, { ...body, apiVersion, kind: type.kind })
  const problems = unknownFields.map((field) => `unknown field "${field}"`)
  if (problems.length > 0 && validation === 'Strict') throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: strict decoding error: ${problems.join(', ')}`)
  if (validation === 'Warn') for (const problem of problems) warn(problem)
  return object
}

/** As `readObject`, for an object that was read before and changed since: silent about unknown fields. */
export const normalizeObject = (type: ResourceType, object: JsonObject): JsonObject => withTypeDefaults(type, decode(type, object).object)

function decode(type: ResourceType, object: JsonObject): { readonly object: JsonObject; readonly unknownFields: readonly string[] } {
  try {
    if (type.custom === undefined) return decodeByType(object, type.schema, resolveSchema, type.kind)
    const { object: metadata, unknownFields } = decodeByType(objectAt(object, 'metadata'), objectMetaRef, resolveSchema, 'ObjectMeta')
    const pruned = prune(object, type.schema)
    return { object: { ...pruned.object, metadata }, unknownFields: [...unknownFields.map((field) => `metadata.${field}`), ...pruned.unknownFields] }
  } catch (error) {
    if (error instanceof TypeMismatch) throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${error.message}`)
    throw error
  }
}

const withTypeDefaults = (type: ResourceType, object: JsonObject): JsonObject => {
  const complete = isObject(object['metadata']) ? object : { ...object, metadata: {} }
  return type.custom === undefined ? defaultBuiltIn(type.storage, complete) : applyDefaults(complete, type.schema)
}
