/** What the counts of an ordinary client say about weights. Pure; times are epoch milliseconds. */
import type { Line, StreamSecond } from '../client/tally.ts'

/** One state of the Canary as a watcher saw it. */
export interface Row {
  /** When the watcher saw it: perhaps long after, on a busy machine. */
  readonly at: number
  /** When the controller decided where requests go in this state; no sidecar knows it before. */
  readonly decidedAt: number
  /** From when on every sidecar followed it; undefined until the step has been judged, or its clock is durable. */
  readonly inForceAt: number | undefined
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

/** Versions that answered in whole seconds between `from` and `to`, with their counts. */
export function versions(lines: readonly Line[], from = 0, to = Infinity, stream?: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const line of lines) {
    if (line.second * 1000 < from || (line.second + 1) * 1000 > to) continue
    for (const [name, second] of Object.entries(line.streams)) {
      if (stream !== undefined && name !== stream) continue
      for (const [who, count] of Object.entries(second.answered)) {
        const version = who.split('@')[0] ?? ''
        counts[version] = (counts[version] ?? 0) + count
      }
    }
  }
  return counts
}

/** The largest weight that may have been in force at any moment of [from, to]: from its decision until the next state was seen. */
export function largestWeight(rows: readonly Row[], from: number, to: number): number {
  return Math.max(0, ...rows.filter((row, index) => row.decidedAt <= to && (rows[index + 1]?.at ?? Infinity) >= from).map((row) => row.weight))
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
  /** When it was decided. */
  readonly from: number
  /** From when on every sidecar followed it. */
  readonly inForceAt: number
  /** When the next weight was decided; Infinity for the last. */
  readonly to: number
}

/** The rows of the weight table: consecutive states of the same weight as one, in order of time. */
function plateaus(rows: readonly Row[]): readonly Plateau[] {
  const table: { weight: number; from: number; inForceAt: number; to: number }[] = []
  for (const { weight, decidedAt, inForceAt = Infinity } of rows) {
    const current = table.at(-1)
    if (current?.weight === weight) {
      current.inForceAt = Math.min(current.inForceAt, inForceAt)
      continue
    }
    if (current) current.to = decidedAt
    table.push({ weight, from: decidedAt, inForceAt, to: Infinity })
  }
  return table
}

/** The weights of the release that began after `from` (epoch milliseconds); the last ends with what was decided after it. */
export function stepsOf(rows: readonly Row[], from: number): readonly Plateau[] {
  const of = rows.filter((row) => row.at >= from)
  const judged = of.filter((row) => row.phase === 'Progressing')
  const next = of.find((row) => row.at > (judged.at(-1)?.at ?? Infinity))
  return plateaus(judged).map((step) => (step.to === Infinity && next ? { ...step, to: next.decidedAt } : step))
}
