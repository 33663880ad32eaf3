import type { Resource } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { isObject, numberAt, stringAt, type JsonObject } from '../base/json.ts'
import { createBackoff } from './backoff.ts'
import { sleep, type KubeClient, type Page, type WatchEvent } from './client.ts'
import { errorOf, hasCode } from './errors.ts'
import { ObjectStore, type Change, type Indexers } from './store.ts'

/**
 * A copy of one resource, kept up to date: list, then watch, and list again when the API server has forgotten where we were.
 *
 *     listing ──all pages──► watching ──ends, drops, silent──► watching, from the last resourceVersion seen
 *        ▲  └──error──► waiting ──► listing        │
 *        └────────────── 410 Gone ─────────────────┘   the new list is compared with the copy: nothing is missed, nothing told twice
 *
 * Why not the official client's informer: it stops for good at the first error, asks for no bookmarks, and sleeps through
 * every second half-minute of a quiet resource (reflector.test.ts states each of these as a sentence).
 */
export interface Reflector {
  get(namespace: string | undefined, name: string): JsonObject | undefined
  /** In no particular order; all namespaces without one. */
  list(namespace?: string): readonly JsonObject[]
  /** The objects for which the indexer of that name gave `key`. */
  byIndex(index: string, key: string): readonly JsonObject[]
  /** Whether the first list is in. */
  hasSynced(): boolean
  /** Resolves after the first list. Errors: ABORTED, also when the reflector is stopped before. */
  synced(signal?: AbortSignal): Promise<void>
  /** Calls back for everything that is there and for every change from then on, in order, synchronously. Returns the end of it. */
  subscribe(listener: (change: Change) => void): () => void
  /** When the API server was last heard on this resource, milliseconds of the clock; undefined before the first answer. */
  lastContact(): number | undefined
  stop(): Promise<void>
}

export interface ReflectorOptions {
  readonly client: KubeClient
  readonly resource: Resource
  readonly clock: Clock
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** What is kept of an object; must keep metadata's name, namespace, uid and resourceVersion. managedFields are dropped before. */
  readonly project?: (object: JsonObject) => JsonObject
  readonly indexers?: Indexers
  /** A cluster without this resource is an empty list, looked for again once a minute. */
  readonly optional?: boolean
  /** After this long without a line the watch is taken for dead. Bookmarks come about once a minute. Default 150 s. */
  readonly silenceMs?: number
  readonly random?: () => number
  /** Told of every failure; the reflector goes on by itself. */
  readonly onError?: (error: unknown, resource: Resource) => void
}

/** The API server closes a watch after this long by itself, drawn anew each time: client-go's 5 to 10 minutes. */
const watchSeconds = { least: 300, spread: 300 } as const
const retryMs = { base: 500, max: 30_000 } as const
const absentRecheckMs = 60_000
/** A watch that ends sooner without an event counts as a failure, so that a confused server is not asked in a tight loop. */
const shortWatchMs = 1_000

