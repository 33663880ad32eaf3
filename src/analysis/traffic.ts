/** Traffic is measured over this long, milliseconds. */
const windowMs = 60_000
/** Callers whose last report is remembered; of more the one that has been silent for longest is forgotten. */
const maxCallers = 20_000

/**
 * How many requests a second come, from reports that speak about intervals of any length: a second each during an analysis, ten at rest, less
 * where something failed. An interval begins where the same caller's report before it ended; the first of a caller says nothing.
 */
export class TrafficMeter {
  readonly #endedAt = new Map<string, number>()
  readonly #seconds = new Map<number, { readonly startMs: number; readonly endMs: number; readonly requests: number }>()

  /** `endMs`: the end of the interval. */
  add(caller: string, endMs: number, requests: number): void {
    const startMs = this.#endedAt.get(caller)
    if (startMs !== undefined && startMs >= endMs) return
    this.#endedAt.delete(caller)
    this.#endedAt.set(caller, endMs)
    const [silent] = this.#endedAt.keys()
    if (this.#endedAt.size > maxCallers && silent !== undefined) this.#endedAt.delete(silent)
    // After a long silence nobody knows when they came.
    if (startMs === undefined || endMs - startMs > windowMs) return
    const second = Math.floor(endMs / 1000)
    const known = this.#seconds.get(second) ?? { startMs, endMs, requests: 0 }
    this.#seconds.set(second, { startMs: Math.min(startMs, known.startMs), endMs: Math.max(endMs, known.endMs), requests: known.requests + requests })
  }

  /** 0 where nothing is known. */
  perSecond(nowMs: number): number {
    for (const [second, { endMs }] of this.#seconds) if (endMs <= nowMs - windowMs) this.#seconds.delete(second)
    const parts = [...this.#seconds.values()]
    if (parts.length === 0) return 0
    const spanMs = Math.max(...parts.map(({ endMs }) => endMs)) - Math.min(...parts.map(({ startMs }) => startMs))
    return parts.reduce((sum, { requests }) => sum + requests, 0) / (spanMs / 1000)
  }
}
