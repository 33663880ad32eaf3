import type { Canary } from '../api/canary.ts'
import { strategyOf } from '../api/canary.ts'
import type { CanaryStatus, KingletState, RolloutEvent } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import type { MatchRule } from '../api/routing.ts'
import { describeProblem, type Problem } from '../api/validate.ts'
import type { Observation, Timing } from './observation.ts'

/** What one look changed: the next status (conditions not yet made), what to tell, what is waited for. */
export interface Step {
  readonly status: CanaryStatus
  readonly events: readonly RolloutEvent[]
  readonly stall?: Stall
  /** When something is due even if nothing happens before. Milliseconds since the epoch. */
  readonly wakeAt?: number
}

export interface Context {
  readonly observation: Observation
  readonly now: number
  readonly timing: Timing
}

export const normal = (message: string, isImportant = false): RolloutEvent => ({ type: 'Normal', message, isImportant })
export const warning = (message: string, isImportant = false): RolloutEvent => ({ type: 'Warning', message, isImportant })

/** Nothing changes. */
export const stay = (status: CanaryStatus, wakeAt?: number): Step => ({ status, events: [], ...(wakeAt === undefined ? {} : { wakeAt }) })

/** Nothing goes on until the stall is over. */
export const hold = (status: CanaryStatus, stall: Stall, wakeAt?: number): Step => ({ ...stay(status, wakeAt), stall })

export const stallOf = (problem: Problem): Stall => ({ reason: problem.code, message: describeProblem(problem), permanent: true })

export const waitFor = (reason: string, message: string): Stall => ({ reason, message, permanent: false })

/** The status with fields of its durable part changed; `undefined` removes. */
export function withState(status: CanaryStatus, change: { readonly [K in keyof KingletState]?: KingletState[K] | undefined }): CanaryStatus {
  const merged = Object.fromEntries(Object.entries({ ...status.kinglet, ...change }).filter(([, value]) => value !== undefined))
  return { ...status, kinglet: merged as unknown as KingletState }
}

/** The status with a new routing intent: everything that decides where requests go must change through here. Copies end with it, unless it asks for them. */
export function reroute(status: CanaryStatus, change: { readonly canaryWeight?: number; readonly iterations?: number; readonly phase?: CanaryStatus['phase']; readonly mirroring?: boolean }, now: number): CanaryStatus {
  const { phase = status.phase, canaryWeight = status.canaryWeight, iterations = status.iterations } = change
  const moved = { ...status, ...(phase === undefined ? {} : { phase }), canaryWeight, iterations }
  return withState(moved, { generation: status.kinglet.generation + 1, generationAt: now, stepStartedAt: undefined, mirroring: change.mirroring === true ? true : undefined })
}

/** The status with the apex pointing elsewhere; where its endpoints are is then to be found out anew. */
export function pointApex(status: CanaryStatus, apex: KingletState['apex']): CanaryStatus {
  return apex === status.kinglet.apex ? status : withState(status, { apex, endpointsMovedAt: undefined })
}

/** What the sidecars are told to do: a function of what is durable, so that a new leader publishes the same. */
export interface Routing {
  readonly canaryWeightPercent: number
  readonly match: readonly MatchRule[]
  /** Absent: nothing is copied. */
  readonly mirrorPercent?: number
}

/** The routing of a Canary as its status has it. */
export function routingOf({ spec, status }: Pick<Canary, 'spec' | 'status'>): Routing {
  const { phase, canaryWeight, iterations } = status
  const isJudged = phase === 'Progressing' || phase === 'WaitingPromotion' || phase === 'Promoting'
  const hasBegun = canaryWeight > 0 || (iterations > 0 && strategyOf(spec.analysis) === 'ab-testing')
  return {
    canaryWeightPercent: canaryWeight,
    match: isJudged && hasBegun ? spec.analysis.match : [],
    ...(isMirroring({ spec, status }) ? { mirrorPercent: spec.analysis.mirrorPercent } : {}),
  }
}

/** Whether the canary is judged by copies of the primary's requests. */
export const isMirroring = ({ spec, status }: Pick<Canary, 'spec' | 'status'>): boolean =>
  status.phase === 'Progressing' && status.kinglet.mirroring === true && spec.analysis.mirrorPercent > 0

/** Whether any request may be sent to the canary. */
export function carriesTraffic(canary: Pick<Canary, 'spec' | 'status'>): boolean {
  const { canaryWeightPercent, match } = routingOf(canary)
  return canaryWeightPercent > 0 || match.length > 0
}

export type Acknowledgement = { readonly isDone: true; readonly silent: readonly string[] } | { readonly isDone: false; readonly until: number; readonly waitingFor: readonly string[] }

/** Whether every ready sidecar of the primary has the newest table; a silent one is waited for up to a limit. */
export function acknowledgement({ observation, now, timing }: Context, status: CanaryStatus): Acknowledgement {
  const { unacknowledged, listeningSince } = observation.sidecars
  // What the observation says is about the generation that was durable when it was made.
  const isNewer = status.kinglet.generation !== observation.canary.status.kinglet.generation
  if (!isNewer && unacknowledged.length === 0) return { isDone: true, silent: [] }
  const until = Math.max(status.kinglet.generationAt, listeningSince) + timing.ackLimitMs
  return now >= until ? { isDone: true, silent: unacknowledged } : { isDone: false, until, waitingFor: unacknowledged }
}

/** Names the silent sidecars, once a generation. */
export function nameSilent(status: CanaryStatus, silent: readonly string[], timing: Timing): Pick<Step, 'status' | 'events'> {
  if (silent.length === 0 || status.kinglet.silenceNamed === status.kinglet.generation) return { status, events: [] }
  const names = silent.slice(0, 5).join(', ') + (silent.length > 5 ? ` and ${silent.length - 5} more` : '')
  return {
    status: withState(status, { silenceNamed: status.kinglet.generation }),
    events: [warning(`No acknowledgement from the sidecars of ${names} within ${timing.ackLimitMs / 1000}s, going on without them`)],
  }
}
