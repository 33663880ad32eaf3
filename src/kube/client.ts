import { addressOf, apiVersionOf, resources, type Address, type Resource } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { isObject, listAt, stringAt, type Json, type JsonArray, type JsonObject } from '../base/json.ts'
import type { KubeConnection } from './connection.ts'
import { errorOf, hasCode } from './errors.ts'
import { describe, exchange, parseOrText, streamLines, type RawRequest, type RawResponse } from './transport.ts'

/** What every call takes. */
export interface CallOptions {
  /** For the whole call with its retries, milliseconds. Default 30 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Called with each `Warning` of the API server or of an admission webhook. Default: the client's. */
  readonly onWarning?: (text: string) => void
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: 'status' | 'scale' | 'finalize'
  /** Name under which the written fields are owned. Default: the client's. */
  readonly fieldManager?: string
  readonly dryRun?: boolean
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Objects per page; 0: all in one answer. Default 500. */
  readonly pageSize?: number
}

export interface DeleteOptions extends CallOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly gracePeriodSeconds?: number
  /** Refuses with CONFLICT when the object is another or a newer one. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: boolean
}

/** `merge`: RFC 7386. `json`: RFC 6902. `strategic`: Kubernetes' own, for built-in kinds. */
export type Patch = { readonly type: 'merge' | 'strategic'; readonly body: JsonObject } | { readonly type: 'json'; readonly body: JsonArray }

export interface Page {
  readonly items: readonly JsonObject[]
  readonly resourceVersion: string
  readonly continue: string | undefined
}

export interface WatchOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly resourceVersion: string
  readonly timeoutSeconds: number
  readonly signal?: AbortSignal
}

export interface WatchEvent {
  readonly type: string
  readonly object: JsonObject
}

/**
 * Raw JSON in, raw JSON out; nothing is dropped on the way. Every call fails with an AppError whose message is the API
 * server's: NOT_FOUND, CONFLICT, ALREADY_EXISTS, GONE, FORBIDDEN, UNAUTHORIZED, INVALID, BAD_REQUEST, NOT_SUPPORTED, TOO_LARGE,
 * TOO_MANY_REQUESTS, INTERNAL, UNAVAILABLE, TIMEOUT, UNTRUSTED, ABORTED. 429, and 5xx with Retry-After, are retried within the time-out;
 * not for `evict`, whose 429 is an answer.
 */
