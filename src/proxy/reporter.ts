/**
 * Turns what was recorded into reports, and keeps the last minutes of them for a controller that was away. Answers: each interval
 * of each generation becomes one report with its own number. Must not: know how a report travels.
 */
import type { Report } from '../api/protocol.ts'
import type { TrafficLedger } from '../metrics/recorder.ts'

/** A new leader rebuilds its picture from this much. */
const keptMs = 300_000
/** One report per 200 ms for five minutes; more (many tables in a short time) push out the oldest. */
const maxKept = 1500

interface Kept {
  readonly report: Report
  readonly endedAt: number
}

export class Reporter {
  readonly bootId: string
  private readonly ledger: TrafficLedger
  private seq = 0
  private kept: Kept[] = []
  /** End of the last interval. */
  private endedAt: number

  /** `now` is any steady clock, milliseconds: the first interval begins. */
  constructor(bootId: string, ledger: TrafficLedger, now: number) {
    this.bootId = bootId
    this.ledger = ledger
    this.endedAt = now
  }

  /** Ends the interval: its reports, in order. `now` is on the same clock. */
  endInterval(now: number): readonly Report[] {
    const spanMs = Math.round(now - this.endedAt)
    this.endedAt = now
    const reports = this.ledger.endInterval().map((interval): Report => {
      this.seq += 1
      return { type: 'report', bootId: this.bootId, seq: this.seq, ageMs: 0, spanMs, ...interval }
    })
    this.kept.push(...reports.map((report) => ({ report, endedAt: now })))
    const firstKept = this.kept.findIndex(({ endedAt }) => now - endedAt <= keptMs)
    this.kept = firstKept < 0 ? [] : this.kept.slice(Math.max(firstKept, this.kept.length - maxKept))
    return reports
  }

  /** A report of an interval in which nothing happened: says that this sidecar lives and had no traffic. Not kept. */
  emptyReport(generation: number): Report {
    this.seq += 1
    return { type: 'report', bootId: this.bootId, seq: this.seq, generation, ageMs: 0, series: [], clientAborted: 0, proxyErrors: 0 }
  }

  /** The last minutes, oldest first, each with its age at `now`. */
  replay(now: number): readonly Report[] {
    return this.kept.filter(({ endedAt }) => now - endedAt <= keptMs).map(({ report, endedAt }) => ({ ...report, ageMs: Math.max(0, Math.round(now - endedAt)) }))
  }
}
