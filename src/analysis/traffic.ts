/** Traffic is measured over this long, milliseconds. */
const windowMs = 60_000
/** Forgotten in one go when there are so many, twice the window's. */
const maxSeconds = 120

/**
 * How many requests a second come, from reports that speak about intervals of any length: a second each during an analysis, ten at rest, less
 * where something failed. Each says how long its interval was; what lies between the first beginning and the last end is the time in which
 * they came, whoever reports.
 */
export class TrafficMeter {
  readonly #seconds = new Map<number, { readonly startMs: number; readonly endMs: number; readonly requests: number }>()
  #newestMs = 0

  /** A report that was not counted before. `endMs`: the end of its interval; `spanMs`: how long it was. One that does not say it tells nothing here. */
  add(endMs: number, spanMs: number | undefined, requests: number): void {
    // Of a very long one nobody knows when they came.
    if (spanMs === undefined || spanMs > windowMs) return
    const second = Math.floor(endMs / 1000)
    const startMs = endMs - spanMs
    const known = this.#seconds.get(second) ?? { startMs, endMs, requests: 0 }
    this.#seconds.set(second, { startMs: Math.min(startMs, known.startMs), endMs: Math.max(endMs, known.endMs), requests: known.requests + requests })
    this.#newestMs = Math.max(this.#newestMs, endMs)
    // At rest nobody asks, for weeks.
    if (this.#seconds.size > maxSeconds) this.#forget(this.#newestMs)
  }

  /** Seconds that are held. */
  get size(): number {
    return this.#seconds.size
  }

  /** 0 where nothing is known. */
  perSecond(nowMs: number): number {
    this.#forget(nowMs)
    const parts = [...this.#seconds.values()]
    if (parts.length === 0) return 0
    const spanMs = Math.max(...parts.map(({ endMs }) => endMs)) - Math.min(...parts.map(({ startMs }) => startMs))
    return spanMs === 0 ? 0 : parts.reduce((sum, { requests }) => sum + requests, 0) / (spanMs / 1000)
  }

  #forget(nowMs: number): void {
    for (const [second, { endMs }] of this.#seconds) if (endMs <= nowMs - windowMs) this.#seconds.delete(second)
  }
}
