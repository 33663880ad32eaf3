/**
 * All time-outs of all connections: a deadline is a number in a field, and one sweep looks at all of them. Setting and clearing
 * one, which each request does several times, costs an assignment; being up to two ticks late costs nobody anything.
 */
export interface Timed {
  /** On the clock of `Deadlines.now`, milliseconds; Infinity = none. */
  deadline: number
  onDeadline(): void
}

const tickMs = 100

export class Deadlines {
  /** Milliseconds, as of the last sweep. */
  now = performance.now()
  private readonly timed = new Set<Timed>()
  private timer: NodeJS.Timeout | undefined

  start(): void {
    this.timer = setInterval(() => this.sweep(), tickMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
    this.timed.clear()
  }

  add(timed: Timed): void {
    this.timed.add(timed)
  }

  delete(timed: Timed): void {
    this.timed.delete(timed)
  }

  /** The deadline that is at least `ms` away. */
  after(ms: number): number {
    return this.now + tickMs + ms
  }

  private sweep(): void {
    this.now = performance.now()
    for (const timed of this.timed) {
      if (timed.deadline > this.now) continue
      timed.deadline = Number.POSITIVE_INFINITY
      timed.onDeadline()
    }
  }
}
