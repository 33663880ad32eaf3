import type { Canary, MetricSpec } from '../api/canary.ts'
import type { CheckRecord, TrackRecord, Verdict, VerdictResult } from '../api/canary-status.ts'
import { quantileUs } from '../api/histogram.ts'
import type { Reason, Track } from '../api/protocol.ts'
import { formatGoDuration } from '../base/duration.ts'
import type { ReportBook, Summary } from './book.ts'

/**
 * Flagger's built-in checks, literally, from what the sidecars counted: `request-success-rate` in percent and `request-duration`
 * as p99 in milliseconds, of the canary, over the metric's interval. One thing differs: no requests are no evidence, so such a
 * check holds instead of failing (`analysis.onNoData: fail` restores Flagger's way). Checks that this version cannot evaluate say so.
 */

/**
 * Requests about which somebody chose, copies of the primary's, and those that came straight to the canary's Service: load tests. Hops
 * are in the chooser's book.
 */
const judgedReasons: readonly Reason[] = ['weight', 'match', 'affinity', 'mirror', 'direct']
/** Reports come once a second, and each speaks about the second before: without this much more the newest would be missing. */
const reportLagMs = 2000
/** Webhooks whose answer decides. Others only tell somebody. */
const decidingWebhooks = ['', 'rollout', 'pre-rollout', 'confirm-rollout', 'confirm-promotion', 'confirm-traffic-increase', 'rollback']

type Check = (canary: Canary, metric: MetricSpec, summary: Summary) => CheckRecord

const builtIn: Readonly<Record<string, Check>> = { 'request-success-rate': checkSuccessRate, 'request-duration': checkDuration }

/** Metrics and webhooks that this version cannot evaluate: an analysis waits for as long as they are there. */
export const unevaluated = ({ spec: { analysis } }: Canary): readonly string[] => [
  ...analysis.webhooks.filter(({ type }) => decidingWebhooks.includes(type)).map(({ name }) => `webhook ${name}`),
  ...analysis.metrics.filter(({ name, isCustom }) => isCustom || !(name in builtIn)).map(({ name }) => `metric ${name}`),
]

/** How long a book must remember for the checks of a Canary, milliseconds. */
export const retentionOf = (canary: Canary): number => Math.max(60_000, canary.spec.analysis.intervalMs, ...canary.spec.analysis.metrics.map(({ intervalMs }) => intervalMs)) + 2 * reportLagMs

/** What all checks say at `now`, with the counts of both tracks over the longest window. The first that does not pass decides. */
export function judge(canary: Canary, book: ReportBook, now: number): Verdict {
  const { metrics } = canary.spec.analysis
  const windowMs = metrics.length > 0 ? Math.max(...metrics.map(({ intervalMs }) => intervalMs)) : canary.spec.analysis.intervalMs
  const over = (track: Track, intervalMs: number): Summary =>
    book.sum({ track, reasons: judgedReasons, fromMs: now - intervalMs - reportLagMs, toMs: now, minGeneration: canary.status.kinglet.runGeneration })
  const checks = [
    ...unevaluated(canary).map((what) => unsupportedCheck(canary, what)),
    ...metrics.flatMap((metric) => (metric.isCustom ? undefined : builtIn[metric.name])?.(canary, metric, over('canary', metric.intervalMs)) ?? []),
  ]
  const decisive = mostSevere(checks)
  return {
    result: decisive?.result ?? 'pass',
    time: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    weight: canary.status.canaryWeight,
    windowSeconds: windowMs / 1000,
    canary: recordOf(over('canary', windowMs)),
    primary: recordOf(over('primary', windowMs)),
    checks,
    ...(decisive ? { decidedBy: decisive.name } : {}),
  }
}

/** What cannot be evaluated decides before a failure, a failure before what has no data; among equals the first. */
function mostSevere(checks: readonly CheckRecord[]): CheckRecord | undefined {
  const order: readonly VerdictResult[] = ['unsupported', 'fail', 'no-data']
  for (const result of order) {
    const found = checks.find((check) => check.result === result)
    if (found) return found
  }
  return undefined
}

function unsupportedCheck({ name, namespace }: Canary, what: string): CheckRecord {
  return { name: what, result: 'unsupported', message: `Halt ${name}.${namespace} advancement: ${what} is not evaluated by this version of Kinglet. Remove it to go on without it.` }
}

function checkSuccessRate(canary: Canary, metric: MetricSpec, { requests, failures }: Summary): CheckRecord {
  const { name, namespace, spec } = canary
  if (requests === 0) {
    const message = `Halt advancement no values found for kinglet metric request-success-rate probably ${spec.targetRef.name}.${namespace} is not receiving traffic: no requests in the last ${formatGoDuration(metric.intervalMs)}`
    return { name: metric.name, result: 'no-data', message }
  }
  const value = (100 * (requests - failures)) / requests
  const min = metric.min ?? (metric.max === undefined ? metric.threshold : undefined)
  const broken = brokenBound(value, min, metric.max)
  return outcome(metric.name, value, broken && `Halt ${name}.${namespace} advancement success rate ${value.toFixed(2)}% ${broken.sign} ${broken.bound}%`)
}

function checkDuration(canary: Canary, metric: MetricSpec, { latency }: Summary): CheckRecord {
  const { name, namespace, spec } = canary
  const p99Us = quantileUs(latency, 0.99)
  if (p99Us === undefined) {
    return { name: metric.name, result: 'no-data', message: `Halt advancement no values found for kinglet metric request-duration probably ${spec.targetRef.name}.${namespace} is not receiving traffic` }
  }
  const valueMs = p99Us / 1000
  // Flagger compares with whole milliseconds.
  const max = metric.max ?? (metric.min === undefined ? metric.threshold : undefined)
  const broken = brokenBound(valueMs, truncated(metric.min), truncated(max))
  const text = broken && `Halt ${name}.${namespace} advancement request duration ${formatGoDuration(Math.round(valueMs))} ${broken.sign} ${formatGoDuration(broken.bound)}`
  return outcome(metric.name, valueMs, text)
}

const truncated = (value: number | undefined): number | undefined => (value === undefined ? undefined : Math.trunc(value))

function brokenBound(value: number, min: number | undefined, max: number | undefined): { readonly sign: '<' | '>'; readonly bound: number } | undefined {
  if (min !== undefined && value < min) return { sign: '<', bound: min }
  if (max !== undefined && value > max) return { sign: '>', bound: max }
  return undefined
}

const outcome = (name: string, value: number, message: string | undefined): CheckRecord =>
  message === undefined ? { name, result: 'pass', value: rounded(value) } : { name, result: 'fail', value: rounded(value), message }

/** The record of one track for people: rate and p99 beside the counts. */
export function recordOf({ requests, failures, outcomes, latency }: Summary): TrackRecord {
  const p99Us = quantileUs(latency, 0.99)
  return {
    requests,
    failures,
    outcomes,
    ...(requests === 0 ? {} : { successRatePercent: rounded((100 * (requests - failures)) / requests) }),
    ...(p99Us === undefined ? {} : { p99Ms: rounded(p99Us / 1000) }),
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
