import type { Deadlines } from './deadlines.ts'

/** What a client may take for its first bytes, whatever the rate. Kestrel's figure. Milliseconds. */
const graceMs = 5000

/**
 * How long a client may take for the next byte of a body that must not come slower than a rate. Only the time counts in which it is
 * waited for: an app that does not read is not the client's fault. Worked example at 100 bytes a second: after 300 bytes, of which the
 * last came after 2 s, it has 5 + 3 − 2 = 6 s for the next.
 */
export class BodyPace {
  private readonly deadlines: Deadlines
  private readonly bytesPerSecond: number
  private waitedMs = 0
  private waitsSince: number | undefined

  constructor(deadlines: Deadlines, bytesPerSecond: number) {
    this.deadlines = deadlines
    this.bytesPerSecond = bytesPerSecond
  }

  /** It is waited for from now on. */
  wait(): void {
    this.waitsSince ??= this.deadlines.now
  }

  /** It is waited for; so long at most. */
  patienceMs(readBytes: number): number {
    this.wait()
    const waitsMs = this.deadlines.now - (this.waitsSince ?? 0)
    return Math.max(0, graceMs + (1000 * readBytes) / this.bytesPerSecond - this.waitedMs - waitsMs)
  }

  /** Something has come. */
  took(): void {
    if (this.waitsSince !== undefined) this.waitedMs += this.deadlines.now - this.waitsSince
    this.waitsSince = undefined
  }
}
