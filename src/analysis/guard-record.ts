import type { ApartCounts, GuardCounts, GuardRecord, PlanRecord, PodRecord, RouteRecord, SlowRecord } from '../api/guard-record.ts'
import type { AdvanceReading } from './guard/advance.ts'
import type { BakeReading } from './guard/bake.ts'
import type { Plan } from './guard/plan.ts'
import type { GuardReading } from './guard/reading.ts'

export interface Readings {
  readonly guard: GuardReading
  readonly advance?: AdvanceReading
  readonly bake?: BakeReading
  readonly pods: readonly PodRecord[]
  readonly routes: readonly RouteRecord[]
  readonly apart: readonly ApartCounts[]
  readonly plan?: PlanRecord
  readonly nextWeightPercent?: number
}

/** The readings of a run as the record that people and programs get: rounded, times in RFC 3339. */
export function recordOf({ guard, advance, bake, pods, routes, apart, plan, nextWeightPercent }: Readings): GuardRecord {
  const isAbort = guard.decision === 'abort' || bake?.decision === 'return'
  return {
    decision: isAbort ? 'abort' : advance?.decision === 'pass' ? 'advance' : 'none',
    ...endOf(guard, bake),
    logEvidence: round(bake?.logEvidence ?? guard.logEvidence),
    logThreshold: round(bake?.logThreshold ?? guard.logThreshold),
    canary: countsOf(guard.counts.canary),
    primary: countsOf(guard.counts.primary),
    ...comparisonOf(guard),
    dispersion: round(guard.dispersion),
    ...faultsOf(guard),
    ...curveOf(guard),
    pods,
    ...(routes.length > 0 ? { routes } : {}),
    ...(apart.length > 0 ? { apart } : {}),
    ...(plan ? { plan } : {}),
    ...(advance && !bake ? { advance: advanceOf(advance) } : {}),
    ...(nextWeightPercent === undefined || bake ? {} : { nextWeightPercent }),
    ...(bake ? { bake: bakeOf(bake) } : {}),
  }
}

function endOf(guard: GuardReading, bake: BakeReading | undefined): Pick<GuardRecord, 'by' | 'abortedAt'> {
  const by = bake?.by ?? guard.by
  const abortedAtMs = bake?.alarmAtMs ?? guard.abortedAtMs
  return { ...(by ? { by } : {}), ...(abortedAtMs === undefined ? {} : { abortedAt: timeOf(abortedAtMs) }) }
}

function comparisonOf({ riskRatio, metrics }: GuardReading): Pick<GuardRecord, 'riskRatio' | 'slow'> {
  const slow = metrics.find(({ metric }) => metric === 'latency')?.slow
  return { ...(riskRatio ? { riskRatio: ratioOf(riskRatio) } : {}), ...(slow ? { slow: slowOf(slow) } : {}) }
}

/** What makes the comparison itself doubtful. */
const faultsOf = ({ suspect, split }: GuardReading): Pick<GuardRecord, 'suspect' | 'split'> => ({
  ...(suspect ? { suspect: { pod: suspect.pod, since: timeOf(suspect.sinceMs), requests: suspect.requests, bad: suspect.bad } } : {}),
  ...(split ? { split: { isBroken: split.isBroken, expectedShare: round(split.expectedShare), observedShare: round(split.observedShare) } } : {}),
})

function curveOf({ curve }: GuardReading): Pick<GuardRecord, 'curve' | 'curveFrom'> {
  const [first] = curve
  if (!first) return { curve: [] }
  return { curve: curve.map(([atMs, logEvidence]) => [Math.round((atMs - first[0]) / 1000), round(logEvidence)]), curveFrom: timeOf(first[0]) }
}

const advanceOf = ({ metrics, logThreshold, obstacle }: AdvanceReading): NonNullable<GuardRecord['advance']> => ({
  metrics: metrics.map(({ metric, logEvidence }) => ({ metric, logEvidence: round(logEvidence) })),
  logThreshold: round(logThreshold),
  ...(obstacle ? { obstacle } : {}),
})

const bakeOf = ({ counts, allowedFailureRate }: BakeReading): NonNullable<GuardRecord['bake']> => ({
  canary: countsOf(counts),
  ...(allowedFailureRate === undefined ? {} : { allowedFailurePercent: round(100 * allowedFailureRate) }),
})

export function planOf({ failureRate, smallestRatio, broken }: Plan, requestsPerSecond: number, primary: GuardCounts): PlanRecord {
  return {
    requestsPerSecond: requestsPerSecond >= 10 ? Math.round(requestsPerSecond) : Number(requestsPerSecond.toPrecision(2)),
    primary: countsOf(primary),
    ...(failureRate === undefined ? {} : { primaryFailurePercent: round(100 * failureRate) }),
    ...(smallestRatio === undefined ? {} : { smallestRatio: round(smallestRatio) }),
    ...(broken ? { broken: { seconds: round(broken.seconds), failedRequests: round(broken.failedRequests) } } : {}),
  }
}

const countsOf = ({ requests, failures }: GuardCounts): GuardCounts => ({ requests, failures })

const ratioOf = ({ estimate, low, high, level }: NonNullable<GuardReading['riskRatio']>): NonNullable<GuardRecord['riskRatio']> => ({
  ...(estimate === undefined ? {} : { estimate: round(estimate) }),
  low: round(low),
  ...(high === undefined ? {} : { high: round(high) }),
  level,
})

const slowOf = ({ quantile, primaryMs, allowedMs, primaryShare, canaryShare }: NonNullable<GuardReading['metrics'][number]['slow']>): SlowRecord => ({
  quantile,
  primaryMs: round(primaryMs),
  allowedMs: round(allowedMs),
  primaryPercent: round(100 * primaryShare),
  canaryPercent: round(100 * canaryShare),
})

const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
const round = (value: number): number => Number(value.toPrecision(4))
