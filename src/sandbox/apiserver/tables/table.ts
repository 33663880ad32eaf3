import { type JsonObject, objectAt } from '../../../base/json.ts'
import type { ResourceType } from '../resource-type.ts'

/** Objects as rows for `kubectl get`: `meta.k8s.io/v1` Table. */
export type IncludeObject = 'Metadata' | 'Object' | 'None'

export const wantsTable = (accept: string | undefined): boolean => /as=Table\b/.test((accept ?? '').split(',')[0] ?? '')

export const includeObject = (value: string | null): IncludeObject => (value === 'Object' || value === 'None' ? value : 'Metadata')

/** `metadata` is the list's or the object's; the columns are left out in all but the first event of a watch. */
export function buildTable(type: ResourceType, objects: readonly JsonObject[], options: { readonly metadata: JsonObject; readonly include: IncludeObject; readonly now: Date; readonly withColumns: boolean }): JsonObject {
  const columns = type.columns.map((column) => ({ name: column.name, type: column.type, format: column.format ?? '', description: column.description ?? '', priority: column.priority ?? 0 }))
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.withColumns ? columns : null,
    rows: objects.map((object) => ({ cells: type.columns.map((column) => column.cell(object, options.now)), ...shown(object, options.include) })),
  }
}

function shown(object: JsonObject, include: IncludeObject): JsonObject {
  if (include === 'None') return {}
  if (include === 'Object') return { object }
  return { object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: objectAt(object, 'metadata') } }
}
