import type { Canary } from '../api/canary.ts'
import type { CanaryStatus, Verdict } from '../api/canary-status.ts'
import type { GuardObservation } from '../api/guard-record.ts'
import type { TargetStatus } from '../api/target.ts'
import type { Track } from '../api/protocol.ts'
import type { Problem } from '../api/validate.ts'

/** Everything that a decision rests on, as plain values of one moment. `observe.ts` makes it of raw objects. */
export interface Observation {
  readonly canary: Canary
  /** What forbids to go on: a spec that cannot be acted on, a target that is not there. */
  readonly problem?: Problem
  /** What forbids adoption, e.g. a Service that would be left without endpoints. Elsewhere it is only told. */
  readonly adoptionProblem?: Problem
  /** An annotation of the target that cannot be read; what the annotations said before stays in force. */
  readonly settingsProblem?: Problem
  /** What the split means for objects of the user that are about the target's pods, as sentences; empty where nobody looked. */
  readonly neighbourCaveats: readonly string[]
  /** A person holds the weight. */
  readonly isPaused: boolean
  readonly target?: TargetObservation
  readonly primary?: PrimaryObservation
  /** Hash of the target's template and configs; absent without a target. */
  readonly revision?: string
  readonly trackedConfigs: Readonly<Record<string, string>>
  readonly services: ServicesObservation
  /** Whether the primary's autoscaler is as it should be; true where there is none to be. */
  readonly isScalerInSync: boolean
  readonly pods: PodsObservation
  readonly sidecars: SidecarsObservation
  /** What this controller has found out since the last write. */
  readonly unwritten?: Unwritten
  /** What the checks say now; absent where nothing was measured. */
  readonly verdict?: Verdict
  /** What the guard says now; absent where none is watching. */
  readonly guard?: GuardObservation
}

/** What a Deployment says about its own progress. */
export interface Workload {
  readonly name: string
  /** metadata.generation and status.observedGeneration. */
  readonly generation: number
  readonly observedGeneration: number
  /** spec.replicas */
  readonly desired: number
  /** status.replicas, updatedReplicas, availableReplicas */
  readonly replicas: number
  readonly updated: number
  readonly available: number
  /** Its own condition Progressing has the reason ProgressDeadlineExceeded. */
  readonly isPastDeadline: boolean
}

export interface TargetObservation extends Workload {
  /** What the annotation for the webhook says now. */
  readonly mark?: TargetStatus
  /** Its template makes the webhook inject the sidecar. */
  readonly hasInjectKeys: boolean
  /** The replica wish in its annotation. */
  readonly wish?: number
  /** The port on which the app answers. */
  readonly appPort: number
  /** Replicas to start an analysis with. */
  readonly canaryReplicas: number
  /** Replicas to serve everything with, when it is given back. */
  readonly servingReplicas: number
}

export interface PrimaryObservation extends Workload {
  /** Of the template that it was made from; absent where somebody else (Flagger) made it. */
  readonly revision?: string
  readonly hasSidecar: boolean
  /** Its template is what the target's template would become: nothing new to judge. Only told where `revision` is absent. */
  readonly equalsTarget: boolean
}

export interface ServicesObservation {
  /** `-primary` and `-canary` are as they should be. */
  readonly areSplitServicesInSync: boolean
  /** Where the apex points: `original` is where its owner pointed it; `other` is none of those. */
  readonly apex: Track | 'original' | 'missing' | 'other'
  /** Ready endpoints of the apex, by the track of their pods. */
  readonly endpoints: Readonly<Record<Track, number>>
}

export interface PodsObservation {
  /** Ready pods with a sidecar, by track. */
  readonly ready: Readonly<Record<Track, number>>
  /** Names of the canary's pods that are there to stay. */
  readonly canaryNames: readonly string[]
  /** Names of the target's pods that run without a sidecar and that its rollout would leave so. */
  readonly uninjected: readonly string[]
}

export interface SidecarsObservation {
  /** Ready pods of the primary whose sidecar has not acknowledged the newest generation. */
  readonly unacknowledged: readonly string[]
  /** Since when this controller listens, milliseconds since the epoch: before, nobody could acknowledge. */
  readonly listeningSince: number
}

/** What is known and not written, see unwritten.ts. */
export interface Unwritten {
  /** The durable status that it continues, as text: it is about no other. */
  readonly durable: string
  /** What would be written. */
  readonly status: CanaryStatus
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** Waits that belong to the installation, not to a Canary. */
export interface Timing {
  /** After EndpointSlices have moved, time for the kube-proxies to follow. DESIGN §3: 15 s. */
  readonly graceMs: number
  /** A ready sidecar that does not acknowledge is waited for this long. */
  readonly ackLimitMs: number
}
export const defaultTiming: Timing = { graceMs: 15_000, ackLimitMs: 10_000 }
