/** Latencies in microseconds, all of them: at the rates of one core a few seconds are less than a million. */
export class Latencies {
  private values = new Float64Array(65_536)
  count = 0

  add(us: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(this.count * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.count] = us
    this.count += 1
  }

  /** The quantiles, nearest rank; 0 where nothing was measured. */
  quantiles(): { readonly p50: number; readonly p99: number; readonly p999: number } {
    const sorted = this.values.slice(0, this.count).sort()
    const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * this.count) - 1)] ?? 0
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  }
}
