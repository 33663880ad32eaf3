import type { Json } from '../../../base/json.ts'
import { refPrefix, type Schema } from './openapi-schema.ts'

/**
 * A short notation for Kubernetes' own types, one type a line under the section of its package:
 *
 *     # apps io.k8s.api.apps.v1
 *     DeploymentSpec { replicas: int32, selector!: meta/LabelSelector, strategy: DeploymentStrategy @retainKeys }
 *
 * `!` is required, `[T]` a list, `{T}` a map, `section/Type` a type of another section. After a field stand its merge rules: `@atomic`,
 * `@set`, `@map(keys…)` for server-side apply, `@merge(key)` and `@retainKeys` for strategic merge patches, `@default(json)`.
 * `#3` is the field's protobuf number, see `protobuf.ts`.
 */

interface Section {
  readonly alias: string
  readonly packageName: string
}

const scalars: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  quantity: { 'x-kubernetes-int-or-string': true, format: 'quantity' },
  intOrString: { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
  any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
}

/** All types of some texts in the notation, by their full name such as `io.k8s.api.apps.v1.Deployment`. */
export function parseTypes(...texts: readonly string[]): ReadonlyMap<string, Schema> {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
  const packages = new Map(lines.filter(isSection).map((line) => [parseSection(line).alias, parseSection(line).packageName]))
  const types = new Map<string, Schema>()
  let section: Section = { alias: '', packageName: '' }
  for (const line of lines) {
    if (isSection(line)) section = parseSection(line)
    else {
      const { name, schema } = parseType(line, section, packages)
      types.set(`${section.packageName}.${name}`, schema)
    }
  }
  return types
}

const isSection = (line: string): boolean => line.startsWith('# ')

function parseSection(line: string): Section {
  const [, alias = '', packageName = ''] = line.split(' ')
  return { alias, packageName }
}

function parseType(line: string, section: Section, packages: ReadonlyMap<string, string>): { readonly name: string; readonly schema: Schema } {
  const open = line.indexOf('{')
  const [name = '', ...flags] = line.slice(0, open).trim().split(' ')
  const fields = line.slice(open + 1, line.lastIndexOf('}')).split(', ').map((field) => field.trim()).filter((field) => field !== '')
  const parsed = fields.map((field) => parseField(field, section, packages))
  const required = parsed.filter((field) => field.required).map((field) => field.name)
  return {
    name,
    schema: {
      type: 'object',
      properties: Object.fromEntries(parsed.map((field) => [field.name, field.schema])),
      ...(required.length > 0 ? { required } : {}),
      ...(flags.includes('@atomic') ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    },
  }
}

function parseField(text: string, section: Section, packages: ReadonlyMap<string, string>): { readonly name: string; readonly required: boolean; readonly schema: Schema } {
  const [, name = '', mark = '', type = '', rules = ''] = /^([^!:]+)(!?): (\S+)(.*)$/.exec(text) ?? []
  return { name, required: mark === '!', schema: { ...parseTypeName(type, section, packages), ...parseRules(rules, type) } }
}

function parseTypeName(text: string, section: Section, packages: ReadonlyMap<string, string>): Schema {
  if (text.startsWith('[')) return { type: 'array', items: parseTypeName(text.slice(1, -1), section, packages) }
  if (text.startsWith('{')) return { type: 'object', additionalProperties: parseTypeName(text.slice(1, -1), section, packages) }
  const scalar = scalars[text]
  if (scalar !== undefined) return scalar
  const [alias, name] = text.includes('/') ? text.split('/') : [section.alias, text]
  return { $ref: `${refPrefix}${packages.get(alias ?? '') ?? ''}.${name ?? ''}` }
}

function parseRules(text: string, type: string): Schema {
  const rules = new Map([...text.matchAll(/@(\w+)(?:\(([^)]*)\))?/g)].map(([, name = '', value]) => [name, value ?? '']))
  const patch = [rules.has('merge') ? 'merge' : '', rules.has('retainKeys') ? 'retainKeys' : ''].filter((name) => name !== '')
  const map = rules.get('map')
  return {
    ...(map === undefined ? {} : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': map.split(' ') }),
    ...(rules.has('set') ? { 'x-kubernetes-list-type': 'set' } : {}),
    ...(rules.has('atomic') ? (type.startsWith('[') ? { 'x-kubernetes-list-type': 'atomic' } : { 'x-kubernetes-map-type': 'atomic' }) : {}),
    ...(patch.length > 0 ? { 'x-kubernetes-patch-strategy': patch.join(',') } : {}),
    ...(rules.get('merge') ? { 'x-kubernetes-patch-merge-key': rules.get('merge') ?? '' } : {}),
    ...(rules.has('default') ? { default: JSON.parse(rules.get('default') ?? 'null') as Json } : {}),
  }
}