export interface KubeClient {
  readonly connection: KubeConnection
  get(resource: Resource, at: Address, options?: CallOptions): Promise<JsonObject>
  /** As `get`, but undefined where there is no such object (or no such resource). */
  find(resource: Resource, at: Address, options?: CallOptions): Promise<JsonObject | undefined>
  /** All pages. Items carry apiVersion and kind. */
  list(resource: Resource, options?: ListOptions): Promise<readonly JsonObject[]>
  page(resource: Resource, options: ListOptions & { readonly continue?: string | undefined }): Promise<Page>
  create(resource: Resource, object: JsonObject, options?: WriteOptions): Promise<JsonObject>
  /** PUT. With metadata.resourceVersion it fails with CONFLICT when the object is newer. */
  replace(resource: Resource, object: JsonObject, options?: WriteOptions): Promise<JsonObject>
  patch(resource: Resource, at: Address, patch: Patch, options?: WriteOptions): Promise<JsonObject>
  /** Server-side apply. Without `force` it fails with CONFLICT where another manager owns a field. */
  apply(resource: Resource, object: JsonObject, options?: WriteOptions & { readonly force?: boolean }): Promise<JsonObject>
  /** The object as it was deleted, or the API server's Status. */
  delete(resource: Resource, at: Address, options?: DeleteOptions): Promise<JsonObject>
  /** Deletes a pod by policy/v1's Eviction. Fails with TOO_MANY_REQUESTS at once where a PodDisruptionBudget does not let it go now, with CONFLICT where it is another pod than `uid`. */
  evict(pod: Address, options?: CallOptions & { readonly uid?: string }): Promise<void>
  /** Resolves when the API server ends the watch. Lines that are no JSON end it with BAD_ANSWER. */
  watch(resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void>
  /** Anything else: logs, proxy subresource, /readyz. A status of 400 and more is thrown. */
  request(request: RawRequest & CallOptions): Promise<RawResponse>
  /** The resource of a kind that is not one of ours, from discovery. Errors: NOT_FOUND. */
  discover(apiVersion: string, kind: string, options?: CallOptions): Promise<Resource>
}

const patchTypes = { merge: 'application/merge-patch+json', json: 'application/json-patch+json', strategic: 'application/strategic-merge-patch+json' } as const
const jsonType = { 'content-type': 'application/json' } as const

/** A client of one API server. `fieldManager` owns what it writes unless a call says otherwise. */
export function createClient(
  connection: KubeConnection,
  clock: Clock,
  defaults: { readonly fieldManager?: string; readonly timeoutMs?: number; readonly onWarning?: (text: string) => void } = {},
): KubeClient {
  const send = async (request: RawRequest, options: CallOptions = {}, ask = exchangePatiently): Promise<RawResponse> => {
    const response = await ask(connection, clock, { timeoutMs: options.timeoutMs ?? defaults.timeoutMs ?? 30_000, ...signalOf(options), ...request })
    const onWarning = options.onWarning ?? defaults.onWarning
    if (onWarning) for (const text of warningsIn(response.headers['warning'])) onWarning(text)
    if (response.status >= 400) throw errorOf(response.status, parseOrText(response.body), describe(request))
    return response
  }
  const json = async (request: RawRequest, options?: CallOptions): Promise<JsonObject> => {
    const value = parseOrText((await send(request, options)).body)
    if (!isObject(value)) throw new AppError('BAD_ANSWER', `${describe(request)}: the answer is not a JSON object`, { retryable: true })
    return value
  }
  const writeQuery = (options: WriteOptions = {}): Record<string, string | undefined> => ({
    fieldManager: options.fieldManager ?? defaults.fieldManager,
    dryRun: options.dryRun ? 'All' : undefined,
  })

  const client: KubeClient = {
    connection,
    get: (resource, at, options) => json({ method: 'GET', path: pathOf(resource, at) }, options),
    find: (resource, at, options) => client.get(resource, at, options).catch(undefinedIfNotFound),
    list: async (resource, options = {}) => {
      const items: JsonObject[] = []
      let page = await client.page(resource, options)
      items.push(...page.items)
      while (page.continue !== undefined) {
        page = await client.page(resource, { ...options, continue: page.continue })
        items.push(...page.items)
      }
      return items
    },
    page: async (resource, options) => {
      const { namespace, labelSelector, fieldSelector, pageSize = 500 } = options
      const query = { labelSelector, fieldSelector, limit: pageSize > 0 ? String(pageSize) : undefined, continue: options.continue }
      return readPage(resource, await json({ method: 'GET', path: collectionOf(resource, namespace), query }, options))
    },
    create: (resource, object, options) => {
      const { namespace } = addressOf(object)
      const path = options?.subresource === undefined ? collectionOf(resource, namespace) : pathOf(resource, addressOf(object), options.subresource)
      return json({ method: 'POST', path, query: writeQuery(options), headers: jsonType, body: bodyOf(resource, object) }, options)
    },
    replace: (resource, object, options) => {
      const path = pathOf(resource, addressOf(object), options?.subresource)
      return json({ method: 'PUT', path, query: writeQuery(options), headers: jsonType, body: bodyOf(resource, object) }, options)
    },
    patch: (resource, at, patch, options) => {
      const path = pathOf(resource, at, options?.subresource)
      const headers = { 'content-type': patchTypes[patch.type] }
      return json({ method: 'PATCH', path, query: writeQuery(options), headers, body: JSON.stringify(patch.body) }, options)
    },
    apply: (resource, object, options) => {
      const path = pathOf(resource, addressOf(object), options?.subresource)
      const query = { fieldManager: 'kinglet', ...definedIn(writeQuery(options)), force: options?.force ? 'true' : undefined }
      // JSON is YAML.
      return json({ method: 'PATCH', path, query, headers: { 'content-type': 'application/apply-patch+yaml' }, body: bodyOf(resource, object) }, options)
    },
    delete: (resource, at, options = {}) => {
      const { propagationPolicy, gracePeriodSeconds, preconditions, dryRun } = options
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, gracePeriodSeconds, preconditions, ...(dryRun ? { dryRun: ['All'] } : {}) }
      return json({ method: 'DELETE', path: pathOf(resource, at), headers: jsonType, body: JSON.stringify(body) }, options)
    },
    evict: async (pod, { uid, ...options } = {}) => {
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: pod, ...(uid === undefined ? {} : { deleteOptions: { preconditions: { uid } } }) }
      await send({ method: 'POST', path: pathOf(resources.pods, pod, 'eviction'), headers: jsonType, body: JSON.stringify(body) }, options, exchange)
    },
    watch: (resource, options, onEvent) => watchLines(connection, clock, resource, options, onEvent),
    request: (request) => send(request, request),
    discover: (apiVersion, kind, options) => discover(json, apiVersion, kind, options),
  }
  return client
}

