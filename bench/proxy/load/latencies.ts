/** Share of requests that `slowest` tells. */
const slowestShare = 0.01

/** Latencies in microseconds, all of them: at the rates of one core a minute is less than a million. */
export class Latencies {
  private values: Float64Array<ArrayBuffer> = new Float64Array(65_536)
  private dueAt: Float64Array<ArrayBuffer> = new Float64Array(65_536)
  count = 0

  /** `dueAt` on performance.now's clock. */
  add(us: number, dueAt: number): void {
    if (this.count === this.values.length) {
      this.values = doubled(this.values)
      this.dueAt = doubled(this.dueAt)
    }
    this.values[this.count] = us
    this.dueAt[this.count] = dueAt
    this.count += 1
  }

  /** The slowest hundredth: when each was due, milliseconds since 1970, and its latency. */
  slowest(): readonly (readonly [dueAt: number, us: number])[] {
    const least = this.values.slice(0, this.count).sort()[Math.floor(this.count * (1 - slowestShare))] ?? 0
    const found: (readonly [number, number])[] = []
    for (let index = 0; index < this.count; index += 1) {
      const us = this.values[index] ?? 0
      if (us >= least) found.push([performance.timeOrigin + (this.dueAt[index] ?? 0), us])
    }
    return found
  }

  /** The quantiles, nearest rank; 0 where nothing was measured. */
  quantiles(): { readonly p50: number; readonly p99: number; readonly p999: number } {
    const sorted = this.values.slice(0, this.count).sort()
    const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * this.count) - 1)] ?? 0
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  }
}

function doubled(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2)
  larger.set(values)
  return larger
}
