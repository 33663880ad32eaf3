import { createHash } from 'node:crypto'
import type { JsonObject } from '../../../base/json.ts'
import type { ResourceType } from '../resource-type.ts'
import { builtInTypes } from '../schema/built-in.ts'
import { refPrefix, type Schema } from '../schema/openapi-schema.ts'

/** OpenAPI v3 documents, one for each group and version, with what kubectl reads: schemas for explain and apply, and that PATCH knows dryRun and fieldValidation. */

const groupPath = ({ group, version }: { readonly group: string; readonly version: string }): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`)

/** The index: where the document of each version is, with a hash that changes when it does. */
export function openApiIndex(types: readonly ResourceType[]): JsonObject {
  const paths = [...new Set(types.map(groupPath))]
  return { paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(types.filter((type) => groupPath(type) === path))}` }])) }
}

const hashOf = (types: readonly ResourceType[]): string =>
  createHash('sha256').update(JSON.stringify(types.map(({ kind, schema }) => [kind, schema]))).digest('hex').slice(0, 32).toUpperCase()

/** The document under a path such as `apis/apps/v1`; undefined if there is none. */
export function openApiDocument(types: readonly ResourceType[], path: string): JsonObject | undefined {
  const members = types.filter((type) => groupPath(type) === path)
  if (members.length === 0) return undefined
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths: Object.fromEntries(members.flatMap((type) => pathsOf(type, path))),
    components: { schemas: Object.fromEntries(schemasOf(members)) },
  }
}

const action = (name: string, { group, version, kind }: ResourceType): JsonObject => ({ 'x-kubernetes-action': name, 'x-kubernetes-group-version-kind': { group, kind, version } })
const flag = (name: string): JsonObject => ({ in: 'query', name, schema: { type: 'string', uniqueItems: true } })
const answer = { 200: { description: 'OK' } }

/** Only the operations that clients look up. */
function pathsOf(type: ResourceType, path: string): readonly (readonly [string, JsonObject])[] {
  const base = `/${path}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.resource}`
  const writing = ['dryRun', 'fieldManager', 'fieldValidation'].map(flag)
  if (type.verbs.length === 1) return [[base, { post: { parameters: writing, responses: answer, ...action('post', type) } }]]
  return [
    [base, { get: { responses: answer, ...action('list', type) }, post: { parameters: writing, responses: answer, ...action('post', type) } }],
    [
      `${base}/{name}`,
      {
        get: { responses: answer, ...action('get', type) },
        put: { parameters: writing, responses: answer, ...action('put', type) },
        patch: { parameters: [...writing, flag('force')], responses: answer, ...action('patch', type) },
        delete: { parameters: ['dryRun', 'gracePeriodSeconds', 'propagationPolicy'].map(flag), responses: answer, ...action('delete', type) },
      },
    ],
  ]
}

const refsIn = (schema: Schema): readonly string[] => {
  const refs = new Set<string>()
  JSON.stringify(schema, (key, value: unknown) => {
    if (key === '$ref' && typeof value === 'string') refs.add(value.slice(refPrefix.length))
    return value
  })
  return [...refs]
}

/** The types of the version and all that they refer to. */
function schemasOf(members: readonly ResourceType[]): ReadonlyMap<string, JsonObject> {
  const schemas = new Map<string, JsonObject>()
  const add = (name: string, schema: Schema, kinds?: readonly JsonObject[]): void => {
    if (schemas.has(name)) return
    schemas.set(name, { ...(published(schema) as JsonObject), ...(kinds === undefined ? {} : { 'x-kubernetes-group-version-kind': kinds }) })
    for (const reference of refsIn(schema)) add(reference, builtInTypes.get(reference) ?? {})
  }
  for (const type of members) {
    const { group, version, kind } = type
    add(type.schemaName, type.schema, [{ group, version, kind }])
    const items: Schema = { type: 'array', items: { allOf: [{ $ref: `${refPrefix}${type.schemaName}` }] } }
    const list: Schema = { type: 'object', properties: { apiVersion: { type: 'string' }, items, kind: { type: 'string' }, metadata: { type: 'object' } }, required: ['items'] }
    add(`${type.schemaName}List`, list, [{ group, version, kind: type.listKind }])
  }
  return schemas
}

/** A `$ref` beside other keywords is written with `allOf`, as OpenAPI 3.0 wants; amounts and int-or-string name both their types. */
function published(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(published)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Record<string, unknown>)
  const reference = entries.find(([key, inner]) => key === '$ref' && typeof inner === 'string')
  if (reference !== undefined && entries.length > 1) return { ...Object.fromEntries(entries.filter(([key]) => key !== '$ref')), allOf: [{ $ref: reference[1] }] }
  const inner = Object.fromEntries(entries.map(([key, one]) => [key, published(one)]))
  const isAmount = 'x-kubernetes-int-or-string' in inner && !('type' in inner) && typeof inner['format'] === 'string'
  return isAmount ? { oneOf: [{ type: 'string' }, { type: 'integer' }], format: inner['format'] } : inner
}
