import { isDeepStrictEqual } from 'node:util'
import { type Json, type JsonObject, isObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import { timestamp, withMetadata } from '../object-meta.ts'
import { ApiError } from '../status.ts'
import { difference, differenceBelow, equalSets, type FieldSet, fieldSetFromV1, fieldSetToV1, intersection, isEmptySet, memberPaths, nodeOf, noFields, oneField, union } from './field-set.ts'
import { compareValues, fieldsOf, mergeValues, type Typed, unionAll, withoutFields } from './typed-value.ts'

/**
 * Field ownership: who wrote which field, in `metadata.managedFields`, and server-side apply on top of it.
 * Source: KEP-555 and the structured merge of Kubernetes; conversion between versions has no counterpart here.
 */
export interface Writer {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  /** `status`, `scale`; empty for the object itself. */
  readonly subresource: string
}

interface Manager extends Writer {
  readonly time: string
  readonly fields: FieldSet
}

const sameWriter = (a: Writer, b: Writer): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource && (a.apiVersion === b.apiVersion || a.operation === 'Apply')

/** Fields that nobody owns: identity, and what the server itself writes. */
const unowned: FieldSet = nodeOf(false, [
  ['f:apiVersion', oneField],
  ['f:kind', oneField],
  ['f:metadata', nodeOf(true, ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion'].map((name) => [`f:${name}`, oneField]))],
])

const owned = (fields: FieldSet, reset: FieldSet): FieldSet => {
  const { children } = differenceBelow(fields, { member: false, children: new Map([...unowned.children].filter(([key]) => key !== 'f:metadata')) })
  const metadata = difference(children.get('f:metadata') ?? noFields, unowned.children.get('f:metadata') ?? noFields)
  return differenceBelow(nodeOf(false, new Map([...children, ['f:metadata', metadata]])), reset)
}

export interface Ownership {
  readonly typed: Typed
  readonly writer: Writer
  readonly now: Date
  /** Fields that this kind of write never touches, e.g. status for the object itself. */
  readonly reset: FieldSet
}

/** `next` with managedFields brought up to date for a write that is no apply. */
export function recordUpdate(live: JsonObject | undefined, next: JsonObject, { typed, writer, now, reset }: Ownership): JsonObject {
  const given = listAt(next, 'metadata', 'managedFields')
  if (given.length === 1 && isObject(given[0]) && Object.keys(given[0]).length === 0) return withMetadata(next, { managedFields: undefined })
  const managers = parseManagers(given.length > 0 ? next : live)
  const { added, modified, removed } = compareValues(live === undefined ? {} : bare(live), bare(next), typed)
  const mine = owned(union(added, modified), reset)
  const lost = union(removed, union(added, modified))
  const others = managers.filter((other) => !sameWriter(other, writer)).map((other) => ({ ...other, fields: difference(other.fields, lost) }))
  const before = managers.find((other) => sameWriter(other, writer))
  const fields = union(difference(before?.fields ?? noFields, removed), mine)
  return withManagers(next, [...others, stamped(before, { ...writer, fields, time: timestamp(now) })])
}

/**
 * Server-side apply: the object that results from laying `applied` over `live`, minus what this manager applied before and no
 * longer does. Throws ApiError 409 where another manager owns a field to be changed, unless `force`.
 */
export function applyConfiguration(live: JsonObject | undefined, applied: JsonObject, ownership: Ownership & { readonly force: boolean }): JsonObject {
  const { typed, writer, now, reset, force } = ownership
  const managers = withFirstApply(parseManagers(live), live, ownership)
  const current = live === undefined ? {} : bare(live)
  const config = bare(applied)
  const before = managers.find((other) => sameWriter(other, writer))
  const others = managers.filter((other) => !sameWriter(other, writer))
  const mine = owned(fieldsOf(config, typed), reset)
  const merged = mergeValues(current, withoutReset(config, reset, typed), typed)
  const mergedObject = isObject(merged) ? merged : {}
  const { added, modified } = compareValues(current, mergedObject, typed)
  const contested = others.map((other) => ({ other, fields: intersection(other.fields, union(added, modified)) })).filter(({ fields }) => !isEmptySet(fields))
  if (contested.length > 0 && !force) throw conflictOf(contested)
  const kept = unionAll([mine, ...others.map(({ fields }) => fields)])
  const pruned = before === undefined ? mergedObject : withoutFields(mergedObject, difference(before.fields, kept), kept, typed)
  const result = isObject(pruned) ? pruned : mergedObject
  const { removed } = compareValues(current, result, typed)
  const remaining = others.map((other) => ({ ...other, fields: difference(difference(other.fields, union(added, modified)), removed) }))
  const metadata = { ...objectAt(live, 'metadata'), ...objectAt(result, 'metadata') }
  const complete = { ...result, metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => key in objectAt(result, 'metadata') || isServerKey(key))) }
  return withManagers(complete, [...remaining, stamped(before, { ...writer, fields: mine, time: timestamp(now) })])
}

const isServerKey = (key: string): boolean => ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'name', 'namespace', 'generateName'].includes(key)

