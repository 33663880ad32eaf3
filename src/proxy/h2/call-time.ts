import type { Deadlines } from '../deadlines.ts'
import type { Engine } from '../engine.ts'
import type { Http2Request } from './gathered-request.ts'

/** How much earlier than its own deadline a caller's cancellation may come and still be the deadline: its clock began before ours. */
const slack = { share: 0.1, ms: 50, mostShare: 0.15 }
/** A caller that keeps no clock is told of its own deadline so much later. */
const graceMs = 1000

/**
 * How long one exchange and each of its attempts may last, and how long it has stood still. Answers: whose time is over: the attempt's, the
 * policy's, the caller's. Must not: end anything. All times but `startedAt` are on the clock of Deadlines.
 */
export class CallTime {
  /** On performance.now's clock. */
  readonly startedAt = performance.now()
  private deadline = Number.POSITIVE_INFINITY
  /** When the policy's time is over; it runs from the end of the request. */
  private timeLimit = Number.POSITIVE_INFINITY
  /** When the caller's is, by its own word. The sidecar that sent a hop looks at the clock. */
  private readonly callLimit: number
  /** When the client last moved: sent of its body, or took of its response. */
  private movedAt: number
  private readonly deadlines: Deadlines
  private readonly responseTimeoutMs: number
  private readonly request: Http2Request

  constructor({ deadlines, limits }: Engine, request: Http2Request) {
    this.deadlines = deadlines
    this.responseTimeoutMs = limits.responseTimeoutMs
    this.request = request
    this.movedAt = deadlines.now
    this.callLimit = request.timeoutMs === undefined || request.isHop ? Number.POSITIVE_INFINITY : deadlines.after(request.timeoutMs + graceMs)
  }

  /** The request has ended: the policy's time for it runs. */
  requestEnded(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return
    this.timeLimit = this.deadlines.after(timeoutMs)
    this.deadline = Math.min(this.deadline, this.timeLimit)
  }

  /** `perTryMs`: the policy's time for it. A call may be silent for as long as it likes: its caller has a deadline or wants none. */
  attemptBegins(perTryMs: number | undefined): void {
    const { isGrpc, timeoutMs } = this.request
    const attemptMs = perTryMs ?? (timeoutMs !== undefined || isGrpc ? Number.POSITIVE_INFINITY : this.responseTimeoutMs)
    this.deadline = Math.min(this.timeLimit, this.callLimit, this.deadlines.after(attemptMs))
  }

  /** By an answer, or for another one: from here on the limits of the whole count alone. */
  attemptEnds(): void {
    this.deadline = Math.min(this.timeLimit, this.callLimit)
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.deadline = Number.POSITIVE_INFINITY
    this.moved()
  }

  moved(): void {
    this.movedAt = this.deadlines.now
  }

  get stillMs(): number {
    return this.deadlines.now - this.movedAt
  }

  /** Whether some time is over; true once. */
  takeOver(): boolean {
    if (this.deadline > this.deadlines.now) return false
    this.deadline = Number.POSITIVE_INFINITY
    return true
  }

  get isPastPolicy(): boolean {
    return this.timeLimit <= this.deadlines.now
  }

  /** Whether no other attempt can help. */
  get isPastLimits(): boolean {
    return this.isPastPolicy || this.callLimit <= this.deadlines.now
  }

  /** Whether the caller's own time is over, as it counts it. */
  get isPastCall(): boolean {
    const { timeoutMs } = this.request
    if (timeoutMs === undefined) return false
    const slackMs = timeoutMs * slack.share + Math.min(slack.ms, timeoutMs * slack.mostShare)
    return performance.now() - this.startedAt >= timeoutMs - slackMs
  }
}
