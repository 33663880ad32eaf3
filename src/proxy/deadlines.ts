import { Crowd, type Seat } from './crowd.ts'

/**
 * All time-outs of all connections: a deadline is a number in a field, and one sweep looks at all of them. Setting and clearing
 * one, which each request does several times, costs an assignment; being up to two ticks late costs nobody anything.
 *
 * The clock stands still while this process does not run: a starved sidecar must not take its own silence for its peers'. Seen on a
 * node with a load of 20 on two cores: connections that the kernel had opened at once were given up after a second.
 */
export interface Timed {
  /** On the clock of `Deadlines.now`, milliseconds; Infinity = none. */
  deadline: number
  /** For Deadlines to keep. */
  seat?: Seat<Timed> | undefined
  onDeadline(): void
}

const tickMs = 100
/** Most that one sweep adds to the clock. */
const longestStepMs = 2 * tickMs

export class Deadlines {
  /** Milliseconds of running time, as of the last sweep. */
  now = 0
  /** What the clock said then: the time of those who do not stand still with this process. */
  sweptAt: number
  private readonly clock: () => number
  private readonly timed = new Crowd<Timed>()
  private timer: NodeJS.Timeout | undefined

  /** `clock` gives milliseconds that only rise. */
  constructor(clock: () => number = () => performance.now()) {
    this.clock = clock
    this.sweptAt = clock()
  }

  start(): void {
    this.sweptAt = this.clock()
    this.timer = setInterval(() => this.sweep(), tickMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
    this.timed.clear()
  }

  add(timed: Timed): void {
    timed.seat = this.timed.enter(timed)
  }

  delete(timed: Timed): void {
    if (timed.seat) this.timed.leave(timed.seat)
  }

  /** The deadline that is at least `ms` away. */
  after(ms: number): number {
    return this.now + tickMs + ms
  }

  private sweep(): void {
    const at = this.clock()
    const stepMs = at - this.sweptAt
    this.now += Math.min(stepMs, longestStepMs)
    this.sweptAt = at
    // What came while this process stood still lies in the sockets, and is read before anybody is told that it did not come.
    if (stepMs > longestStepMs) setImmediate(() => this.look())
    else this.look()
  }

  private look(): void {
    this.timed.forEach((timed) => {
      if (timed.deadline > this.now) return
      timed.deadline = Number.POSITIVE_INFINITY
      timed.onDeadline()
    })
  }
}
