import type { JsonObject } from '../base/json.ts'
import type { Verdict } from '../api/canary-status.ts'
import type { GuardObservation } from '../api/guard-record.ts'
import type { InjectionConfig } from '../injection/inject.ts'

/** The raw objects around one Canary, read at one moment. Built by the controller's gatherer, read by `observe.ts` and `plan.ts`. */
export interface World {
  readonly canary: JsonObject
  /** The other Canaries of its namespace with the same target. */
  readonly rivals: readonly JsonObject[]
  /** Absent also while it is being deleted. */
  readonly target?: JsonObject
  readonly primary?: JsonObject
  /** All Services of the namespace. */
  readonly services: readonly JsonObject[]
  /** EndpointSlices of the apex. */
  readonly slices: readonly JsonObject[]
  /** Pods of either track; those of others do no harm. */
  readonly pods: readonly JsonObject[]
  /** The autoscaler that the Canary names, and the primary's. */
  readonly scaler?: JsonObject
  readonly primaryScaler?: JsonObject
  /** Absent: nobody looked. */
  readonly neighbours?: Neighbours
  /** By `configmap/NAME`, `secret/NAME`: what the target's pods read, and the copies of it. What does not exist is absent. A cached one may have `checksum` in place of its data. */
  readonly configs: ReadonlyMap<string, JsonObject>
  /** The generation (of the routing intent) that each sidecar has acknowledged, by pod name. */
  readonly acknowledged: ReadonlyMap<string, number>
  readonly listeningSince: number
  readonly verdict?: Verdict
  readonly guard?: GuardObservation
}

/** Objects of the namespace that may be about the target's pods, whoever wrote them. */
export interface Neighbours {
  /** PodDisruptionBudgets. */
  readonly budgets: readonly JsonObject[]
  readonly networkPolicies: readonly JsonObject[]
  /** HorizontalPodAutoscalers. */
  readonly scalers: readonly JsonObject[]
}

/** What holds for every Canary of an installation. */
export interface Installation {
  /** Labels that may tell the tracks apart, in order of preference. Flagger's `-selector-labels`. */
  readonly selectorLabels: readonly string[]
  /** Flagger's `-include-label-prefix`: which labels of a target go to its copy. */
  readonly labelPrefixes: readonly string[]
  /** Flagger's `-enable-config-tracking`. */
  readonly tracksConfigs: boolean
  readonly injection: InjectionConfig
  /** SHA-256 of a text, hexadecimal. The pure zone has no crypto. */
  readonly sha256: (text: string) => string
}
