import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { bucketOf } from '../../src/api/histogram.ts'
import { readAdvance } from '../../src/analysis/guard/advance.ts'
import { observeTick } from '../../src/analysis/guard/guard.ts'
import { defaultGuardSettings, type GuardSettings } from '../../src/analysis/guard/settings.ts'
import { binomial, coinTick, normal, poisson, randomOf, tickAt, track, type Random } from '../../src/analysis/guard/simulation.testkit.ts'
import { startGuard, type GuardState } from '../../src/analysis/guard/state.ts'
import { emptyTrack, type TrackTick } from '../../src/analysis/guard/tick.ts'
import { inParallel, serveJobs } from './pool.ts'
import { bareSettings, mean, untilAbort, type Fault, type Stop } from './until-abort.ts'

/**
 * How many requests, seconds and victims until the guard aborts; how long until a healthy step passes; how often a bad one does. Each row is compared
 * with what the theory's reference simulation gave for the bare test (no tolerance, one metric); beside it stands the guard as it is by default.
 */
interface Row extends Fault {
  readonly table: 'requests' | 'seconds' | 'latency' | 'advance' | 'errors'
  readonly label: string
  /** What the reference simulation gave, in the row's unit. Absent: there is none. */
  readonly reference?: number
  readonly alpha: number
  readonly reps: number
  readonly shift?: { readonly factor: number; readonly hang: number }
  readonly maxFailureRate?: number
}
interface Outcome {
  readonly row: number
  /** Of the bare test and of the default guard: the row's measure of each run; Infinity where nothing happened. */
  readonly bare: readonly number[]
  readonly byDefault: readonly number[]
  /** Failed canary requests until the abort. */
  readonly victims: readonly number[]
}

const requestRow = (alpha: number, share: number, rate: number, ratio: number, [bound, mean]: readonly [bound: number, mean: number]): Row => ({
  table: 'requests', label: `α ${alpha}  w ${share}  p ${rate}  ratio ${ratio}`, reference: mean, alpha, share, rate, canaryRate: rate * ratio, requests: Math.max(1, Math.round(bound / 200)), reps: 300,
})
const secondsRow = (rps: number, share: number, canaryRate: number, seconds: number, reps = 400): Row => ({
  table: 'seconds', label: `${rps} rps  w ${share}  canary ${canaryRate * 100} %`, reference: seconds, alpha: 0.001, share, rate: 0.001, canaryRate, requests: rps, isPoisson: true, reps,
})
const latencyRow = (label: string, share: number, shift: { readonly factor: number; readonly hang: number }, t1: number, t3: number): Row => ({
  table: 'latency', label: `${label}  w ${share} (threshold form ${t1})`, reference: t3, alpha: 0.01, share, rate: 0, canaryRate: 0, requests: Math.max(20, Math.round(t3 / 100)), reps: 120, shift,
})
const advanceRow = (rps: number, share: number, seconds: number, maxFailureRate: number, reps = 100): Row => ({
  table: 'advance', label: `${rps} rps  w ${share}  ${maxFailureRate > 0 ? 'below 1 %' : 'below twice the primary'}`, reference: seconds, alpha: 0.001, share, rate: 0.001, canaryRate: 0.001, requests: rps, isPoisson: true, reps, maxFailureRate,
})
const errorRow = (label: string, rate: number, canaryRate: number, maxFailureRate: number): Row => ({
  table: 'errors', label, alpha: 0.001, share: 0.2, rate, canaryRate, requests: 200, reps: 1000, maxFailureRate,
})

