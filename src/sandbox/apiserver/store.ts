import { isDeepStrictEqual } from 'node:util'
import { AppError } from '../../base/errors.ts'
import { type JsonObject, numberAt, stringAt } from '../../base/json.ts'
import type { ResourceName, Store, StoreEvent } from '../contract.ts'
import { EventLog, type LoggedEvent } from './event-log.ts'
import { bornMetadata, finalizersOf, freezeDeep, isDeleting, nameOf, namespaceOf, revisionOf, successorMetadata, timestamp, uidOf, withMetadata } from './object-meta.ts'

/**
 * The sandbox's etcd: all objects in memory under one counter of revisions. It knows metadata, finalizers and the graceful end of
 * pods, nothing else about kinds; garbage collection and namespaces stand beside it and use it through its own interface.
 */
export interface ObjectStore extends Store {
  /** The newest revision: the resourceVersion of lists. */
  revision(): number
  /** The changes of a resource after a revision, oldest first; undefined if some are forgotten already. */
  changesSince(resource: ResourceName, revision: number): readonly LoggedEvent[] | undefined
  /** Every resource that has, or once had, an object. */
  resources(): readonly ResourceName[]
  /** As `watch`, for every resource. */
  watchAll(listener: (resource: ResourceName, event: StoreEvent) => void): () => void
}

export interface StoreOptions {
  readonly now?: () => Date
  /** How many changes of one resource a watch may look back; at least 4. */
  readonly history?: number
}

/** Big enough for the longest gap between two watches of a client on a laptop, small enough for megabytes. */
const defaultHistory = 2048
const defaultGraceSeconds = 30

type Listener = (resource: ResourceName, event: StoreEvent) => void

