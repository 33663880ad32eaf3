import { mergeHistograms } from '../api/histogram.ts'
import { failureOutcomes, outcomes, type Outcome, type Reason, type Report, type SeriesDelta, type Track } from '../api/protocol.ts'
import { Sequences } from './sequences.ts'

/** What happened on one track over a window. */
export interface Summary {
  readonly requests: number
  readonly failures: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  /** Counts by histogram bucket. */
  readonly latency: ReadonlyMap<number, number>
}

export interface WindowQuery {
  readonly track: Track
  readonly reasons: readonly Reason[]
  /** From (excluded) and to (included), milliseconds since the epoch. */
  readonly fromMs: number
  readonly toMs: number
  /** Reports of older routing intents speak about another revision. */
  readonly minGeneration: number
}

interface Slot {
  readonly startMs: number
  /** By generation, track and reason. */
  readonly series: Map<string, { readonly outcomes: Partial<Record<Outcome, number>>; readonly latency: Map<number, number> }>
}

/** A sidecar that has been silent for so long, and for longer than the book, repeats nothing that counts: it keeps five minutes. */
const silentMs = 900_000
const maxBoots = 20_000
/** Series of one slot: some intents, each with every track and reason. A sidecar that makes up more is not believed. */
const maxSeries = 256
/** A window has at most this many slots: an hour in seconds, longer windows in coarser slots. */
const maxSlots = 3600

/**
 * The reports of one Canary's sidecars, added up in slots of time. Addition makes the order of arrival harmless; a report counts
 * once, by (bootId, seq). Holds no more than `retentionMs`, which should be the longest window that is asked for.
 */
export class ReportBook {
  readonly #retentionMs: number
  readonly #slotMs: number
  readonly #slots = new Map<number, Slot>()
  readonly #boots = new Map<string, { heardAtMs: number; readonly counted: Sequences }>()

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
    this.#slotMs = Math.max(1000, Math.ceil(retentionMs / maxSlots / 1000) * 1000)
  }

  /** Counts a report of the routing intent `generation`, unless it was heard before or is older than the book. */
  add(report: Report, generation: number, receivedAtMs: number): 'counted' | 'repeated' | 'too old' {
    const atMs = receivedAtMs - Math.max(0, report.ageMs)
    if (!this.#isNew(report, receivedAtMs)) return 'repeated'
    if (atMs < receivedAtMs - this.#retentionMs) return 'too old'
    const startMs = Math.floor(atMs / this.#slotMs) * this.#slotMs
    const slot = this.#slots.get(startMs) ?? { startMs, series: new Map() }
    this.#slots.set(startMs, slot)
    for (const delta of report.series) addDelta(slot, generation, delta)
    this.#forget(receivedAtMs)
    return 'counted'
  }

  /** What one track did for one reason under intents from `minGeneration` on, slot by slot, oldest first. */
  history(track: Track, reason: Reason, minGeneration: number): readonly (Summary & { readonly atMs: number })[] {
    const startsMs = [...this.#slots.keys()].toSorted((a, b) => a - b)
    return startsMs.map((startMs) => {
      const atMs = startMs + this.#slotMs
      // From is excluded, to is included: one slot alone.
      return { atMs, ...this.sum({ track, reasons: [reason], fromMs: startMs, toMs: startMs, minGeneration }) }
    })
  }

  /** The sum over a window, in whole slots. */
  sum({ track, reasons, fromMs, toMs, minGeneration }: WindowQuery): Summary {
    const total: Partial<Record<Outcome, number>> = {}
    const histograms: Map<number, number>[] = []
    for (const slot of this.#slots.values()) {
      if (slot.startMs + this.#slotMs <= fromMs || slot.startMs > toMs) continue
      for (const [key, series] of slot.series) {
        const [generation = '', ofTrack, reason] = key.split(' ')
        if (ofTrack !== track || Number(generation) < minGeneration || !reasons.some((wanted) => wanted === reason)) continue
        for (const outcome of outcomes) if (series.outcomes[outcome]) total[outcome] = (total[outcome] ?? 0) + series.outcomes[outcome]
        histograms.push(series.latency)
      }
    }
    const count = (of: readonly Outcome[]): number => of.reduce((sum, outcome) => sum + (total[outcome] ?? 0), 0)
    return { requests: count(outcomes), failures: count(failureOutcomes), outcomes: total, latency: mergeHistograms(histograms) }
  }

  #isNew({ bootId, seq }: Report, nowMs: number): boolean {
    const boot = this.#boots.get(bootId) ?? { heardAtMs: nowMs, counted: new Sequences() }
    boot.heardAtMs = nowMs
    // The order of insertion is the order of the last report: the sidecar that has been silent for longest is forgotten first.
    this.#boots.delete(bootId)
    this.#boots.set(bootId, boot)
    for (const [oldest, { heardAtMs }] of this.#boots) {
      if (heardAtMs > nowMs - Math.max(silentMs, this.#retentionMs) && this.#boots.size <= maxBoots) break
      this.#boots.delete(oldest)
    }
    return boot.counted.add(seq)
  }

  /** Sidecars whose reports are told from repeated ones. */
  get callers(): number {
    return this.#boots.size
  }

  #forget(nowMs: number): void {
    for (const startMs of this.#slots.keys()) if (startMs + this.#slotMs < nowMs - this.#retentionMs) this.#slots.delete(startMs)
  }
}

function addDelta(slot: Slot, generation: number, delta: SeriesDelta): void {
  const key = `${generation} ${delta.track} ${delta.reason}`
  if (slot.series.size >= maxSeries && !slot.series.has(key)) return
  const series = slot.series.get(key) ?? { outcomes: {}, latency: new Map<number, number>() }
  slot.series.set(key, series)
  for (const outcome of outcomes) if (delta.outcomes[outcome]) series.outcomes[outcome] = (series.outcomes[outcome] ?? 0) + delta.outcomes[outcome]
  for (const [bucket, count] of delta.latency) series.latency.set(bucket, (series.latency.get(bucket) ?? 0) + count)
}
