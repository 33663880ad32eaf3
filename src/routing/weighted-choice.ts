/**
 * The weighted choice is an accumulator, not a coin: each request adds the weight, and each time the sum passes the whole, the
 * canary gets that request. Over any run of requests the canary's count differs from the sum of the weights by less than one,
 * where a coin at 5 % of 1,000 requests would give 50 ± 7. It is smooth weighted round robin for two tracks.
 * Worked example, phase 0, weight 40 %: sums .4 .8 1.2→.2 .6 1.0→0, so requests 3 and 5 of each five.
 */

/** The whole, in millionths: whole numbers, so that the sum never drifts. A weight counts to four decimals of a percent. */
export const whole = 1_000_000

/** The weight as this file counts it. */
export const weightParts = (percent: number): number => Math.round(percent * (whole / 100))

/** Where a sidecar's accumulator starts, from a random number in [0, 1): else all sidecars would send their canary request at once. */
export const randomPhase = (random: number): number => Math.floor(random * whole)

/** The accumulator after one more request: `next` is the new value, which has passed the whole when it is below `accumulator + parts`. */
export function advancePhase(accumulator: number, parts: number): number {
  const sum = accumulator + parts
  return sum >= whole ? sum - whole : sum
}

/** Whether the step from `before` to `after` gave the request to the canary. */
export const passedWhole = (before: number, after: number, parts: number): boolean => after !== before + parts

/** Where a sidecar's choices stand. It outlives tables, so that many small steps stay exact. */
export interface Phase {
  accumulator: number
  /** Requests that the canary has had beyond its share, because their users are held there; below 0: that it lacks. */
  ahead?: number
}

/** Moves on by one request; whether the canary is to have it. */
export function drawCanary(phase: Phase, parts: number): boolean {
  const before = phase.accumulator
  phase.accumulator = advancePhase(before, parts)
  return passedWhole(before, phase.accumulator, parts)
}

/** No more of the past than this is made good, requests: one busy user shall not decide for everybody for long. */
const longestMemory = 64

/**
 * The same where some users are held. A held request is no choice, but it counts: what the held ones are more or less than the share
 * is made good with those who can still be chosen for. Without this each request of a user who is not held would be another draw, and
 * soon everybody would be on the canary.
 */
export function countHeld(phase: Phase, parts: number, isCanary: boolean): void {
  const isDue = drawCanary(phase, parts)
  phase.ahead = Math.max(-longestMemory, Math.min(longestMemory, (phase.ahead ?? 0) + Number(isCanary) - Number(isDue)))
}

/** The choice for one who is not held. */
export function drawBesideHeld(phase: Phase, parts: number): boolean {
  const isDue = drawCanary(phase, parts)
  const ahead = phase.ahead ?? 0
  if (isDue && ahead > 0) {
    phase.ahead = ahead - 1
    return false
  }
  if (!isDue && ahead < 0) {
    phase.ahead = ahead + 1
    return true
  }
  return isDue
}
