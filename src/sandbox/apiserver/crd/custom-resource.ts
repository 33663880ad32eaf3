import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { allVerbs, type ResourceType, type ScalePaths } from '../resource-type.ts'
import type { Schema } from '../schema/openapi-schema.ts'
import { withRootFields } from '../schema/structural.ts'
import { ageColumn, nameColumn } from '../tables/built-in-columns.ts'
import { ageSince } from '../tables/age.ts'
import type { Cell, Column } from '../tables/column.ts'
import { evaluateJsonPath } from './json-path.ts'
import { compileCustomValidator } from './validate-custom.ts'

/** The resources that a CustomResourceDefinition brings: one for each served version. */
export function buildCustomResources(definition: JsonObject): readonly ResourceType[] {
  return listAt(definition, 'spec', 'versions').filter((version) => isObject(version) && version['served'] === true).map((version) => buildVersion(definition, objectAt(version)))
}

const texts = (root: unknown, ...path: readonly string[]): readonly string[] => listAt(root, ...path).filter((item) => typeof item === 'string')

function buildVersion(definition: JsonObject, version: JsonObject): ResourceType {
  const names = objectAt(definition, 'spec', 'names')
  const group = stringAt(definition, 'spec', 'group') ?? ''
  const resource = stringAt(names, 'plural') ?? ''
  const kind = stringAt(names, 'kind') ?? ''
  const storage: ResourceName = `${group}/${resource}`
  const given = objectAt(version, 'schema', 'openAPIV3Schema') as Schema
  const schema = withRootFields(given)
  const versionName = stringAt(version, 'name') ?? ''
  return {
    group,
    version: versionName,
    resource,
    kind,
    storage,
    schema,
    listKind: stringAt(names, 'listKind') ?? `${kind}List`,
    singular: stringAt(names, 'singular') ?? kind.toLowerCase(),
    schemaName: `${group.split('.').toReversed().join('.')}.${versionName}.${kind}`,
    namespaced: stringAt(definition, 'spec', 'scope') === 'Namespaced',
    shortNames: texts(names, 'shortNames'),
    categories: texts(names, 'categories'),
    verbs: allVerbs,
    hasStatus: isObject(objectAt(version, 'subresources')['status']),
    scale: scalePaths(objectAt(version, 'subresources', 'scale')),
    subresources: [],
    columns: columnsOf(version),
    custom: { validate: compileCustomValidator(given) },
  }
}

function scalePaths(scale: JsonObject): ScalePaths | undefined {
  const path = (field: string): readonly string[] | undefined => stringAt(scale, field)?.split('.').filter((part) => part !== '')
  const spec = path('specReplicasPath')
  const status = path('statusReplicasPath')
  return spec === undefined || status === undefined ? undefined : { spec, status, selector: path('labelSelectorPath') }
}

function columnsOf(version: JsonObject): readonly Column[] {
  const printed = listAt(version, 'additionalPrinterColumns').filter(isObject)
  return [nameColumn, ...(printed.length === 0 ? [ageColumn] : printed.map(printerColumn))]
}

function printerColumn(column: JsonObject): Column {
  const path = stringAt(column, 'jsonPath') ?? ''
  const type = columnType(stringAt(column, 'type'))
  const description = stringAt(column, 'description')
  return {
    name: stringAt(column, 'name') ?? '',
    type,
    ...(stringAt(column, 'format') === undefined ? {} : { format: stringAt(column, 'format') ?? '' }),
    ...(description === undefined ? {} : { description }),
    priority: numberAt(column, 'priority') ?? 0,
    cell: (object, now) => cellOf(evaluateJsonPath(object, path), type, now),
  }
}

const columnType = (type: string | undefined): Column['type'] => (type === 'integer' || type === 'number' || type === 'boolean' || type === 'date' ? type : 'string')

/** A value of another type than the column's prints as nothing, as on the API server. */
function cellOf(values: readonly unknown[], type: Column['type'], now: Date): Cell {
  const value = values[0]
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? ageSince(value, now) : null
    case 'string':
      return values.length > 1 ? JSON.stringify(values) : typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean)
  }
}
