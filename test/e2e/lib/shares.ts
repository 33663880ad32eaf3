/** What the counts of an ordinary client say about weights. Pure; times are epoch milliseconds. */
import type { Line, StreamSecond } from '../client/tally.ts'

/** One state of the Canary as a watcher saw it. */
export interface Row {
  readonly at: number
  readonly phase: string
  readonly weight: number
  readonly iterations: number
  readonly failedChecks: number
}

export interface Served {
  readonly total: number
  /** Answers by the canary's own workload. */
  readonly byCanary: number
}

/**
 * Standard deviations a count may lie from its mean before chance is no explanation: p < 3e-7 one-sided, so that thousands
 * of runs raise no false alarm.
 */
const sigmas = 5

/** Answers in whole seconds that lie between `from` and `to`; a failure of the stream counts for neither. */
export function served(lines: readonly Line[], workload: string, from = 0, to = Infinity, stream?: string): Served {
  let total = 0
  let byCanary = 0
  for (const line of lines) {
    if (line.second * 1000 < from || (line.second + 1) * 1000 > to) continue
    for (const [name, second] of Object.entries(line.streams)) {
      if (stream !== undefined && name !== stream) continue
      total += answersOf(second)
      byCanary += answersOf(second, workload)
    }
  }
  return { total, byCanary }
}

const answersOf = (second: StreamSecond, workload?: string): number =>
  Object.entries(second.answered).reduce((sum, [who, count]) => (workload === undefined || who.endsWith(`@${workload}`) ? sum + count : sum), 0)

/** Versions that answered, with their counts. */
export function versions(lines: readonly Line[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const line of lines) {
    for (const second of Object.values(line.streams)) {
      for (const [who, count] of Object.entries(second.answered)) {
        const version = who.split('@')[0] ?? ''
        counts[version] = (counts[version] ?? 0) + count
      }
    }
  }
  return counts
}

/** The largest weight that was in force at any moment of [from, to]. */
export function largestWeight(rows: readonly Row[], from: number, to: number): number {
  const before = rows.findLast((row) => row.at <= from)?.weight ?? 0
  return Math.max(before, ...rows.filter((row) => row.at > from && row.at <= to).map((row) => row.weight))
}

export interface Excess {
  readonly served: number
  /** Most that the weights and chance allow. */
  readonly allowed: number
}

/**
 * The canary's answers against its weights over the whole of `lines`: each second is held against the largest weight of its time,
 * give or take `slackMs` for the way from the status to the sidecars. `failed` counts belong to the canary as well.
 * Worked example: 100 requests at 10 %: mean 10, deviation 3, allowed 10 + 5·3 + 1 = 26.
 */
export function shareAgainstWeight(lines: readonly Line[], rows: readonly Row[], workload: string, slackMs = 1500): Excess {
  let mean = 0
  let variance = 0
  let count = 0
  for (const line of lines) {
    const share = largestWeight(rows, line.second * 1000 - slackMs, (line.second + 1) * 1000 + slackMs) / 100
    for (const second of Object.values(line.streams)) {
      const total = answersOf(second) + second.failed
      count += answersOf(second, workload) + second.failed
      mean += total * share
      variance += total * share * (1 - share)
    }
  }
  return { served: count, allowed: Math.ceil(mean + sigmas * Math.sqrt(variance) + 1) }
}

/** Whether `byCanary` of `total` answers fit a weight, by chance alone; a count of one more or less per sidecar is always allowed. */
export function fitsWeight({ total, byCanary }: Served, weightPercent: number): boolean {
  const share = weightPercent / 100
  return Math.abs(byCanary - total * share) <= sigmas * Math.sqrt(total * share * (1 - share)) + 2
}

export interface Plateau {
  readonly weight: number
  readonly from: number
  /** Begin of the next row; Infinity for the last. */
  readonly to: number
}

/** The rows of the weight table: consecutive states of the same weight as one, in order of time. */
export function plateaus(rows: readonly Row[]): readonly Plateau[] {
  const table: { weight: number; from: number; to: number }[] = []
  for (const row of rows) {
    const current = table.at(-1)
    if (current?.weight === row.weight) continue
    if (current) current.to = row.at
    table.push({ weight: row.weight, from: row.at, to: Infinity })
  }
  return table
}
