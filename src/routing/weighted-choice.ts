/**
 * The weighted choice is an accumulator, not a coin: each request adds the weight, and each time the sum passes the whole, the
 * canary gets that request. Over any run of requests the canary's count differs from the sum of the weights by less than one,
 * where a coin at 5 % of 1,000 requests would give 50 ± 7. It is smooth weighted round robin for two tracks.
 * Worked example, phase 0, weight 40 %: sums .4 .8 1.2→.2 .6 1.0→0, so requests 3 and 5 of each five.
 */

/** The whole, in millionths: whole numbers, so that the sum never drifts. A weight counts to four decimals of a percent. */
const whole = 1_000_000

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
