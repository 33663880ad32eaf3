import type { Address, Resource } from '../api/resources.ts'
import type { JsonObject } from '../base/json.ts'

/** What the controller needs of a cluster. The client of src/kube fits both; tests have a cluster in memory. Errors are AppErrors by code. */
export interface ClusterReader {
  /** Undefined where there is no such object. */
  find(resource: Resource, at: Address): Promise<JsonObject | undefined>
  list(resource: Resource, options: { readonly namespace?: string; readonly labelSelector?: string }): Promise<readonly JsonObject[]>
}

export interface ClusterWriter {
  create(resource: Resource, object: JsonObject, options?: { readonly dryRun?: boolean }): Promise<JsonObject>
  /** With metadata.resourceVersion: CONFLICT where the object is newer. */
  replace(resource: Resource, object: JsonObject, options?: { readonly subresource?: 'status' }): Promise<JsonObject>
  patch(resource: Resource, at: Address, patch: { readonly type: 'merge'; readonly body: JsonObject }): Promise<JsonObject>
  /** TOO_MANY_REQUESTS where a PodDisruptionBudget does not let the pod go now; the message is the API server's. */
  evict(pod: Address, options: { readonly uid?: string }): Promise<void>
  delete(resource: Resource, at: Address, options?: { readonly preconditions?: { readonly uid?: string }; readonly propagationPolicy?: 'Background' }): Promise<JsonObject>
}

export type Cluster = ClusterReader & ClusterWriter

/** Where events go: the recorder of src/kube. */
export interface EventSink {
  record(event: { readonly regarding: JsonObject; readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string }): void
}

/** What the controller tells about its work. src/metrics fits. */
export interface ControllerMetrics {
  observeCanary(record: {
    readonly namespace: string
    /** Of the Canary. */
    readonly canary: string
    /** Name of the target. */
    readonly target: string
    readonly phase: string
    readonly weightPercent: number
    /** Newest value of each check; seconds for request-duration, as Flagger has it. */
    readonly checks: Readonly<Record<string, number>>
    readonly guard?: { readonly logEvidence: number; readonly logThreshold: number; readonly riskRatio?: number }
  }): void
  forgetCanary(namespace: string, name: string): void
  countEnd(record: { readonly name: string; readonly namespace: string; readonly strategy: string; readonly status: 'completed' | 'skipped'; readonly hasSucceeded: boolean }): void
  observeReconcile(name: string, namespace: string, seconds: number): void
}
