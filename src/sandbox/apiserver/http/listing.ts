import type { JsonObject } from '../../../base/json.ts'
import { namespaceOf, nameOf } from '../object-meta.ts'
import { apiVersionOf, type ResourceType } from '../resource-type.ts'
import { parseFieldSelector, parseLabelSelector, type Predicate } from '../selectors.ts'
import { badRequest, expired } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import { fromStored } from '../views.ts'

/** Lists with selectors and pages, and what of them a watch needs too. */

/** The selection that a list, a watch or a deletecollection asks for. Throws ApiError 400. */
export function selectionOf(type: ResourceType, query: URLSearchParams, name = ''): Predicate {
  const byLabel = parseLabelSelector(query.get('labelSelector') ?? '')
  const byField = parseFieldSelector(`${type.group}/${type.resource}`, query.get('fieldSelector') ?? '')
  return (object) => byLabel(object) && byField(object) && (name === '' || nameOf(object) === name)
}

interface Cursor {
  readonly revision: number
  readonly after: string
}

const keyOf = (object: JsonObject): string => `${namespaceOf(object) ?? ''}/${nameOf(object)}`

export interface Listed {
  readonly items: readonly JsonObject[]
  readonly metadata: JsonObject
}

/**
 * The objects of one page. A later page shows the objects as they are by then, not as they were at the first page: what was
 * deleted in between is missing. The list's resourceVersion is the first page's, so a watch from there misses nothing.
 */
export function listObjects(store: ObjectStore, type: ResourceType, namespace: string | undefined, query: URLSearchParams): Listed {
  const selected = store.list(type.storage, namespace).map((object) => fromStored(type, object)).filter(selectionOf(type, query))
  const cursor = parseCursor(query.get('continue'))
  const limit = Number(query.get('limit') ?? 0)
  const rest = cursor === undefined ? selected : selected.filter((object) => keyOf(object) > cursor.after)
  const items = limit > 0 ? rest.slice(0, limit) : rest
  const revision = cursor?.revision ?? store.revision()
  const last = items.at(-1)
  const isCut = last !== undefined && items.length < rest.length
  const more = isCut ? { continue: Buffer.from(JSON.stringify({ revision, after: keyOf(last) })).toString('base64url'), remainingItemCount: rest.length - items.length } : {}
  return { items, metadata: { resourceVersion: String(revision), ...more } }
}

function parseCursor(text: string | null): Cursor | undefined {
  if (text === null || text === '') return undefined
  try {
    const cursor = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Partial<Cursor>
    if (typeof cursor.revision !== 'number' || typeof cursor.after !== 'string') throw new Error('incomplete')
    return { revision: cursor.revision, after: cursor.after }
  } catch {
    throw badRequest('continue key is not valid')
  }
}

export const listBody = (type: ResourceType, { items, metadata }: Listed): JsonObject => ({ kind: type.listKind, apiVersion: apiVersionOf(type), metadata, items })

/** Refuses a resourceVersion of the future: nothing can be known about it. */
export function checkRevision(store: ObjectStore, revision: number): void {
  if (revision > store.revision()) throw expired(`too large resource version: ${revision}, current: ${store.revision()}`)
}