const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`

export class MemoryStore implements ObjectStore {
  readonly #objects = new Map<ResourceName, Map<string, JsonObject>>()
  readonly #listeners = new Set<Listener>()
  readonly #log: EventLog
  readonly #now: () => Date
  readonly #pending: { readonly resource: ResourceName; readonly event: StoreEvent }[] = []
  #draining = false
  #revision = 1

  constructor(options: StoreOptions = {}) {
    this.#log = new EventLog(options.history ?? defaultHistory)
    this.#now = options.now ?? (() => new Date())
  }

  revision(): number {
    return this.#revision
  }

  resources(): readonly ResourceName[] {
    return [...this.#objects.keys()]
  }

  get(resource: ResourceName, namespace: string | undefined, name: string): JsonObject | undefined {
    return this.#objects.get(resource)?.get(keyOf(namespace, name))
  }

  list(resource: ResourceName, namespace?: string): readonly JsonObject[] {
    const all = [...(this.#objects.get(resource)?.entries() ?? [])]
    const wanted = namespace === undefined ? all : all.filter(([key]) => key.startsWith(`${namespace}/`))
    return wanted.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  create(resource: ResourceName, object: JsonObject): JsonObject {
    const born = bornMetadata(resource, object, this.#now())
    const key = keyOf(namespaceOf(born), nameOf(born))
    const objects = this.#of(resource)
    if (objects.has(key)) throw new AppError('ALREADY_EXISTS', `${resource} "${nameOf(born)}" already exists`)
    return this.#put(resource, key, born, undefined)
  }

  update(resource: ResourceName, object: JsonObject): JsonObject {
    const key = keyOf(namespaceOf(object), nameOf(object))
    const current = this.#need(resource, key)
    const expected = stringAt(object, 'metadata', 'resourceVersion')
    if (expected !== undefined && expected !== '' && Number(expected) !== revisionOf(current)) throw staleWrite(resource, current)
    const uid = stringAt(object, 'metadata', 'uid')
    if (uid !== undefined && uid !== uidOf(current)) throw staleWrite(resource, current)
    const next = successorMetadata(resource, current, object)
    if (isDeepStrictEqual(next, current)) return current
    if (isDeleting(next) && finalizersOf(next).length === 0 && isGraceOver(resource, next)) return this.#remove(resource, key, next, current)
    return this.#put(resource, key, next, current)
  }

  delete(resource: ResourceName, namespace: string | undefined, name: string, options: { readonly force?: boolean; readonly gracePeriodSeconds?: number } = {}): void {
    const key = keyOf(namespace, name)
    const current = this.#need(resource, key)
    const graceSeconds = options.force === true ? 0 : graceOf(resource, current, options.gracePeriodSeconds)
    if (graceSeconds === 0 && finalizersOf(current).length === 0) {
      this.#remove(resource, key, current, current)
      return
    }
    const promised = numberAt(current, 'metadata', 'deletionGracePeriodSeconds')
    if (isDeleting(current) && promised !== undefined && promised <= graceSeconds) return
    const generation = numberAt(current, 'metadata', 'generation')
    const marked = withMetadata(current, {
      // For pods the time stamp is the moment when the kubelet must be done, for the rest it is now.
      deletionTimestamp: timestamp(new Date(this.#now().getTime() + graceSeconds * 1000)),
      deletionGracePeriodSeconds: graceSeconds,
      generation: generation === undefined || isDeleting(current) ? generation : generation + 1,
    })
    this.#put(resource, key, marked, current)
  }

  watch(resource: ResourceName, listener: (event: StoreEvent) => void): () => void {
    return this.watchAll((changed, event) => {
      if (changed === resource) listener(event)
    })
  }

  watchAll(listener: Listener): () => void {
    const entry: Listener = (resource, event) => listener(resource, event)
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  changesSince(resource: ResourceName, revision: number): readonly LoggedEvent[] | undefined {
    return this.#log.since(resource, revision)
  }

  #of(resource: ResourceName): Map<string, JsonObject> {
    const objects = this.#objects.get(resource) ?? new Map<string, JsonObject>()
    this.#objects.set(resource, objects)
    return objects
  }

  #need(resource: ResourceName, key: string): JsonObject {
    const current = this.#objects.get(resource)?.get(key)
    if (current === undefined) throw new AppError('NOT_FOUND', `${resource} "${key.slice(key.indexOf('/') + 1)}" not found`)
    return current
  }

  #put(resource: ResourceName, key: string, object: JsonObject, previous: JsonObject | undefined): JsonObject {
    const stored = this.#stamp(object)
    this.#of(resource).set(key, stored)
    this.#emit(resource, previous === undefined ? { type: 'ADDED', object: stored } : { type: 'MODIFIED', object: stored, previous })
    return stored
  }

  #remove(resource: ResourceName, key: string, object: JsonObject, previous: JsonObject): JsonObject {
    const last = this.#stamp(object)
    this.#of(resource).delete(key)
    this.#emit(resource, { type: 'DELETED', object: last, previous })
    return last
  }

  #stamp(object: JsonObject): JsonObject {
    this.#revision += 1
    return freezeDeep(withMetadata(object, { resourceVersion: String(this.#revision) }))
  }

  /** A listener may write: its events wait until everybody has seen this one, so that all see one order. */
  #emit(resource: ResourceName, event: StoreEvent): void {
    this.#log.append(resource, { ...event, revision: this.#revision })
    this.#pending.push({ resource, event })
    if (this.#draining) return
    this.#draining = true
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
        for (const listener of this.#listeners) listener(next.resource, next.event)
      }
    } finally {
      this.#draining = false
    }
  }
}

const staleWrite = (resource: ResourceName, current: JsonObject): AppError =>
  new AppError('CONFLICT', `Operation cannot be fulfilled on ${resource.slice(resource.indexOf('/') + 1)} "${nameOf(current)}": the object has been modified; please apply your changes to the latest version and try again`)

/** Only a pod's end takes time: until the kubelet has stopped its containers. A pod that no node has yet goes at once. */
function graceOf(resource: ResourceName, object: JsonObject, asked: number | undefined): number {
  if (resource !== '/pods') return 0
  if (stringAt(object, 'spec', 'nodeName') === undefined) return 0
  const phase = stringAt(object, 'status', 'phase')
  if (phase === 'Succeeded' || phase === 'Failed') return 0
  return asked ?? numberAt(object, 'spec', 'terminationGracePeriodSeconds') ?? defaultGraceSeconds
}

const isGraceOver = (resource: ResourceName, object: JsonObject): boolean =>
  resource !== '/pods' || (numberAt(object, 'metadata', 'deletionGracePeriodSeconds') ?? 0) === 0
