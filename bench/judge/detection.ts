import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { defaultGuardSettings } from '../../src/analysis/guard/settings.ts'
import { rows, type Row } from './detection-rows.ts'
import { runRow, type Job, type Outcome } from './detection-runs.ts'
import { inParallel, serveJobs } from './pool.ts'
import { mean } from './until-abort.ts'

/**
 * How many requests, seconds and victims until the guard aborts; how long until a healthy step passes; how often a bad one does. The published tests, made of the
 * guard's parts with the set-up of the theory's reference simulation, must come within 15 % of what that gave. Beside them stands what
 * the guard's own choices make of it, and the guard as it is by default. Exits with 1 where a row is missed.
 */
const within = 0.15
const { beta } = defaultGuardSettings.promotion
const units = { requests: 'requests until the abort', seconds: 'seconds until the abort', latency: 'requests until the abort', advance: 'seconds until a pass', errors: 'share of bad canaries that ever pass' }

interface Line {
  readonly table: Row['table']
  readonly label: string
  readonly published?: number
  readonly reference?: number
  /** Published over reference; the same of the failed canary requests, where the reference counted them. */
  readonly ratio?: number
  readonly victimRatio?: number
  /** The guard's choices, without tolerance and with one metric; and over what is published: below 1 is faster. */
  readonly bare: number
  readonly bareRatio?: number
  readonly byDefault?: number
  readonly victims?: number
  readonly isMet: boolean
}

function lineOf({ row: index, published, publishedVictims, bare, byDefault, victims }: Outcome): Line {
  const { table, label, reference, referenceVictims } = rows[index] as Row
  if (table === 'errors') {
    const passed = bare.filter(Number.isFinite).length / bare.length
    return { table, label, bare: passed, isMet: passed <= beta }
  }
  const [ofPublished, ofBare] = [mean(published ?? []), mean(bare)]
  const ratios = { ...ratioOf('ratio', ofPublished, reference), ...ratioOf('victimRatio', mean(publishedVictims ?? []), referenceVictims) }
  return {
    table,
    label,
    published: ofPublished,
    ...(reference === undefined ? {} : { reference }),
    ...ratios,
    bare: ofBare,
    bareRatio: ofBare / ofPublished,
    ...(byDefault ? { byDefault: mean(byDefault) } : {}),
    ...(victims ? { victims: mean(victims) } : {}),
    isMet: Object.values(ratios).every((ratio) => Math.abs(ratio - 1) <= within),
  }
}

const ratioOf = (name: 'ratio' | 'victimRatio', measured: number, reference: number | undefined): { readonly ratio?: number; readonly victimRatio?: number } =>
  reference === undefined ? {} : { [name]: measured / reference }

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' }, table: { type: 'string' }, json: { type: 'boolean', default: false } } })
  const jobs = rows.flatMap(({ table }, row): readonly Job[] => (values.table === undefined || table === values.table ? [{ row, seed: Number(values.seed) * 7919 + row }] : []))
  const lines: Line[] = []
  await inParallel<Job, Outcome>(fileURLToPath(import.meta.url), jobs, (outcome, done) => {
    lines[outcome.row] = lineOf(outcome)
    process.stderr.write(`${done}/${jobs.length} `)
  })
  const found = lines.filter((line) => line !== undefined)
  if (values.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
  else print(found)
  process.exitCode = found.length > 0 && found.every(({ isMet }) => isMet) ? 0 : 1
}

const shown = (value: number | undefined): string => (value === undefined ? '' : value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3))
const widths = [11, 11, 7, 9, 12, 11, 12, 9]
const cells = (texts: readonly string[]): string => texts.map((text, at) => text.padStart(widths[at] ?? 0)).join('')

function print(lines: readonly Line[]): void {
  let table = ''
  for (const line of lines) {
    if (line.table !== table) process.stdout.write(`\n${units[line.table].padEnd(46)}${cells(['published', 'reference', 'ratio', '(failed)', 'own choices', '/published', 'by default', 'failed'])}\n`)
    table = line.table
    const row = cells([shown(line.published), shown(line.reference), line.ratio?.toFixed(2) ?? '', line.victimRatio?.toFixed(2) ?? '', shown(line.bare), line.bareRatio?.toFixed(2) ?? '', shown(line.byDefault), line.victims?.toFixed(1) ?? ''])
    process.stdout.write(`${line.label.padEnd(46)}${row}  ${line.isMet ? 'met' : 'MISSED'}\n`)
  }
}

if (!serveJobs(runRow) && process.argv[1] === fileURLToPath(import.meta.url)) await main()