const withoutReset = (config: JsonObject, reset: FieldSet, typed: Typed): JsonObject => {
  const rest = isEmptySet(reset) ? config : withoutFields(config, reset, noFields, typed)
  return isObject(rest) ? rest : {}
}

/** The object without its managedFields. */
const bare = (object: JsonObject): JsonObject => withMetadata(object, { managedFields: undefined })

/** An object that was never written through ownership counts as one manager's, so that its fields are not lost. */
function withFirstApply(managers: readonly Manager[], live: JsonObject | undefined, { typed, writer, now }: Ownership): readonly Manager[] {
  if (live === undefined || managers.length > 0) return managers
  const fields = owned(fieldsOf(bare(live), typed), noFields)
  return [{ manager: 'before-first-apply', operation: 'Update', apiVersion: writer.apiVersion, subresource: '', time: timestamp(now), fields }]
}

/** An entry keeps its time while it says the same. */
const stamped = (before: Manager | undefined, next: Manager): Manager => (before !== undefined && equalSets(before.fields, next.fields) ? before : next)

function parseManagers(object: JsonObject | undefined): readonly Manager[] {
  return listAt(object, 'metadata', 'managedFields').flatMap((entry): readonly Manager[] => {
    const manager = stringAt(entry, 'manager')
    if (manager === undefined) return []
    return [{
      manager,
      operation: stringAt(entry, 'operation') === 'Apply' ? 'Apply' : 'Update',
      apiVersion: stringAt(entry, 'apiVersion') ?? '',
      subresource: stringAt(entry, 'subresource') ?? '',
      time: stringAt(entry, 'time') ?? '',
      fields: { ...fieldSetFromV1(objectAt(entry, 'fieldsV1')), member: false },
    }]
  })
}

function withManagers(object: JsonObject, managers: readonly Manager[]): JsonObject {
  const entries: readonly Json[] = managers
    .filter(({ fields }) => !isEmptySet(fields))
    .toSorted((a, b) => compareText(a.operation, b.operation) || compareText(a.time, b.time) || compareText(a.manager, b.manager))
    .map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: fieldSetToV1(fields),
      ...(subresource === '' ? {} : { subresource }),
    }))
  if (isDeepStrictEqual(entries, listAt(object, 'metadata', 'managedFields'))) return object
  return withMetadata(object, { managedFields: entries.length === 0 ? undefined : entries })
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** An applier is known by its name alone. */
function describeManager({ manager, operation, subresource, apiVersion }: Manager): string {
  if (operation === 'Apply') return `"${manager}"`
  return `"${manager}"${subresource === '' ? '' : ` with subresource "${subresource}"`} using ${apiVersion}`
}

function conflictOf(contested: readonly { readonly other: Manager; readonly fields: FieldSet }[]): ApiError {
  const conflicts = contested.flatMap(({ other, fields }) =>
    memberPaths(fields).map((field) => ({ who: describeManager(other), field })),
  )
  const byWho = Map.groupBy(conflicts, ({ who }) => who)
  const texts = [...byWho].map(([who, list]) =>
    list.length === 1 && conflicts.length === 1 ? `conflict with ${who}: ${list[0]?.field ?? ''}` : `conflicts with ${who}:\n${list.map(({ field }) => `- ${field}`).join('\n')}`,
  )
  return new ApiError(409, 'Conflict', `Apply failed with ${conflicts.length} conflict${conflicts.length === 1 ? '' : 's'}: ${texts.join('\n')}`, {
    causes: conflicts.map(({ who, field }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  })
}
