import type { JsonObject } from '../base/json.ts'

/**
 * What the two halves of the sandbox say to each other, in one process: the API server owns the store, the controllers,
 * the kubelet and the network read and write it. Objects are raw JSON and must be treated as immutable.
 */

/** `group/plural`, the core group being empty: `/pods`, `apps/deployments`, `discovery.k8s.io/endpointslices`. */
export type ResourceName = `${string}/${string}`

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: JsonObject
  /** The state before; absent for ADDED. */
  readonly previous?: JsonObject
}

export interface Store {
  get(resource: ResourceName, namespace: string | undefined, name: string): JsonObject | undefined
  list(resource: ResourceName, namespace?: string): readonly JsonObject[]
  /** Sets uid, resourceVersion, creationTimestamp, generation 1; resolves generateName. Throws AppError `ALREADY_EXISTS`. */
  create(resource: ResourceName, object: JsonObject): JsonObject
  /** Replaces all of the object, status included; generation rises if the spec changed. With metadata.resourceVersion: throws AppError `CONFLICT` if it is not the newest. Throws `NOT_FOUND`. */
  update(resource: ResourceName, object: JsonObject): JsonObject
  /** Sets deletionTimestamp while finalizers remain (or, for pods, until the kubelet calls with `force`), else removes. Throws `NOT_FOUND`. */
  delete(resource: ResourceName, namespace: string | undefined, name: string, options?: { readonly force?: boolean; readonly gracePeriodSeconds?: number }): void
  /** Calls back synchronously after each change from now on; returns the end of it. */
  watch(resource: ResourceName, listener: (event: StoreEvent) => void): () => void
}

/** Signs service-account tokens that the API server's own TokenReview and authentication accept. */
export interface TokenIssuer {
  mint(claims: {
    readonly namespace: string
    readonly serviceAccount: string
    readonly audiences: readonly string[]
    readonly expirationSeconds: number
    readonly pod?: { readonly name: string; readonly uid: string }
  }): string
}

/** What the kubelet gives the API server for the subresources that reach into pods. */
export interface PodAccess {
  /** The pod's log so far, then, with follow, what comes. */
  logs(namespace: string, pod: string, options: { readonly container?: string; readonly follow: boolean; readonly tailLines?: number; readonly previous?: boolean; readonly timestamps?: boolean }, signal: AbortSignal): AsyncIterable<string>
  /** Where a port of the pod is reached from this process, for the proxy and portforward subresources. */
  address(namespace: string, pod: string): string | undefined
}

/**
 * The API server's whole write path (defaults, admission webhooks, validation) for the controllers in this process: a pod that a
 * ReplicaSet makes must pass the mutating webhooks as it would in a cluster.
 */
export interface AdmittedWrites {
  /** As a POST by `user`, without the question of rights. Rejects with AppError: code `ALREADY_EXISTS`, `INVALID`, `FORBIDDEN`, `INTERNAL_ERROR` (a webhook with failurePolicy Fail that did not answer)…, message as a client would get it. */
  create(resource: ResourceName, object: JsonObject, user: string): Promise<JsonObject>
}