const rows: readonly Row[] = [
  requestRow(0.01, 0.05, 0.001, 2, [254_305, 316_682]),
  requestRow(0.01, 0.05, 0.001, 10, [7495, 11_000]),
  requestRow(0.01, 0.05, 0.001, 100, [364, 608]),
  requestRow(0.01, 0.1, 0.01, 2, [13_448, 17_629]),
  requestRow(0.01, 0.1, 0.01, 5, [1350, 1801]),
  requestRow(0.01, 0.5, 0.001, 10, [2145, 2848]),
  requestRow(0.001, 0.05, 0.001, 10, [11_242, 14_939]),
  requestRow(0.001, 0.1, 0.01, 5, [2025, 2622]),
  secondsRow(1000, 0.01, 1, 1),
  secondsRow(1000, 0.01, 0.1, 3.7),
  secondsRow(1000, 0.01, 0.02, 24),
  secondsRow(1000, 0.01, 0.005, 212, 200),
  secondsRow(100, 0.01, 1, 3.3),
  secondsRow(100, 0.01, 0.1, 34),
  secondsRow(100, 0.01, 0.02, 266, 200),
  secondsRow(100, 0.05, 1, 1.1),
  secondsRow(100, 0.05, 0.1, 8.1),
  secondsRow(100, 0.05, 0.02, 54),
  secondsRow(100, 0.05, 0.005, 480, 200),
  secondsRow(20, 0.05, 1, 4.5),
  secondsRow(20, 0.05, 0.1, 43),
  secondsRow(20, 0.05, 0.02, 317, 200),
  secondsRow(2, 0.05, 1, 30),
  secondsRow(2, 0.05, 0.1, 374, 200),
  secondsRow(0.2, 0.05, 1, 295, 200),
  latencyRow('all +10 %', 0.1, { factor: 1.1, hang: 0 }, 14_900, 10_000),
  latencyRow('all +25 %', 0.1, { factor: 1.25, hang: 0 }, 2700, 1600),
  latencyRow('all ×2', 0.1, { factor: 2, hang: 0 }, 287, 208),
  latencyRow('2 % hang', 0.1, { factor: 1, hang: 0.02 }, 7700, 7200),
  latencyRow('.5 % hang', 0.1, { factor: 1, hang: 0.005 }, 88_000, 83_000),
  latencyRow('all +25 %', 0.5, { factor: 1.25, hang: 0 }, 998, 641),
  latencyRow('2 % hang', 0.5, { factor: 1, hang: 0.02 }, 3200, 3100),
  advanceRow(100, 0.05, 103, 0.01),
  advanceRow(100, 0.2, 24, 0.01),
  advanceRow(100, 0.5, 11, 0.01),
  advanceRow(1000, 0.05, 11, 0.01),
  advanceRow(100, 0.2, 840, 0, 50),
  advanceRow(100, 0.5, 540, 0, 50),
  advanceRow(1000, 0.5, 60, 0, 50),
  errorRow('twice the primary, no limit of its own', 0.005, 0.01, 0),
  errorRow('twice the primary, and at the limit of 1 %', 0.005, 0.01, 0.01),
  errorRow('at the limit of 1 %, three times the primary', 0.0033, 0.01, 0.01),
]
const beta = defaultGuardSettings.promotion.beta

function run({ row: index, seed }: { readonly row: number; readonly seed: number }): Outcome {
  const row = rows[index] as Row
  const random = randomOf(seed)
  if (row.shift) return latencyRuns(index, row, random)
  if (row.table === 'advance' || row.table === 'errors') return advanceRuns(index, row, random)
  const bare = Array.from({ length: row.reps }, () => untilAbort(row, bareSettings(row.alpha), random))
  const byDefault = Array.from({ length: row.reps }, () => untilAbort(row, { ...defaultGuardSettings, alpha: row.alpha }, random))
  const measure = ({ seconds, requests }: Stop): number => (row.table === 'seconds' ? seconds : requests)
  return { row: index, bare: bare.map(measure), byDefault: byDefault.map(measure), victims: byDefault.map(({ victims }) => victims) }
}