/** `/api/v1/namespaces/ns/pods`, or across namespaces without one. */
export function collectionOf(resource: Resource, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  return namespace === undefined || !resource.namespaced ? `${root}/${resource.plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`
}

function pathOf(resource: Resource, at: Address, subresource?: string): string {
  if (at.name === '') throw new AppError('BAD_REQUEST', `a ${resource.kind} without metadata.name`)
  if (resource.namespaced && at.namespace === undefined) throw new AppError('BAD_REQUEST', `${resource.kind} ${at.name} without metadata.namespace`)
  const path = `${collectionOf(resource, at.namespace)}/${encodeURIComponent(at.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

const bodyOf = (resource: Resource, object: JsonObject): string =>
  JSON.stringify(object['kind'] === undefined ? { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object } : object)

const signalOf = (options: CallOptions): { readonly signal?: AbortSignal } => (options.signal ? { signal: options.signal } : {})

const definedIn = (query: Record<string, string | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))

function undefinedIfNotFound(error: unknown): undefined {
  if (hasCode(error, 'NOT_FOUND')) return undefined
  throw error
}

/** Waits and asks again while the API server says "not now"; gives up with its last answer when the time is over. */
async function exchangePatiently(connection: KubeConnection, clock: Clock, request: RawRequest & { readonly timeoutMs: number }): Promise<RawResponse> {
  const deadline = clock.now() + request.timeoutMs
  for (;;) {
    const timeoutMs = Math.max(1, deadline - clock.now())
    const response = await exchange(connection, clock, { ...request, timeoutMs })
    const retryAfter = Number(response.headers['retry-after'])
    const notNow = response.status === 429 || (response.status >= 500 && Number.isFinite(retryAfter))
    const waitMs = (Number.isFinite(retryAfter) ? retryAfter : 1) * 1000 + Math.random() * 250
    if (!notNow || clock.now() + waitMs >= deadline) return response
    await sleep(clock, waitMs, request.signal)
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const finish = (): void => {
      cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = clock.after(ms, finish)
    signal?.addEventListener('abort', finish, { once: true })
    return undefined
  })
}

function readPage(resource: Resource, list: JsonObject): Page {
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  const items = listAt(list, 'items').filter(isObject).map((item) => (item['kind'] === undefined ? { ...type, ...item } : item))
  const more = stringAt(list, 'metadata', 'continue')
  return { items, resourceVersion: stringAt(list, 'metadata', 'resourceVersion') ?? '', continue: more === '' ? undefined : more }
}

function watchLines(connection: KubeConnection, clock: Clock, resource: Resource, options: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void> {
  const query = {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: options.resourceVersion,
    timeoutSeconds: String(options.timeoutSeconds),
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  }
  const path = collectionOf(resource, options.namespace)
  const request: RawRequest = { method: 'GET', path, query, ...(options.signal ? { signal: options.signal } : {}) }
  return streamLines(connection, clock, request, (line) => {
    const event: unknown = parseOrText(line)
    const type = stringAt(event, 'type')
    if (!isObject(event) || type === undefined || !isObject(event['object'])) {
      throw new AppError('BAD_ANSWER', `watch of ${resource.plural}: a line is not a watch event`, { retryable: true })
    }
    onEvent({ type, object: event['object'] })
  })
}

async function discover(
  json: (request: RawRequest, options?: CallOptions) => Promise<JsonObject>,
  apiVersion: string,
  kind: string,
  options?: CallOptions,
): Promise<Resource> {
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion]
  const list = await json({ method: 'GET', path: group === '' ? `/api/${version}` : `/apis/${group}/${version}` }, options)
  const found = listAt(list, 'resources').find((item: Json) => stringAt(item, 'kind') === kind && !(stringAt(item, 'name') ?? '/').includes('/'))
  if (!isObject(found)) throw new AppError('NOT_FOUND', `the API server knows no kind "${kind}" in ${apiVersion}`)
  return { group, version, plural: stringAt(found, 'name') ?? '', kind, namespaced: found['namespaced'] === true }
}

/** Texts of `Warning: 299 - "text"` headers (RFC 7234 §5.5, as the API server writes them). Node joins several with a comma. */
export function warningsIn(header: string | readonly string[] | undefined): readonly string[] {
  const text = header === undefined ? '' : typeof header === 'string' ? header : header.join(', ')
  return [...text.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted]) => (quoted ?? '').replaceAll(/\\(.)/g, '$1'))
}
