import type { JsonObject } from '../../base/json.ts'
import type { ResourceName } from '../contract.ts'
import type { Column } from './tables/column.ts'
import type { Schema } from './schema/openapi-schema.ts'
import type { FieldError } from './status.ts'

/** Everything the server has to know about one resource in one version, built-in or custom. */
export interface ResourceType {
  readonly group: string
  readonly version: string
  /** Plural, lower case: the word in paths. */
  readonly resource: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  /** Where objects lie in the store; two versions of one resource share it. */
  readonly storage: ResourceName
  readonly schema: Schema
  /** Full name of the schema in published OpenAPI documents. */
  readonly schemaName: string
  readonly hasStatus: boolean
  readonly scale: ScalePaths | undefined
  /** Subresources beyond status and scale that discovery lists. */
  readonly subresources: readonly Subresource[]
  readonly columns: readonly Column[]
  /** Present for custom resources. */
  readonly custom: CustomBehaviour | undefined
}

export interface Subresource {
  readonly name: string
  readonly kind: string
  readonly verbs: readonly string[]
  readonly group?: string
  readonly version?: string
}

/** JSON paths of the scale subresource, without a leading dot. */
export interface ScalePaths {
  readonly spec: readonly string[]
  readonly status: readonly string[]
  readonly selector: readonly string[] | undefined
}

export interface CustomBehaviour {
  /** Errors of the schema and its CEL rules; `previous` for transition rules. */
  validate(object: JsonObject, previous: JsonObject | undefined): readonly FieldError[]
}

export const apiVersionOf = (type: { readonly group: string; readonly version: string }): string => (type.group === '' ? type.version : `${type.group}/${type.version}`)

export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const
