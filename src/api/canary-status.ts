import { isObject, listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { phases, type Phase } from './canary-phase.ts'
import { parseConditions, type Condition } from './conditions.ts'
import type { GuardCheckpoint, GuardRecord } from './guard-record.ts'
import type { Outcome, Track } from './protocol.ts'

/**
 * `Canary.status`: Flagger's fields, what Kinglet adds for people (`analysis`, conditions, generations) and, under `kinglet`,
 * what must survive a restart of the controller. Status is written before anything else is done.
 *
 * Fields that the CRD's schema has beyond Flagger's:
 *   spec.analysis.onNoData            string, enum hold | fail, default hold
 *   spec.analysis.rescue              string, enum off | unsent | idempotent, default unsent
 *   spec.analysis.guard, .advance,    see judge-spec.ts
 *     .maxDuration, .onInconclusive, .adaptive, .bake
 *   spec.analysis.match[].cookies     map: cookie name → exactly one of exact | prefix | suffix | regex (strings)
 *   status.observedGeneration         integer: metadata.generation of the Canary that this status speaks about
 *   status.observedTargetGeneration   integer: metadata.generation of the target Deployment that it speaks about
 *   status.conditions[]               any number of types (Promoted, Ready, Reconciling, Stalled), each with type, status, reason,
 *                                     message, lastUpdateTime, lastTransitionTime, observedGeneration
 *   status.analysis                   object, x-kubernetes-preserve-unknown-fields: true (the record `Verdict` below)
 *   status.kinglet                    object, x-kubernetes-preserve-unknown-fields: true (the record `KingletState` below)
 */

export interface CanaryStatus {
  /** Absent until the first write. */
  readonly phase?: Phase
  readonly failedChecks: number
  /** Share of requests that is routed to the canary, percent. Authoritative: tables are made from it. */
  readonly canaryWeight: number
  readonly iterations: number
  /** `configmap/NAME` or `secret/NAME` → 16 hex characters, as Flagger. */
  readonly trackedConfigs: Readonly<Record<string, string>>
  /** Revision that was last taken up for analysis, and the one that the primary serves. */
  readonly lastAppliedSpec?: string
  readonly lastPromotedSpec?: string
  /** `name=value` of the cookies that hold users on the canary and on the primary, and of the canary's in the run before. */
  readonly sessionAffinityCookie?: string
  readonly primarySessionAffinityCookie?: string
  readonly previousSessionAffinityCookie?: string
  /** RFC 3339, whole seconds: the last change of phase, weight or counters. */
  readonly lastTransitionTime?: string
  readonly conditions: readonly Condition[]
  readonly observedGeneration?: number
  readonly observedTargetGeneration?: number
  readonly analysis?: Verdict
  readonly kinglet: KingletState
}

/** What must survive a restart. Times are milliseconds since the epoch. */
export interface KingletState {
  /** Number of the routing intent: rises with each change of weight, match rules or run. Published tables carry it, see `tables.ts` of the controller. */
  readonly generation: number
  /** When that intent was made. */
  readonly generationAt: number
  /** First generation of the running analysis: reports of older ones speak about something else. */
  readonly runGeneration: number
  /** The running step's clock; absent while the step still waits for readiness or acknowledgements. */
  readonly stepStartedAt?: number
  /** Since when the workload that must become ready is not. */
  readonly notReadySince?: number
  /** Since when all clients of the managed Services end up where they should. */
  readonly endpointsMovedAt?: number
  /** The target has yet to be scaled to zero. */
  readonly settling?: boolean
  /** The promotion failed and the healthy canary keeps the traffic. */
  readonly heldOnCanary?: boolean
  /** Where the apex Service must point. Absent: where the user pointed it. */
  readonly apex?: Track
  /** The replica wish that was last passed on to the primary. */
  readonly replicas?: number
  /** The generation whose silent sidecars have been named in an event. */
  readonly silenceNamed?: number
  /** When the canary got its first share of the requests in this run. */
  readonly weightedAt?: number
  /** When the canary began to serve everybody, see `analysis.bake`. */
  readonly bakeStartedAt?: number
  /** What the guard has counted, for a controller that takes over. */
  readonly guard?: GuardCheckpoint
  /** The canary gets copies of the primary's requests, and by that no share of them. */
  readonly mirroring?: boolean
  /** Pods of the canary that the guard has named in this run. */
  readonly sickPods?: readonly string[]
  /** What the last decision that had something to say said, and when: another controller tells it if this one cannot any more. */
  readonly told?: { readonly at: number; readonly events: readonly RolloutEvent[] }
}

/** An event for the Canary; important ones also stand on the target Deployment. */
export interface RolloutEvent {
  readonly type: 'Normal' | 'Warning'
  readonly message: string
  readonly isImportant: boolean
}

/** Counts of one track over the window of a verdict. */
export interface TrackRecord {
  readonly requests: number
  readonly failures: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  /** Absent without requests. Percent. */
  readonly successRatePercent?: number
  /** Absent without requests. Milliseconds. */
  readonly p99Ms?: number
}

/** `pass`: every check holds. `fail`: one does not. `no-data`: one has nothing to judge by. `unsupported`: one cannot be evaluated by this version. */
export type VerdictResult = 'pass' | 'fail' | 'no-data' | 'unsupported'

/** One judgement with its reasons. */
export interface Verdict {
  readonly result: VerdictResult
  /** RFC 3339. */
  readonly time: string
  /** RFC 3339: from when on every sidecar followed the weight, or from the last judgement of the same step. */
  readonly since?: string
  /** Canary weight while the window was filled, percent. */
  readonly weight: number
  readonly windowSeconds: number
  readonly canary: TrackRecord
  readonly primary: TrackRecord
  readonly checks: readonly CheckRecord[]
  /** The name of the check that decided; absent when all passed. `guard`: the sequential guard. */
  readonly decidedBy?: string
  /** What the sequential guard has seen since the run began. */
  readonly guard?: GuardRecord
}

export interface CheckRecord {
  readonly name: string
  readonly result: VerdictResult
  /** Percent for request-success-rate, milliseconds for request-duration. Absent without data. */
  readonly value?: number
  /** The sentence for the event when the check did not pass. */
  readonly message?: string
}

export const initialKingletState: KingletState = { generation: 0, generationAt: 0, runGeneration: 0 }
export const initialStatus: CanaryStatus = {
  failedChecks: 0,
  canaryWeight: 0,
  iterations: 0,
  trackedConfigs: {},
  conditions: [],
  kinglet: initialKingletState,
}

/** The status of a raw Canary; what is absent or malformed counts as not yet written. Never throws. */
export function parseStatus(raw: JsonObject): CanaryStatus {
  const phase = stringAt(raw, 'phase')
  const tracked = Object.entries(objectAt(raw, 'trackedConfigs')).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const analysis = raw['analysis']
  return {
    ...optional('phase', phases.find((known) => known === phase)),
    failedChecks: numberAt(raw, 'failedChecks') ?? 0,
    canaryWeight: numberAt(raw, 'canaryWeight') ?? 0,
    iterations: numberAt(raw, 'iterations') ?? 0,
    trackedConfigs: Object.fromEntries(tracked),
    ...optional('lastAppliedSpec', stringAt(raw, 'lastAppliedSpec')),
    ...optional('lastPromotedSpec', stringAt(raw, 'lastPromotedSpec')),
    ...optional('sessionAffinityCookie', nonEmpty(stringAt(raw, 'sessionAffinityCookie'))),
    ...optional('primarySessionAffinityCookie', nonEmpty(stringAt(raw, 'primarySessionAffinityCookie'))),
    ...optional('previousSessionAffinityCookie', nonEmpty(stringAt(raw, 'previousSessionAffinityCookie'))),
    ...optional('lastTransitionTime', stringAt(raw, 'lastTransitionTime')),
    conditions: parseConditions(listAt(raw, 'conditions')),
    ...optional('observedGeneration', numberAt(raw, 'observedGeneration')),
    ...optional('observedTargetGeneration', numberAt(raw, 'observedTargetGeneration')),
    // Written by us alone and only shown, never decided by.
    ...optional('analysis', isObject(analysis) ? (analysis as unknown as Verdict) : undefined),
    kinglet: parseKingletState(objectAt(raw, 'kinglet')),
  }
}

function parseKingletState(raw: JsonObject): KingletState {
  const apex = raw['apex']
  return {
    generation: numberAt(raw, 'generation') ?? 0,
    generationAt: numberAt(raw, 'generationAt') ?? 0,
    runGeneration: numberAt(raw, 'runGeneration') ?? 0,
    ...optional('stepStartedAt', numberAt(raw, 'stepStartedAt')),
    ...optional('notReadySince', numberAt(raw, 'notReadySince')),
    ...optional('endpointsMovedAt', numberAt(raw, 'endpointsMovedAt')),
    ...optional('settling', raw['settling'] === true ? true : undefined),
    ...optional('heldOnCanary', raw['heldOnCanary'] === true ? true : undefined),
    ...optional('apex', apex === 'primary' || apex === 'canary' ? apex : undefined),
    ...optional('replicas', numberAt(raw, 'replicas')),
    ...optional('silenceNamed', numberAt(raw, 'silenceNamed')),
    ...optional('weightedAt', numberAt(raw, 'weightedAt')),
    ...optional('bakeStartedAt', numberAt(raw, 'bakeStartedAt')),
    ...optional('mirroring', raw['mirroring'] === true ? true : undefined),
    ...optional('guard', parseCheckpoint(objectAt(raw, 'guard'))),
    ...optional('sickPods', parseNames(listAt(raw, 'sickPods'))),
    ...optional('told', parseTold(objectAt(raw, 'told'))),
  }
}

/** Ours alone; a checkpoint whose frame is not as it was written is none. */
function parseCheckpoint(raw: JsonObject): GuardCheckpoint | undefined {
  const isWhole = numberAt(raw, 'run') !== undefined && numberAt(raw, 'atMs') !== undefined && isObject(raw['state']) && Array.isArray(raw['pods'])
  return isWhole ? (raw as unknown as GuardCheckpoint) : undefined
}

function parseNames(raw: readonly unknown[]): readonly string[] | undefined {
  const names = raw.filter((name) => typeof name === 'string')
  return names.length > 0 ? names : undefined
}

function parseTold(raw: JsonObject): KingletState['told'] {
  const at = numberAt(raw, 'at')
  const events = listAt(raw, 'events').flatMap((event): readonly RolloutEvent[] => {
    const message = stringAt(event, 'message')
    const type = stringAt(event, 'type') === 'Warning' ? 'Warning' : 'Normal'
    return message === undefined ? [] : [{ type, message, isImportant: objectAt({ event }, 'event')['isImportant'] === true }]
  })
  return at === undefined ? undefined : { at, events }
}

/** Flagger writes an empty cookie for none. */
const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** `{ [key]: value }`, or nothing where the value is absent: optional properties are left out, never undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V })
}