/** Starts at once; never fails, it reports and tries again. */
export function startReflector(options: ReflectorOptions): Reflector {
  const { clock, resource } = options
  const random = options.random ?? Math.random
  const store = new ObjectStore(options.indexers ?? {})
  const stopping = new AbortController()
  const backoff = createBackoff(retryMs.base, retryMs.max, random)
  const firstList = Promise.withResolvers<void>()
  firstList.promise.catch(() => undefined)
  let isSynced = false
  let contact: number | undefined

  const report = (error: unknown): void => {
    if (!stopping.signal.aborted) options.onError?.(error, resource)
  }
  const audience = createAudience(report)
  const keep = (object: JsonObject): JsonObject => (options.project ?? ((kept) => kept))(withoutManagedFields(object))

  const listAll = async (): Promise<string> => {
    const { objects, resourceVersion } = await fetchAll(options, keep, stopping.signal)
    contact = clock.now()
    audience.tell(store.replaceAll(objects))
    isSynced = true
    firstList.resolve()
    return resourceVersion
  }

  /** Follows the changes until a new list is needed. */
  const follow = async (from: string): Promise<void> => {
    let resourceVersion = from
    while (!stopping.signal.aborted) {
      const startedAt = clock.now()
      let events = 0
      const onEvent = (event: WatchEvent): void => {
        contact = clock.now()
        if (event.type === 'ERROR') throw errorOf(numberAt(event.object, 'code') ?? 500, event.object, `watch of ${resource.plural}`)
        events += 1
        resourceVersion = stringAt(event.object, 'metadata', 'resourceVersion') ?? resourceVersion
        if (event.type !== 'BOOKMARK') audience.tell(event.type === 'DELETED' ? store.remove(keep(event.object)) : store.put(keep(event.object)))
      }
      const ended = await watchOnce(options, resourceVersion, random, stopping.signal, onEvent)
      if (events > 0) backoff.reset()
      if (hasCode(ended, 'GONE')) {
        // A new list that is too old at once, too: a server that is behind or confused is not listed in a tight loop.
        if (events === 0 && resourceVersion === from) await sleep(clock, backoff.next(), stopping.signal)
        return
      }
      // Not a matter of the network (the resource is gone, the right was taken away): only a list tells when it is over.
      if (ended instanceof AppError && !ended.retryable) throw ended
      if (ended !== undefined) report(ended)
      if (ended !== undefined || (events === 0 && clock.now() - startedAt < shortWatchMs)) await sleep(clock, backoff.next(), stopping.signal)
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await follow(await listAll())
      } catch (error) {
        if (options.optional && hasCode(error, 'NOT_FOUND')) {
          audience.tell(store.replaceAll([]))
          isSynced = true
          firstList.resolve()
          await sleep(clock, absentRecheckMs, stopping.signal)
        } else {
          report(error)
          await sleep(clock, backoff.next(), stopping.signal)
        }
      }
    }
    firstList.reject(new AppError('ABORTED', `the reflector of ${resource.plural} was stopped before its first list`))
  }
  const running = run()

  return {
    get: (namespace, name) => store.get(namespace, name),
    list: (namespace) => store.list(namespace),
    byIndex: (index, key) => store.byIndex(index, key),
    hasSynced: () => isSynced,
    synced: (signal) => untilAborted(firstList.promise, signal, `waiting for the first list of ${resource.plural}`),
    subscribe: (listener) => audience.join(listener, store.list()),
    lastContact: () => contact,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/** The listeners. One that throws must not end the copy or the other listeners. */
function createAudience(report: (error: unknown) => void) {
  const listeners = new Set<(change: Change) => void>()
  const tellOne = (listener: (change: Change) => void, change: Change): void => {
    try {
      listener(change)
    } catch (error) {
      report(error)
    }
  }
  return {
    tell(changes: readonly Change[]): void {
      for (const change of changes) for (const listener of listeners) tellOne(listener, change)
    },
    join(listener: (change: Change) => void, present: readonly JsonObject[]): () => void {
      for (const object of present) tellOne(listener, { type: 'added', object })
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/**
 * All pages of one consistent list. No resourceVersion is sent: the answer is the newest state, never an older one of a lagging
 * server. When the pages expire half-way, once more in a single answer.
 */
async function fetchAll(
  options: ReflectorOptions,
  keep: (object: JsonObject) => JsonObject,
  signal: AbortSignal,
): Promise<{ readonly objects: readonly JsonObject[]; readonly resourceVersion: string }> {
  const { client, resource, namespace, labelSelector, fieldSelector } = options
  const query = { namespace, labelSelector, fieldSelector, signal, timeoutMs: 60_000 }
  const objects: JsonObject[] = []
  let page: Page | undefined
  try {
    do {
      page = await client.page(resource, { ...query, continue: page?.continue })
      for (const item of page.items) objects.push(keep(item))
    } while (page.continue !== undefined)
  } catch (error) {
    if (page === undefined || !hasCode(error, 'GONE')) throw error
    page = await client.page(resource, { ...query, pageSize: 0 })
    return { objects: page.items.map(keep), resourceVersion: page.resourceVersion }
  }
  return { objects, resourceVersion: page.resourceVersion }
}

/** One watch, ended also by silence. Returns the error that ended it; undefined when the API server closed it in order or we are stopping. */
async function watchOnce(
  options: ReflectorOptions,
  resourceVersion: string,
  random: () => number,
  stop: AbortSignal,
  onEvent: (event: WatchEvent) => void,
): Promise<unknown> {
  const { client, clock, resource, namespace, labelSelector, fieldSelector } = options
  const silenceMs = options.silenceMs ?? 150_000
  const aborting = new AbortController()
  const onStop = (): void => aborting.abort()
  stop.addEventListener('abort', onStop, { once: true })
  let heardAt = clock.now()
  let isSilent = false
  // One timer that looks at the time of the last event, instead of a new timer for each event.
  const guard = (ms: number): (() => void) =>
    clock.after(ms, () => {
      const leftMs = heardAt + silenceMs - clock.now()
      isSilent = leftMs <= 0
      if (isSilent) aborting.abort()
      else disarm = guard(leftMs)
    })
  let disarm = guard(silenceMs)
  const timeoutSeconds = Math.floor(watchSeconds.least + random() * watchSeconds.spread)
  try {
    await client.watch(resource, { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal: aborting.signal }, (event) => {
      heardAt = clock.now()
      onEvent(event)
    })
    return undefined
  } catch (error) {
    if (stop.aborted) return undefined
    return isSilent ? new AppError('TIMEOUT', `watch of ${resource.plural}: not a word for ${silenceMs} ms`, { retryable: true }) : error
  } finally {
    disarm()
    stop.removeEventListener('abort', onStop)
  }
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const metadata = object['metadata']
  if (!isObject(metadata) || metadata['managedFields'] === undefined) return object
  const { managedFields: _dropped, ...kept } = metadata
  return { ...object, metadata: kept }
}

function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined, what: string): Promise<void> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AppError('ABORTED', `${what}: called off`))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    return undefined
  })
}
