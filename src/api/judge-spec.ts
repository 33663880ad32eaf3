import { parseDurationMs } from '../base/duration.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import type { Problem } from './problem.ts'

/**
 * The fields of `spec.analysis` that steer Kinglet's own judge, beside Flagger's checks. All are additions to Flagger's API and
 * all have a default: a Canary that names none of them is guarded, and otherwise advances and ends as Flagger has it.
 */
export interface JudgeSpec {
  readonly guard: GuardSpec
  /** `interval`: a step is watched for an interval, and Flagger's checks decide. `evidence`: it also ends once the canary is shown to be well. */
  readonly advance: 'interval' | 'evidence'
  /** With `advance: evidence`: after this long an analysis without enough evidence is inconclusive. Milliseconds. */
  readonly maxDurationMs: number
  readonly onInconclusive: 'hold' | 'promote' | 'rollback'
  /** Present: the next weight is chosen so that no more requests than this are expected to fail for the canary's sake. */
  readonly adaptive?: { readonly harmBudget: number }
  /** After the last step the canary serves everybody for this long, with the old version warm, before it is copied. Milliseconds; 0: not at all. */
  readonly bakeMs: number
}

export interface GuardSpec {
  readonly enabled: boolean
  /** Bound of the probability that a version that is no worse is ever rolled back by the guard. */
  readonly alpha: number
  /** Risk ratio of canary to primary that still counts as no worse. */
  readonly tolerance: number
  readonly metrics: readonly GuardMetric[]
  /** The guard does not abort for failures before the canary has failed this many requests. */
  readonly minimumFailures: number
  /** Bound of the probability that `advance: evidence` ever passes a version whose risk ratio is `badRatio` or more. */
  readonly beta: number
  readonly badRatio: number
}

export const guardMetrics = ['failures', 'latency'] as const
export type GuardMetric = (typeof guardMetrics)[number]

/**
 * alpha 0.001: one false rollback in a thousand releases, and each factor of ten costs only 2.3 nats, about a third more requests.
 * tolerance 1.25: pods of one version differ by their nodes and by luck; with a log-standard deviation of .2 between pods a test
 * without tolerance cries wolf in 7–16 % of healthy releases at α = .05, with this one in .5–2.6 %. minimumFailures 3: evidence
 * alone wants three to six failures at weights up to 20 %, so this binds at the smallest weights only. badRatio 2 with beta .05:
 * the customary test of non-inferiority. See src/analysis/README.md.
 */
export const defaultGuard: GuardSpec = { enabled: true, alpha: 0.001, tolerance: 1.25, metrics: guardMetrics, minimumFailures: 3, beta: 0.05, badRatio: 2 }
/** An hour: at 100 requests a second and 20 % evidence takes a quarter of that. */
const defaultMaxDurationMs = 3_600_000

/** Tolerant: what is malformed counts as absent; `judgeProblems` says what is wrong. */
export function parseJudge(analysis: JsonObject): JudgeSpec {
  const { advance, onInconclusive } = analysis
  const harmBudget = numberAt(analysis, 'adaptive', 'harmBudget')
  return {
    guard: parseGuard(objectAt(analysis, 'guard')),
    advance: advance === 'evidence' ? 'evidence' : 'interval',
    maxDurationMs: durationAt(analysis, 'maxDuration') ?? defaultMaxDurationMs,
    onInconclusive: onInconclusive === 'promote' || onInconclusive === 'rollback' ? onInconclusive : 'hold',
    ...(isObject(analysis['adaptive']) ? { adaptive: { harmBudget: harmBudget ?? 10 } } : {}),
    bakeMs: durationAt(analysis, 'bake') ?? 0,
  }
}

function parseGuard(raw: JsonObject): GuardSpec {
  const metrics = guardMetrics.filter((metric) => listAt(raw, 'metrics').includes(metric))
  const given = (field: keyof GuardSpec, fallback: number): number => numberAt(raw, field) ?? fallback
  return {
    enabled: raw['enabled'] !== false,
    alpha: given('alpha', defaultGuard.alpha),
    tolerance: given('tolerance', defaultGuard.tolerance),
    metrics: metrics.length > 0 ? metrics : defaultGuard.metrics,
    minimumFailures: given('minimumFailures', defaultGuard.minimumFailures),
    beta: given('beta', defaultGuard.beta),
    badRatio: given('badRatio', defaultGuard.badRatio),
  }
}

function durationAt(analysis: JsonObject, field: string): number | undefined {
  const parsed = parseDurationMs(stringAt(analysis, field) ?? '')
  return parsed.ok && parsed.value > 0 ? parsed.value : undefined
}

// --- what is wrong with it

