/**
 * What the sequential guard says about a run, as plain data: it stands in `status.analysis.guard`, and the event's sentence,
 * `kinglet explain` and the API are made of it. Evidence is a natural logarithm: e^logEvidence : 1 is what a bet that the canary is
 * worse has won so far, and passes e^logThreshold by chance in one of so many healthy releases.
 */
import type { JsonObject } from '../base/json.ts'
import type { GuardMetric } from './judge-spec.ts'
import type { Reason, RouteCounts } from './protocol.ts'

export interface GuardRecord {
  /** `abort`: shown to be worse. `advance`: shown to be no worse, where `analysis.advance: evidence` asks. */
  readonly decision: 'none' | 'advance' | 'abort'
  /** The metric that speaks loudest. */
  readonly by?: GuardMetric
  /** RFC 3339. */
  readonly abortedAt?: string
  readonly logEvidence: number
  readonly logThreshold: number
  /** Requests that the weight has drawn for each track since the run began. */
  readonly canary: GuardCounts
  readonly primary: GuardCounts
  /** How many times as often the canary fails; the interval holds at every look. `estimate` and `high` are absent where nothing bounds them. */
  readonly riskRatio?: { readonly estimate?: number; readonly low: number; readonly high?: number; readonly level: number }
  readonly slow?: SlowRecord
  /** How many failures of the primary come as one. */
  readonly dispersion: number
  /** A pod of the canary that carries the evidence alone. */
  readonly suspect?: { readonly pod: string; readonly since: string; readonly requests: number; readonly bad: number }
  readonly split?: { readonly isBroken: boolean; readonly expectedShare: number; readonly observedShare: number }
  /** The evidence over time, oldest first, at most 32 points: seconds since the first, logarithm. */
  readonly curve: readonly (readonly [seconds: number, logEvidence: number])[]
  /** When the curve begins, RFC 3339. */
  readonly curveFrom?: string
  /** The canary's pods as their callers saw them, most failures first, at most 20. */
  readonly pods: readonly PodRecord[]
  /** Requests that were not drawn by weight and so not compared. Absent: there were none. */
  readonly apart?: readonly ApartCounts[]
  /** Classes of requests in which something failed or was slow, where the canary failed most first, at most 8. Absent: not told by the sidecars. */
  readonly routes?: readonly RouteRecord[]
  /** What was to be expected before the first step. */
  readonly plan?: PlanRecord
  /** With `analysis.advance: evidence`: how sure it is, in this step, that the canary is no worse; each metric must reach the threshold. `obstacle` forbids it all the same. */
  readonly advance?: { readonly metrics: readonly { readonly metric: GuardMetric; readonly logEvidence: number }[]; readonly logThreshold: number; readonly obstacle?: string }
  /** With `analysis.adaptive`: the largest weight within the budget by what is known now. */
  readonly nextWeightPercent?: number
  /** While the canary serves everybody: there is nothing to compare with but what the primary did before. */
  readonly bake?: { readonly canary: GuardCounts; readonly allowedFailurePercent?: number }
}

export interface GuardCounts {
  readonly requests: number
  readonly failures: number
}

/** `affinity`: of users who stay where they are, by cookie or hash. `match`: a rule decided. `direct`: at a version's own Service. `mirror`: copies. */
export type ApartReason = Exclude<Reason, 'weight' | 'hop'>

export interface ApartCounts {
  readonly reason: ApartReason
  readonly canary: GuardCounts
  readonly primary: GuardCounts
}

/** One pod of the canary. */
export interface PodRecord extends GuardCounts {
  readonly pod: string
  /** Requests slower than the primary's 95th percentile of lately. Absent: not told by the sidecars. */
  readonly slow?: number
}

/** What failed and what was slow (as for a pod) of one class of requests. How many there were is not counted: it would cost every request. */
export interface RouteRecord {
  readonly route: string
  readonly canary: RouteCounts
  readonly primary: RouteCounts
}

/** How much more often the canary is slow. */
export interface SlowRecord {
  /** The primary's quantile, 0.5 … 0.99, and its value of before the release, milliseconds. */
  readonly quantile: number
  readonly primaryMs: number
  /** What the canary may take. */
  readonly allowedMs: number
  readonly primaryPercent: number
  readonly canaryPercent: number
}

export interface PlanRecord {
  readonly requestsPerSecond: number
  /** What was known of the primary, from the last minute before the release on. */
  readonly primary: GuardCounts
  /** The failure rate that is reckoned with: half a failure more than there were. Absent: too few requests to reckon with anything. */
  readonly primaryFailurePercent?: number
  /** The smallest ratio of failures that is found within the planned time, on average; absent: none. */
  readonly smallestRatio?: number
  /** If every request to the canary failed: seconds and failed requests until the abort; absent: not found in time. */
  readonly broken?: { readonly seconds: number; readonly failedRequests: number }
}

/** What a new leader needs in order to go on with the same evidence. Stands in `status.kinglet.guard`. */
export interface GuardCheckpoint {
  /** `runGeneration` of the run. */
  readonly run: number
  /** What was counted is in it up to here: milliseconds since the epoch. */
  readonly atMs: number
  /** By the beginning of a sidecar's bootId: its last report that is in it. Absent where there are too many sidecars to name. */
  readonly boots?: Readonly<Record<string, number>>
  /** The guard's own, see src/analysis/guard/state.ts. */
  readonly state: JsonObject
  readonly bake?: JsonObject
  readonly pods: readonly PodRecord[]
  readonly apart?: readonly ApartCounts[]
  readonly routes?: readonly RouteRecord[]
  readonly plan?: PlanRecord
}

