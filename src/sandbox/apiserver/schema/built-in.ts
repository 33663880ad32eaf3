import { coreTypes } from './core-types.ts'
import { groupTypes } from './group-types.ts'
import { parseTypes } from './notation.ts'
import { refPrefix, type Schema } from './openapi-schema.ts'

/** Kubernetes' own types by full name, and the way from a `$ref` to them. */
export const builtInTypes: ReadonlyMap<string, Schema> = parseTypes(coreTypes, groupTypes)

/** The schema itself, or the one that its `$ref` (alone or as the only member of `allOf`) names. */
export function resolveSchema(schema: Schema): Schema {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (reference === undefined) return schema
  return builtInTypes.get(reference.slice(refPrefix.length)) ?? {}
}
export const objectMetaRef: Schema = { $ref: `${refPrefix}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta` }