interface Bounds {
  readonly path: readonly string[]
  readonly isRight: (value: number) => boolean
  readonly wanted: string
}

const probability = (value: number): boolean => value > 0 && value <= 0.5
const numbers: readonly Bounds[] = [
  { path: ['guard', 'alpha'], isRight: probability, wanted: 'a probability above 0 and at most 0.5' },
  { path: ['guard', 'beta'], isRight: probability, wanted: 'a probability above 0 and at most 0.5' },
  { path: ['guard', 'tolerance'], isRight: (value) => value >= 1 && value <= 10, wanted: 'a ratio from 1 to 10' },
  { path: ['guard', 'badRatio'], isRight: (value) => value > 1 && value <= 100, wanted: 'a ratio above 1 and at most 100' },
  { path: ['guard', 'minimumFailures'], isRight: (value) => Number.isInteger(value) && value >= 1, wanted: 'a whole number of at least 1' },
  { path: ['adaptive', 'harmBudget'], isRight: (value) => value > 0, wanted: 'a number of requests above 0' },
]
const choices = { advance: ['interval', 'evidence'], onInconclusive: ['hold', 'promote', 'rollback'] } as const

/** What is wrong with the judge's fields of a raw Canary. */
export function judgeProblems(raw: JsonObject): readonly Problem[] {
  const analysis = objectAt(raw, 'spec', 'analysis')
  return [...wrongNumbers(analysis), ...wrongChoices(analysis), ...wrongDurations(analysis), ...wrongMetrics(analysis), ...contradictions(analysis)]
}

const invalid = (path: string, message: string, remedy: string): Problem => ({ code: 'InvalidSpec', path: `spec.analysis.${path}`, message, remedy })

const wrongNumbers = (analysis: JsonObject): readonly Problem[] =>
  numbers.flatMap(({ path, isRight, wanted }) => {
    const value = valueAt(analysis, ...path)
    if (value === undefined || (typeof value === 'number' && isRight(value))) return []
    return [invalid(path.join('.'), `${JSON.stringify(value)} is not ${wanted}`, 'Correct it, or leave it out for the default')]
  })

const wrongChoices = (analysis: JsonObject): readonly Problem[] =>
  Object.entries(choices).flatMap(([field, allowed]) => {
    const value = analysis[field]
    if (value === undefined || allowed.some((one) => one === value)) return []
    return [invalid(field, `${JSON.stringify(value)} is none of ${allowed.join(', ')}`, 'Choose one of them')]
  })

const wrongDurations = (analysis: JsonObject): readonly Problem[] =>
  ['maxDuration', 'bake'].flatMap((field) => {
    const value = analysis[field]
    const parsed = typeof value === 'string' ? parseDurationMs(value) : undefined
    if (value === undefined || (parsed?.ok && parsed.value >= 1000)) return []
    return [invalid(field, `${JSON.stringify(value)} is not a duration of at least 1s`, 'Write it as 30s or 10m')]
  })

const wrongMetrics = (analysis: JsonObject): readonly Problem[] =>
  listAt(analysis, 'guard', 'metrics').flatMap((metric, index) =>
    guardMetrics.some((known) => known === metric) ? [] : [invalid(`guard.metrics[${index}]`, `${JSON.stringify(metric)} is not a metric that the guard tests`, `Name ${guardMetrics.join(' or ')}`)],
  )

/** Fields that would quietly have no effect. */
function contradictions(analysis: JsonObject): readonly Problem[] {
  const { guard, advance } = parseJudge(analysis)
  const { tolerance, badRatio } = guard
  const needsGuard = [...(advance === 'evidence' ? ['advance'] : []), ...(isObject(analysis['adaptive']) ? ['adaptive'] : []), ...(analysis['bake'] === undefined ? [] : ['bake'])]
  const isStepless = (numberAt(analysis, 'iterations') ?? 0) > 0
  const isHashed = analysis['stickyHash'] !== undefined
  return [
    ...(isStepless ? needsGuard.map((field) => invalid(field, 'it needs requests that are drawn by weight, and with iterations there are none', `Use stepWeight, or remove ${field}`)) : []),
    ...(isHashed ? needsGuard.filter((field) => field !== 'bake').map((field) => invalid(field, 'it needs requests that chance puts on a track, and with stickyHash their users do', `Use sessionAffinity, or remove ${field}`)) : []),
    ...(guard.enabled ? [] : needsGuard.map((field) => invalid(field, 'it rests on the guard, and guard.enabled is false', `Remove guard.enabled or ${field}`))),
    ...(badRatio <= tolerance ? [invalid('guard.badRatio', `${badRatio} is not above guard.tolerance ${tolerance}, so the same version could be rolled back and promoted`, 'Set it above the tolerance')] : []),
  ]
}