/** What the guard tells a decision. */
export interface GuardObservation {
  readonly record: GuardRecord
  readonly checkpoint: GuardCheckpoint
  /** With `analysis.adaptive`: the largest weight within the budget, percent. */
  readonly nextWeightPercent?: number
}

// --- sentences

const percent = (part: number, whole: number): string => `${whole === 0 ? '0.00' : ((100 * part) / whole).toFixed(2)}%`
const counts = ({ requests, failures }: GuardCounts): string => `${failures} of ${requests} requests (${percent(failures, requests)})`

/** `12,400:1`, or `1:8` where it speaks for the canary. Beyond a billion nobody counts. */
export function odds(logEvidence: number): string {
  const value = Math.exp(Math.min(Math.abs(logEvidence), Math.log(1e9)))
  const shown = value >= 10 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1).replace(/\.0$/, '')
  const atLeast = Math.abs(logEvidence) > Math.log(1e9) ? 'more than ' : ''
  return logEvidence >= 0 ? `${atLeast}${shown}:1` : `${atLeast}1:${shown}`
}

const ratio = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(2).replace(/\.0$/, ''))

const short = (value: number): string => String(Number(value.toPrecision(2)))

/** `risk ratio 8.6 [4.3, 16]`. */
export function describeRatio({ riskRatio }: GuardRecord): string | undefined {
  if (!riskRatio) return undefined
  const { estimate, low, high, level } = riskRatio
  const interval = `[${ratio(low)}, ${high === undefined ? '∞' : ratio(high)}]`
  return `risk ratio ${estimate === undefined ? 'at least ' + ratio(low) : ratio(estimate)} ${interval} at ${Math.round(level * 100)}%`
}

/** `; worst POST /pay with 31 of the canary's 34 failures (primary 1 of 3)`: the class in which the canary is worst, if known. */
function describeWhere(record: GuardRecord, kind: 'failures' | 'slow'): string {
  const routes = record.routes ?? []
  const [worst] = routes.toSorted((a, b) => b.canary[kind] - a.canary[kind])
  if (!worst || worst.canary[kind] === 0) return ''
  const all = (track: 'canary' | 'primary'): number => routes.reduce((sum, route) => sum + route[track][kind], 0)
  const primary = all('primary') === 0 ? '' : ` (primary ${worst.primary[kind]} of ${all('primary')})`
  return `; ${kind === 'slow' ? 'slowest' : 'worst'} ${worst.route} with ${worst.canary[kind]} of the canary's ${all('canary')} ${kind === 'slow' ? 'slow answers' : 'failures'}${primary}`
}

/** What was seen of both tracks: the middle of every sentence about the guard. */
export function describeEvidence(record: GuardRecord): string {
  const { bake, by, slow, canary, primary } = record
  if (bake) return `while serving everybody it failed ${counts(bake.canary)}${bake.allowedFailurePercent === undefined ? '' : `, allowed ${bake.allowedFailurePercent}%`}`
  const failures = `canary failed ${counts(canary)}, primary ${counts(primary)}`
  if (by === 'latency' && slow) {
    return `${slow.canaryPercent}% of the canary's requests took more than ${slow.allowedMs}ms, ${slow.primaryPercent}% of the primary's more than ${slow.primaryMs}ms (its p${slow.quantile * 100} before the release)${describeWhere(record, 'slow')}; ${failures}`
  }
  const ratioText = describeRatio(record)
  return `${failures}${ratioText === undefined ? '' : `, ${ratioText}`}${describeWhere(record, 'failures')}`
}

/** `evidence 4,310:1 that it is worse, limit 1,000:1`. */
export const describeOdds = ({ logEvidence, logThreshold }: GuardRecord): string => `evidence ${odds(logEvidence)} that it is worse, limit ${odds(logThreshold)}`

/** `failures 3.2:1, latency 25:1; each needs 20:1`. */
export function describeAdvance({ advance }: GuardRecord): string | undefined {
  if (!advance) return undefined
  const { metrics, logThreshold, obstacle } = advance
  const parts = metrics.map(({ metric, logEvidence }) => `${metric} ${odds(logEvidence)}`).join(', ')
  return `${parts}; ${metrics.length > 1 ? 'each needs' : 'needed is'} ${odds(logThreshold)}${obstacle === undefined ? '' : `, and nothing passes because of ${obstacle}`}`
}

/** What was to be expected before the first step. */
export function describePlan({ requestsPerSecond, primary, primaryFailurePercent, smallestRatio, broken }: PlanRecord): string {
  if (requestsPerSecond === 0) return 'no requests have been counted yet, and nothing can be found before some are'
  if (primaryFailurePercent === undefined) return `too little traffic is known yet to foretell what will be found: ${primary.requests} requests of the primary`
  const traffic = `at ${requestsPerSecond} requests/s, ${primary.failures} of the primary's last ${primary.requests} failed`
  const found = smallestRatio === undefined ? 'no regression can be found in the planned time' : `a version that fails ${short(smallestRatio * primaryFailurePercent)}% of its requests is found in the planned time (${ratio(smallestRatio)} times the ${short(primaryFailurePercent)}% reckoned with)`
  const cost = broken ? `; one that fails always is taken back after about ${Math.ceil(broken.seconds)}s and ${Math.ceil(broken.failedRequests)} failed requests` : ''
  return `${traffic}, ${found}${cost}`
}
