import type { Seat } from './crowd.ts'
import type { Deadlines, Timed } from './deadlines.ts'

/** A limit of a whole request, beside the deadlines of its connections. Only requests whose policy sets one have it. */
export class TimeLimit implements Timed {
  deadline = Number.POSITIVE_INFINITY
  seat: Seat<Timed> | undefined
  readonly onDeadline: () => void
  private readonly deadlines: Deadlines
  private readonly ms: number

  constructor(deadlines: Deadlines, ms: number, onDeadline: () => void) {
    this.deadlines = deadlines
    this.ms = ms
    this.onDeadline = onDeadline
  }

  /** Its time runs from the first call on. */
  start(): void {
    if (this.deadline !== Number.POSITIVE_INFINITY) return
    this.deadline = this.deadlines.after(this.ms)
    this.deadlines.add(this)
  }

  stop(): void {
    this.deadlines.delete(this)
  }
}
