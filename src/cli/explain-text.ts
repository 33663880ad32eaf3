import type { Canary } from '../api/canary.ts'
import { summaryOf } from '../api/canary-summary.ts'
import type { CheckRecord, Verdict } from '../api/canary-status.ts'
import { describeAdvance, describeOdds, describePlan, describeRatio, type ApartReason, type GuardCounts, type GuardRecord } from '../api/guard-record.ts'
import { stringify } from 'yaml'

/** What is known about the last analysis of a Canary, for programs: what the read-only API answers, from the status alone. */
const explanationOf = (canary: Canary): Readonly<Record<string, unknown>> => {
  const { conditions, analysis } = canary.status
  return { ...summaryOf(canary), conditions, ...(analysis ? { analysis } : {}) }
}

export function printExplanation(canary: Canary, output: 'text' | 'json' | 'yaml'): string {
  if (output === 'json') return `${JSON.stringify(explanationOf(canary), undefined, 2)}\n`
  if (output === 'yaml') return stringify(JSON.parse(JSON.stringify(explanationOf(canary))))
  return `${explain(canary).join('\n')}\n`
}

/** The explanation for people, line by line. No colours: it reads the same in a pipe. */
function explain(canary: Canary): readonly string[] {
  const { name, namespace, spec, status } = canary
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  const head = [
    `Canary ${name} in ${namespace}, target Deployment ${spec.targetRef.name}`,
    `  ${status.phase ?? 'Initializing'} at weight ${status.canaryWeight}%, ${status.failedChecks} failed checks${status.lastTransitionTime === undefined ? '' : `, since ${status.lastTransitionTime}`}`,
    ...(ready ? [`  ${ready.message}`] : []),
  ]
  if (!status.analysis) return [...head, '', 'Nothing has been analysed yet.']
  return [...head, '', ...verdictLines(status.analysis), ...(status.analysis.guard ? ['', ...guardLines(status.analysis.guard)] : [])]
}

function verdictLines(verdict: Verdict): readonly string[] {
  const decided = verdict.decidedBy === undefined ? '' : `, decided by ${verdict.decidedBy}`
  const track = (title: string, { requests, failures, successRatePercent, p99Ms }: Verdict['canary']): string[] => [title, String(requests), String(failures), successRatePercent === undefined ? '-' : `${successRatePercent}%`, p99Ms === undefined ? '-' : `${p99Ms}ms`]
  return [
    `Last verdict: ${verdict.result}${decided}, at weight ${verdict.weight}%, ${verdict.time}`,
    ...table([[`last ${verdict.windowSeconds}s`, 'requests', 'failed', 'success', 'p99'], track('canary', verdict.canary), track('primary', verdict.primary)]),
    ...verdict.checks.map(checkLine),
  ]
}

const checkLine = ({ name, result, value, message }: CheckRecord): string => `  ${result === 'pass' ? '✔' : result === 'no-data' ? '?' : '✖'} ${name}${value === undefined ? '' : ` ${value}${name === 'request-duration' ? 'ms' : '%'}`}${message === undefined ? '' : `: ${message}`}`

function guardLines(record: GuardRecord): readonly string[] {
  const { decision, abortedAt, slow, suspect, split, plan, bake, dispersion } = record
  const counts = (title: string, { requests, failures }: GuardCounts): string[] => [title, String(requests), String(failures), requests === 0 ? '-' : `${((100 * failures) / requests).toFixed(2)}%`]
  const ratio = describeRatio(record)
  const advance = describeAdvance(record)
  return [
    `Sequential guard: ${decisions[decision]}${abortedAt === undefined ? '' : ` at ${abortedAt}`}; ${describeOdds(record)}`,
    ...table([['drawn by weight', 'requests', 'failed', 'rate'], counts('canary', record.canary), counts('primary', record.primary), ...(bake ? [counts('canary alone', bake.canary)] : [])]),
    ...apartLines(record),
    ...(ratio === undefined ? [] : [`  ${ratio}`]),
    ...(advance === undefined ? [] : [`  that it is no worse, in this step: ${advance}`]),
    ...(record.nextWeightPercent === undefined ? [] : [`  within the harm budget the weight may be ${record.nextWeightPercent}% next`]),
    ...(slow ? [`  slower than the primary's p${slow.quantile * 100}: canary ${slow.canaryPercent}% above ${slow.allowedMs}ms, primary ${slow.primaryPercent}% above ${slow.primaryMs}ms`] : []),
    ...(dispersion > 1.05 ? [`  the primary's failures come in clusters of about ${dispersion}; the evidence counts them so`] : []),
    ...(suspect ? [`  pod ${suspect.pod} alone makes it look bad: ${suspect.bad} of ${suspect.requests} since ${suspect.since}`] : []),
    ...(split?.isBroken ? [`  the split is broken: the canary got ${(100 * split.observedShare).toFixed(1)}% of the requests instead of ${(100 * split.expectedShare).toFixed(1)}%`] : []),
    ...(plan ? [`  expected before the first step: ${describePlan(plan)}`] : []),
    ...(record.curve.length > 1 ? [`  evidence over ${record.curve.at(-1)?.[0] ?? 0}s: ${sparkline(record)}`] : []),
    ...(record.pods.length > 0 ? table([['pod', 'requests', 'failed', 'rate', 'slow'], ...record.pods.map(({ pod, slow: slowOnes, ...of }) => [...counts(pod, of), shown(slowOnes)])]) : []),
    ...routeLines(record),
  ]
}

const shown = (count: number | undefined): string => (count === undefined ? '-' : String(count))

const apartReasons: Readonly<Record<ApartReason, string>> = {
  affinity: 'requests of users who stay where they are',
  match: 'requests that a match rule decided',
  direct: "requests to a version's own Service",
  mirror: "copies of the primary's requests",
}

const apartLines = ({ apart = [] }: GuardRecord): readonly string[] =>
  apart.map(({ reason, canary, primary }) => `  not compared: ${canary.requests + primary.requests} ${apartReasons[reason]} (canary ${canary.requests}, ${canary.failures} failed; primary ${primary.requests}, ${primary.failures} failed)`)

/** Slow: above the primary's 95th percentile of lately. */
function routeLines({ routes = [] }: GuardRecord): readonly string[] {
  if (routes.length === 0) return []
  const rows = routes.map(({ route, canary: of, primary: against }) => [route, of.failures, against.failures, of.slow, against.slow].map(String))
  return table([['requests like', 'canary failed', 'primary failed', 'canary slow', 'primary slow'], ...rows])
}

const decisions: Readonly<Record<GuardRecord['decision'], string>> = { none: 'nothing is shown', advance: 'the canary is shown to be no worse', abort: 'the canary is shown to be worse' }

const bars = '▁▂▃▄▅▆▇█'

/** The curve from its lowest to the limit. */
function sparkline({ curve, logThreshold }: GuardRecord): string {
  const values = curve.map(([, logEvidence]) => logEvidence)
  const [low, high] = [Math.min(0, ...values), Math.max(logThreshold, ...values)]
  return values.map((value) => bars[Math.min(bars.length - 1, Math.floor(((value - low) / (high - low)) * bars.length))] ?? '').join('')
}

/** Columns as wide as they must be. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`.trimEnd())
}
