/**
 * Turns what was recorded into reports, and keeps the last minutes of them for a controller that was away. Answers: each interval
 * of each generation becomes one report with its own number. Must not: know how a report travels.
 *
 * A report is its line from the start: as objects, five minutes of them took 5 MiB of a busy sidecar, and a stream that came back had to
 * wait until all of them were printed.
 */
import { printAged, printUnaged } from '../api/codec.ts'
import type { TrafficLedger } from '../metrics/recorder.ts'

/** A new leader rebuilds its picture from this much. */
const keptMs = 300_000
/** One report per 200 ms for five minutes; more (many tables in a short time) push out the oldest. */
const maxKept = 1500

interface Kept {
  /** Its line without its age. */
  readonly unaged: string
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

  /** Ends the interval: the lines of its reports, in order. `now` is on the same clock. */
  endInterval(now: number): readonly string[] {
    const spanMs = Math.round(now - this.endedAt)
    this.endedAt = now
    const ended = this.ledger.endInterval().map((interval) => {
      this.seq += 1
      return printUnaged({ type: 'report', bootId: this.bootId, seq: this.seq, spanMs, ...interval })
    })
    this.kept.push(...ended.map((unaged) => ({ unaged, endedAt: now })))
    const firstKept = this.kept.findIndex(({ endedAt }) => now - endedAt <= keptMs)
    this.kept = firstKept < 0 ? [] : this.kept.slice(Math.max(firstKept, this.kept.length - maxKept))
    return ended.map((unaged) => printAged(unaged, 0))
  }

  /** A report of an interval in which nothing happened: says that this sidecar lives and had no traffic. Not kept. */
  emptyReport(generation: number): string {
    this.seq += 1
    return printAged(printUnaged({ type: 'report', bootId: this.bootId, seq: this.seq, generation, series: [], clientAborted: 0, proxyErrors: 0 }), 0)
  }

  /** The lines of the last minutes, oldest first, each with its age at `now`. */
  replay(now: number): readonly string[] {
    return this.kept.filter(({ endedAt }) => now - endedAt <= keptMs).map(({ unaged, endedAt }) => printAged(unaged, Math.max(0, Math.round(now - endedAt))))
  }
}
