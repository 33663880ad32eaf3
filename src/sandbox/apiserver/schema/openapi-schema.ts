import type { Json, JsonObject } from '../../../base/json.ts'

/**
 * A schema as Kubernetes writes it: OpenAPI v3 with the `x-kubernetes-` extensions. The one form of all types here, built-in and
 * custom: pruning, defaults, strict decoding, both kinds of merge and field ownership read nothing else.
 */
export interface Schema {
  readonly $ref?: string
  readonly allOf?: readonly Schema[]
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly default?: Json
  readonly nullable?: boolean
  readonly enum?: readonly Json[]
  readonly pattern?: string
  readonly maxLength?: number
  readonly maxItems?: number
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: string
  readonly 'x-kubernetes-patch-strategy'?: string
  readonly 'x-kubernetes-patch-merge-key'?: string
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
  readonly 'x-kubernetes-validations'?: readonly JsonObject[]
  readonly 'x-kubernetes-group-version-kind'?: readonly JsonObject[]
}

/** Finds the schema that a `$ref` names. */
export type Resolve = (schema: Schema) => Schema

export const refPrefix = '#/components/schemas/'

/** Where in an object's tree a walk stands: an object's field, or an item of a list or a map. */
export const fieldSchema = (schema: Schema, name: string, resolve: Resolve): Schema | undefined => {
  const resolved = resolve(schema)
  const property = resolved.properties?.[name]
  if (property !== undefined) return property
  return typeof resolved.additionalProperties === 'object' ? resolved.additionalProperties : undefined
}
