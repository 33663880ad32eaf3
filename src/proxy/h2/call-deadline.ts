import type { Deadlines } from '../deadlines.ts'
import type { Http2Request } from './gathered-request.ts'

/** How much earlier than its own deadline a caller's cancellation may come and still be the deadline: its clock began before ours. */
const slack = { share: 0.1, ms: 50, mostShare: 0.15 }
/** A caller that keeps no clock is told of its own deadline so much later. */
const graceMs = 1000

/** When a request without an answer is over, on the clock of Deadlines: by its caller's word, else by our own limit. */
export function firstDeadline({ timeoutMs, isHop, isGrpc }: Http2Request, deadlines: Deadlines, responseTimeoutMs: number): number {
  // The sidecar that sent a hop looks at the clock.
  if (timeoutMs !== undefined) return isHop ? Number.POSITIVE_INFINITY : deadlines.after(timeoutMs + graceMs)
  // A call may be silent for as long as it likes: its caller has a deadline or wants none.
  return isGrpc ? Number.POSITIVE_INFINITY : deadlines.after(responseTimeoutMs)
}

/** Whether the caller's own time is over, as it counts it. `startedAt` is on performance.now's clock. */
export function isPastDeadline({ timeoutMs }: Http2Request, startedAt: number): boolean {
  if (timeoutMs === undefined) return false
  const slackMs = timeoutMs * slack.share + Math.min(slack.ms, timeoutMs * slack.mostShare)
  return performance.now() - startedAt >= timeoutMs - slackMs
}
