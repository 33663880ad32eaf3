import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { inParallel, serveJobs } from './pool.ts'
import { peakOf } from './peak.ts'
import { scenarios } from './scenarios.ts'

/**
 * How often does the guard abort a healthy canary? Each scenario is run `--reps` times over 1000 ticks of 400 requests; a run counts as an alarm at
 * alpha if its evidence ever passed 1/alpha. Prints the share of alarms and its upper bound (Clopper-Pearson, 95 %).
 */
interface Job {
  readonly scenario: string
  readonly seed: number
  readonly from: number
  readonly to: number
  readonly ticks: number
}
interface Peaks {
  readonly scenario: string
  readonly peaks: readonly number[]
}

const alphas = [0.05, 0.01, 0.001] as const

function run({ scenario, seed, from, to, ticks }: Job): Peaks {
  const found = scenarios.find(({ name }) => name === scenario)
  return { scenario, peaks: found ? Array.from({ length: to - from }, (_, at) => peakOf(found, seed + from + at, ticks)) : [] }
}

/** The largest chance under which `hits` of `runs` or fewer are seen once in twenty. */
function upperBound(hits: number, runs: number): number {
  let [low, high] = [hits / runs, 1]
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2
    if (cumulative(hits, runs, middle) > 0.05) low = middle
    else high = middle
  }
  return high
}

function cumulative(hits: number, runs: number, p: number): number {
  let log = runs * Math.log1p(-p)
  let sum = Math.exp(log)
  for (let k = 1; k <= hits; k += 1) {
    log += Math.log((runs - k + 1) / k) + Math.log(p / (1 - p))
    sum += Math.exp(log)
  }
  return sum
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { reps: { type: 'string', default: '2000' }, ticks: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' }, scenario: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } } })
  const [reps, ticks, seed] = [Number(values.reps), Number(values.ticks), Number(values.seed)]
  const chosen = scenarios.filter(({ name }) => values.scenario === undefined || values.scenario.includes(name))
  const chunk = Math.max(1, Math.ceil(reps / 40))
  const jobs = chosen.flatMap(({ name }) => Array.from({ length: Math.ceil(reps / chunk) }, (_, at): Job => ({ scenario: name, seed: seed * 1_000_003, from: at * chunk, to: Math.min(reps, (at + 1) * chunk), ticks })))
  const peaks = new Map<string, number[]>(chosen.map(({ name }) => [name, []]))
  await inParallel<Job, Peaks>(fileURLToPath(import.meta.url), jobs, (result, done) => {
    peaks.get(result.scenario)?.push(...result.peaks)
    if (done % Math.ceil(jobs.length / 20) === 0) process.stderr.write(`${Math.round((100 * done) / jobs.length)} % `)
  })
  const rows = chosen.map(({ name, about }) => {
    const all = peaks.get(name) ?? []
    return { name, about, runs: all.length, alarms: alphas.map((alpha) => ({ alpha, count: all.filter((peak) => peak >= -Math.log(alpha)).length })) }
  })
  const isKept = rows.every(({ runs, alarms }) => alarms.every(({ alpha, count }) => count <= alpha * runs))
  if (values.json) process.stdout.write(`${JSON.stringify({ reps, ticks, seed, isKept, rows }, undefined, 2)}\n`)
  else print(rows, isKept)
  process.exitCode = isKept ? 0 : 1
}

function print(rows: readonly { readonly name: string; readonly about: string; readonly runs: number; readonly alarms: readonly { readonly alpha: number; readonly count: number }[] }[], isKept: boolean): void {
  process.stdout.write(`\n${'healthy rollouts'.padEnd(16)}${alphas.map((alpha) => `alpha ${alpha}`.padStart(24)).join('')}   observed [≤ bound, 95 %]\n`)
  for (const { name, about, runs, alarms } of rows) {
    const cells = alarms.map(({ alpha, count }) => `${(count / runs).toFixed(4)} [≤ ${upperBound(count, runs).toFixed(4)}]${count <= alpha * runs ? ' ' : '!'}`.padStart(24))
    process.stdout.write(`${name.padEnd(16)}${cells.join('')}   ${about}\n`)
  }
  process.stdout.write(isKept ? 'every scenario: no more alarms than alpha\n' : 'MISSED: more alarms than alpha where there is a !\n')
}

if (!serveJobs(run) && process.argv[1] === fileURLToPath(import.meta.url)) await main()
