import { apiVersionOf, addressOf, resources, type Address, type Resource } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { canonicalJson, isObject, listAt, numberAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../base/json.ts'
import type { Cluster } from './ports.ts'

/**
 * A cluster in memory for tests of the controller. It keeps objects with resourceVersion, generation and finalizers, refuses
 * stale writes, and plays, when told, a kubelet and an endpoint controller that are done at once. It does not imitate: admission,
 * defaults, validation, watches, garbage collection by owner, rolling updates pod by pod. Those are the sandbox's and a real cluster's.
 */
export class MemoryCluster implements Cluster {
  /** Every write that was taken, as `verb plural name`. */
  readonly writes: string[] = []
  /** Decides for each write whether it fails; thrown before anything changes. */
  failure: (write: string, index: number) => AppError | undefined = () => undefined
  /** What a dry run of a pod returns: the webhook is alive if it adds the sidecar. */
  injects = true
  /** Called after every write: the moment to look for broken promises. */
  onWrite: () => void = () => undefined
  readonly #objects = new Map<string, JsonObject>()
  #version = 0
  #attempts = 0

  /** Puts an object there as a person or another controller would: no failure, not in `writes`. */
  put(resource: Resource, object: JsonObject): JsonObject {
    const key = keyOf(resource, addressOf(object))
    const live = this.#objects.get(key)
    return this.#store(key, resource, live ? { ...live, ...object, metadata: { ...objectAt(live, 'metadata'), ...objectAt(object, 'metadata') } } : object, live)
  }

  get(resource: Resource, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get(keyOf(resource, { namespace, name }))
  }

  all(resource: Resource): readonly JsonObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${resource.plural} `)).map(([, object]) => object)
  }

  remove(resource: Resource, at: Address): void {
    const key = keyOf(resource, at)
    const live = this.#objects.get(key)
    if (!live) return
    if (listAt(live, 'metadata', 'finalizers').length === 0) this.#objects.delete(key)
    else if (stringAt(live, 'metadata', 'deletionTimestamp') === undefined) {
      this.#store(key, resource, { ...live, metadata: { ...objectAt(live, 'metadata'), deletionTimestamp: '2026-01-01T00:00:00Z' } }, live)
    }
  }

  find(resource: Resource, at: Address): Promise<JsonObject | undefined> {
    return Promise.resolve(this.#objects.get(keyOf(resource, at)))
  }

  list(resource: Resource, { namespace, labelSelector }: { readonly namespace?: string; readonly labelSelector?: string }): Promise<readonly JsonObject[]> {
    const [, key = '', values = ''] = /^(\S+) in \(([^)]*)\)$/.exec(labelSelector ?? '') ?? /^([^=]+)=(.*)$/.exec(labelSelector ?? '') ?? []
    const matches = (object: JsonObject): boolean => labelSelector === undefined || values.split(',').some((value) => objectAt(object, 'metadata', 'labels')[key] === value)
    return Promise.resolve(this.all(resource).filter((object) => (namespace === undefined || stringAt(object, 'metadata', 'namespace') === namespace) && matches(object)))
  }

  create(resource: Resource, object: JsonObject, options?: { readonly dryRun?: boolean }): Promise<JsonObject> {
    if (options?.dryRun) return Promise.resolve(this.injects ? withSidecar(object) : object)
    return this.#write('create', resource, addressOf(object), (key, live) => {
      if (live) throw new AppError('ALREADY_EXISTS', `${key} already exists`)
      return this.#store(key, resource, object, undefined)
    })
  }

  replace(resource: Resource, object: JsonObject, options?: { readonly subresource?: 'status' }): Promise<JsonObject> {
    const verb = options?.subresource === undefined ? 'replace' : 'status'
    return this.#write(verb, resource, addressOf(object), (key, live) => {
      refuseStale(key, live, stringAt(object, 'metadata', 'resourceVersion'))
      return this.#store(key, resource, verb === 'status' ? { ...live, status: object['status'] ?? {} } : { ...object, status: live?.['status'] ?? {} }, live)
    })
  }

  patch(resource: Resource, at: Address, patch: { readonly type: 'merge'; readonly body: JsonObject }): Promise<JsonObject> {
    return this.#write('patch', resource, at, (key, live) => {
      refuseStale(key, live, stringAt(patch.body, 'metadata', 'resourceVersion'))
      const merged = mergePatch(live ?? {}, patch.body)
      const stored = this.#store(key, resource, merged, live)
      const isFreed = stringAt(merged, 'metadata', 'deletionTimestamp') !== undefined && listAt(merged, 'metadata', 'finalizers').length === 0
      if (isFreed) this.#objects.delete(key)
      return stored
    })
  }

  delete(resource: Resource, at: Address): Promise<JsonObject> {
    return this.#write('delete', resource, at, (key, live) => {
      if (!live) throw new AppError('NOT_FOUND', `${key} not found`)
      this.remove(resource, at)
      return live
    })
  }

  async evict(pod: Address): Promise<void> {
    await this.#write('evict', resources.pods, pod, (key, live) => {
      if (!live) throw new AppError('NOT_FOUND', `${key} not found`)
      this.remove(resources.pods, pod)
      return live
    })
  }

  // Rejects, never throws: as a call over the network.
  async #write(verb: string, resource: Resource, at: Address, apply: (key: string, live: JsonObject | undefined) => JsonObject): Promise<JsonObject> {
    await Promise.resolve()
    const name = `${verb} ${resource.plural} ${at.name}`
    const failure = this.failure(name, this.#attempts)
    this.#attempts += 1
    if (failure) throw failure
    const key = keyOf(resource, at)
    const written = apply(key, this.#objects.get(key))
    this.writes.push(name)
    this.onWrite()
    return written
  }

  #store(key: string, resource: Resource, object: JsonObject, live: JsonObject | undefined): JsonObject {
    this.#version += 1
    const specChanged = canonicalJson(object['spec']) !== canonicalJson(live?.['spec'])
    const generation = (numberAt(live, 'metadata', 'generation') ?? 0) + (specChanged ? 1 : 0)
    const metadata = { creationTimestamp: '2026-01-01T00:00:00Z', uid: `uid-${this.#version}`, ...objectAt(live, 'metadata'), ...objectAt(object, 'metadata'), resourceVersion: String(this.#version), generation }
    const stored: JsonObject = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object, metadata }
    this.#objects.set(key, stored)
    return stored
  }
}

const keyOf = (resource: Resource, { namespace, name }: Address): string => `${resource.plural} ${namespace ?? ''}/${name}`

function refuseStale(key: string, live: JsonObject | undefined, version: string | undefined): asserts live is JsonObject {
  if (!live) throw new AppError('NOT_FOUND', `${key} not found`)
  if (version !== undefined && version !== stringAt(live, 'metadata', 'resourceVersion')) throw new AppError('CONFLICT', `${key} is newer`, { retryable: true })
}

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...(isObject(target) ? target : {}) }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else if (isObject(value)) merged[key] = mergePatch(merged[key], value)
    else if (value !== undefined) merged[key] = value
  }
  return merged
}

export function withSidecar(pod: JsonObject): JsonObject {
  const spec = objectAt(pod, 'spec')
  const present = listAt(spec, 'initContainers').some((container) => valueAt(container, 'name') === 'kinglet-proxy')
  return present ? pod : { ...pod, spec: { ...spec, initContainers: [{ name: 'kinglet-proxy' }, ...listAt(spec, 'initContainers')] } }
}
