import type { Deadlines } from '../deadlines.ts'
import type { Http2Request } from './gathered-request.ts'

/** How much earlier than its own deadline a caller's cancellation may come and still be the deadline: its clock began before ours. */
const slack = { share: 0.1, ms: 50, mostShare: 0.15 }
/** A caller that keeps no clock is told of its own deadline so much later. */
const graceMs = 1000

/** When a request is over by its caller's word, on the clock of Deadlines. The sidecar that sent a hop looks at the clock. */
export const callLimitOf = ({ timeoutMs, isHop }: Http2Request, deadlines: Deadlines): number =>
  timeoutMs === undefined || isHop ? Number.POSITIVE_INFINITY : deadlines.after(timeoutMs + graceMs)

/** How long one attempt may go without an answer. A call may be silent for as long as it likes: its caller has a deadline or wants none. */
export const attemptMs = ({ timeoutMs, isGrpc }: Http2Request, perTryMs: number | undefined, responseTimeoutMs: number): number =>
  perTryMs ?? (timeoutMs !== undefined || isGrpc ? Number.POSITIVE_INFINITY : responseTimeoutMs)

/** Whether the caller's own time is over, as it counts it. `startedAt` is on performance.now's clock. */
export function isPastDeadline({ timeoutMs }: Http2Request, startedAt: number): boolean {
  if (timeoutMs === undefined) return false
  const slackMs = timeoutMs * slack.share + Math.min(slack.ms, timeoutMs * slack.mostShare)
  return performance.now() - startedAt >= timeoutMs - slackMs
}