/** Lognormal latencies around 100 ms, σ = .6; `hang` of the canary's requests take a minute, the others `factor` times as long. */
function latencyRuns(index: number, row: Row, random: Random): Outcome {
  const { factor = 1, hang = 0 } = row.shift ?? {}
  const one = (by: number, hanging: number): number => bucketOf(random() < hanging ? 60_000_000 : 100_000 * by * Math.exp(0.6 * normal(random)))
  const counted = (count: number, by: number, hanging: number): TrackTick => {
    const counts = new Map<number, number>()
    for (let left = count; left > 0; left -= 1) {
      const bucket = one(by, hanging)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    return track(count, 0, [...counts])
  }
  const until = (settings: GuardSettings): number => {
    let state = startGuard(settings)
    for (let second = 0; second < 20; second += 1) state = observeTick(state, tickAt(second, 0, counted(1000, 1, 0), emptyTrack))
    let requests = 0
    for (let second = 20; second < 1500; second += 1) {
      const canary = binomial(random, row.requests, row.share)
      state = observeTick(state, tickAt(second, row.share, counted(row.requests - canary, 1, 0), counted(canary, factor, hang)))
      requests += row.requests
      if (state.aborted) return requests
    }
    return Infinity
  }
  const bare: GuardSettings = { ...bareSettings(row.alpha), metrics: ['latency'], latencyTolerance: 1, latencyToleranceMs: 0, warmUpRequests: 0 }
  return { row: index, bare: Array.from({ length: row.reps }, () => until(bare)), byDefault: Array.from({ length: 10 }, () => until({ ...defaultGuardSettings, alpha: row.alpha })), victims: [] }
}

/** Seconds until a step passes; Infinity if it has not after that many ticks. */
function advanceRuns(index: number, row: Row, random: Random): Outcome {
  const settings: GuardSettings = { ...defaultGuardSettings, metrics: ['failures'], alpha: row.table === 'errors' ? 1e-300 : row.alpha, promotion: { ...defaultGuardSettings.promotion, maxFailureRate: row.maxFailureRate ?? 0 } }
  const until = (): number => {
    let state: GuardState = startGuard(settings)
    for (let second = 1; second <= (row.table === 'errors' ? 2000 : 5000); second += 1) {
      const requests = row.isPoisson ? poisson(random, row.requests) : row.requests
      state = observeTick(state, coinTick(random, second, { requests, share: row.share, primaryRate: row.rate, canaryRate: row.canaryRate }))
      if (readAdvance(state, { elapsedMs: second * 1000 }).decision === 'pass') return second
    }
    return Infinity
  }
  const bare = Array.from({ length: row.reps }, until)
  return { row: index, bare, byDefault: bare, victims: [] }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
const units = { requests: 'requests until the abort', seconds: 'seconds until the abort', latency: 'requests until the abort', advance: 'seconds until a pass', errors: 'share of bad canaries that ever pass' }

interface Line {
  readonly table: Row['table']
  readonly label: string
  readonly measured: number
  readonly reference?: number
  /** Measured over reference. */
  readonly ratio?: number
  readonly byDefault: number
  readonly victims?: number
  readonly isKept: boolean
}

function lineOf({ row: index, bare, byDefault, victims }: Outcome): Line {
  const { table, label, reference } = rows[index] as Row
  if (table === 'errors') {
    const measured = bare.filter(Number.isFinite).length / bare.length
    return { table, label, measured, byDefault: measured, isKept: measured <= beta }
  }
  // A few healthy canaries are unlucky at first and pass late: the median.
  const measured = table === 'advance' ? median(bare) : mean(bare)
  const ratio = reference === undefined ? undefined : measured / reference
  return { table, label, measured, ...(reference === undefined ? {} : { reference }), ...(ratio === undefined ? {} : { ratio }), byDefault: table === 'advance' ? measured : mean(byDefault), ...(victims.length > 0 ? { victims: mean(victims) } : {}), isKept: (ratio ?? 1) <= 1.15 }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' }, table: { type: 'string' }, json: { type: 'boolean', default: false } } })
  const jobs = rows.flatMap(({ table }, row) => (values.table === undefined || table === values.table ? [{ row, seed: Number(values.seed) * 7919 + row }] : []))
  const lines: Line[] = []
  await inParallel<(typeof jobs)[number], Outcome>(fileURLToPath(import.meta.url), jobs, (outcome, done) => {
    lines[outcome.row] = lineOf(outcome)
    process.stderr.write(`${done}/${jobs.length} `)
  })
  const found = lines.filter((line) => line !== undefined)
  if (values.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
  else print(found)
  process.exitCode = found.every(({ isKept }) => isKept) ? 0 : 1
}

const shown = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3))

function print(lines: readonly Line[]): void {
  let table = ''
  for (const line of lines) {
    if (line.table !== table) process.stdout.write(`\n${units[line.table].padEnd(52)}${'bare test'.padStart(11)}${'reference'.padStart(11)}${'ratio'.padStart(8)}${'by default'.padStart(12)}${'victims'.padStart(9)}\n`)
    table = line.table
    const cells = [shown(line.measured).padStart(11), (line.reference === undefined ? '' : shown(line.reference)).padStart(11), (line.ratio?.toFixed(2) ?? '').padStart(8), shown(line.byDefault).padStart(12), (line.victims?.toFixed(1) ?? '').padStart(9)]
    process.stdout.write(`${line.label.padEnd(52)}${cells.join('')}${line.isKept ? '' : '  MISSED'}\n`)
  }
}

if (!serveJobs(run) && process.argv[1] === fileURLToPath(import.meta.url)) await main()
