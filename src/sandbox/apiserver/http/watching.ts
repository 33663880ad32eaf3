import type { JsonObject } from '../../../base/json.ts'
import type { StoreEvent } from '../../contract.ts'
import { apiVersionOf, type ResourceType } from '../resource-type.ts'
import type { Predicate } from '../selectors.ts'
import { badRequest, expired } from '../status.ts'
import type { ObjectStore } from '../store.ts'
import { buildTable, type IncludeObject } from '../tables/table.ts'
import { fromStored } from '../views.ts'
import type { Exchange } from './exchange.ts'
import { checkRevision } from './listing.ts'

/** Watches: JSON lines for each change, as the selection sees it, with bookmarks. */
export interface WatchRequest {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly selects: Predicate
  readonly table: IncludeObject | undefined
}

/** kubectl and reflectors name none at times; the API server then picks 30 to 60 minutes. */
const defaultTimeoutSeconds = 1800
/** How often an idle watch gets a bookmark. The API server's own is a minute. */
const bookmarkMs = 60_000
/** A client that does not read for this much is cut off; it will list again. */
const backlogBytes = 16 * 1024 * 1024

interface Line {
  readonly type: string
  readonly object: JsonObject
}

/** Answers until the client leaves, the time is over, or the server closes. Throws ApiError before the first byte. */
export function serveWatch(store: ObjectStore, request: WatchRequest, exchange: Exchange, now: () => Date): Promise<void> {
  const query = exchange.url.searchParams
  const start = parseRevision(query.get('resourceVersion'))
  const initial = initialEvents(store, request, { start, sendInitial: query.get('sendInitialEvents') === 'true' })
  const withBookmarks = query.get('allowWatchBookmarks') === 'true'
  const timeoutSeconds = Number(query.get('timeoutSeconds') ?? 0) || defaultTimeoutSeconds
  const { response } = exchange
  response.writeHead(200, { 'content-type': request.table === undefined ? 'application/json' : 'application/json;as=Table;v=v1;g=meta.k8s.io', 'transfer-encoding': 'chunked', 'cache-control': 'no-cache, private' })
  response.flushHeaders()
  let isFirst = true
  const write = ({ type, object }: Line): void => {
    const shown = request.table === undefined || type === 'BOOKMARK' ? object : asTable(request, object, request.table, { now: now(), isFirst })
    if (type !== 'BOOKMARK') isFirst = false
    response.write(`${JSON.stringify({ type, object: shown })}\n`)
    if (response.writableLength > backlogBytes) response.destroy()
  }
  for (const line of initial) write(line)
  return new Promise((resolve) => {
    const stop = store.watch(request.type.storage, (event) => {
      const line = seen(request, event)
      if (line !== undefined) write(line)
    })
    const bookmarks = setInterval(() => withBookmarks && write(bookmark(request.type, store.revision())), bookmarkMs)
    const end = (): void => {
      stop()
      clearInterval(bookmarks)
      clearTimeout(timeout)
      response.end()
      resolve()
    }
    const timeout = setTimeout(end, timeoutSeconds * 1000)
    exchange.signal.addEventListener('abort', end, { once: true })
    if (exchange.signal.aborted) end()
  })
}

function parseRevision(text: string | null): number {
  if (text === null || text === '') return 0
  const revision = Number(text)
  if (!Number.isInteger(revision) || revision < 0) throw badRequest(`Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  return revision
}

/** Everything there is, for a watch from 0 or from nowhere; else the changes since. */
function initialEvents(store: ObjectStore, request: WatchRequest, { start, sendInitial }: { readonly start: number; readonly sendInitial: boolean }): readonly Line[] {
  checkRevision(store, start)
  if (start === 0 || sendInitial) {
    const added = store.list(request.type.storage, request.namespace).map((object) => fromStored(request.type, object)).filter(request.selects).map((object) => ({ type: 'ADDED', object }))
    return sendInitial ? [...added, bookmark(request.type, store.revision(), { 'k8s.io/initial-events-end': 'true' })] : added
  }
  const changes = store.changesSince(request.type.storage, start)
  if (changes === undefined) throw expired(`too old resource version: ${start} (${store.revision()})`)
  return changes.flatMap((event) => seen(request, event) ?? [])
}

/** The change as the selection sees it: an object that begins to match is ADDED, one that ceases to is DELETED. */
function seen({ type, namespace, selects }: WatchRequest, event: StoreEvent): Line | undefined {
  const object = fromStored(type, event.object)
  if (namespace !== undefined && (object['metadata'] as JsonObject)['namespace'] !== namespace) return undefined
  const before = event.previous !== undefined && selects(fromStored(type, event.previous))
  const after = event.type !== 'DELETED' && selects(object)
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', object }
  return before ? { type: 'DELETED', object } : undefined
}

function bookmark(type: ResourceType, revision: number, annotations?: JsonObject): Line {
  return { type: 'BOOKMARK', object: { kind: type.kind, apiVersion: apiVersionOf(type), metadata: { resourceVersion: String(revision), creationTimestamp: null, ...(annotations === undefined ? {} : { annotations }) } } }
}

const asTable = ({ type }: WatchRequest, object: JsonObject, include: IncludeObject, { now, isFirst }: { readonly now: Date; readonly isFirst: boolean }): JsonObject =>
  buildTable(type, [object], { metadata: { resourceVersion: String((object['metadata'] as JsonObject)['resourceVersion'] as string) }, include, now, withColumns: isFirst })
