/**
 * The weighted choice: of each block of requests the canary gets exactly its share, at places that chance picks anew for each block.
 * A coin at 5 % of 1,000 requests gives 50 ± 7; taking every twentieth gives 50, but a client that sends the same twenty requests in turn
 * would always send the same one to the canary, and a comparison of the two tracks would compare requests, not versions.
 *
 * A block is as long as it takes for the share to be a whole number: 10 % is 1 of 10, 40 % is 2 of 5, 47 % is 47 of 100. Within it requests
 * are taken as they come (selection sampling, Knuth, TAOCP 2, 3.4.2, algorithm S): each request of the block has the same chance.
 * Worked example, 40 %, random numbers .5 .1 .9 .3 .2: 2 of 5, .5 is not below 2/5; .1 below 2/4, taken; .9 not below 1/3; .3 below 1/2,
 * taken; .2 not below 0/1.
 */

/** The whole, in millionths: whole numbers, so that the sum never drifts. A weight counts to four decimals of a percent. */
export const whole = 1_000_000

/** The weight as this file counts it. */
export const weightParts = (percent: number): number => Math.round(percent * (whole / 100))

/** Longest block for a share that many requests make whole: within a block the count may be off by half of it at the very worst. */
const longestBlock = 100
/** So many of the canary's requests may be in one block however long it is: small weights are whole only in long ones. */
const mostInLongBlock = 10

/** Where a sidecar's choices stand. It outlives tables: a table that keeps the weight goes on in the block. */
export interface Phase {
  /** Gives numbers in [0, 1). */
  readonly random: () => number
  /** The weight of the block, its length, and what is left of it: requests, and those of them that are the canary's. */
  parts: number
  length: number
  left: number
  picks: number
  /** What a block of this length cannot give because it is no whole request: given later. In parts. */
  owed: number
  /** Requests that the canary has had beyond its share, because their users are held there; below 0: that it lacks. */
  ahead: number
}

/** `random` gives numbers in [0, 1). */
export const newPhase = (random: () => number): Phase => ({ random, parts: 0, length: 0, left: 0, picks: 0, owed: 0, ahead: 0 })

/** Moves on by one request; whether the canary is to have it. `parts` is above 0. */
export function drawCanary(phase: Phase, parts: number): boolean {
  if (parts >= whole) return true
  if (phase.parts !== parts) changeWeight(phase, parts)
  if (phase.left === 0) beginBlock(phase)
  const isCanary = phase.random() * phase.left < phase.picks
  phase.left -= 1
  if (isCanary) phase.picks -= 1
  return isCanary
}

/** What was left of the old block is let go: it is as likely too much as too little. */
function changeWeight(phase: Phase, parts: number): void {
  phase.parts = parts
  phase.length = blockLength(parts)
  phase.left = 0
  phase.owed = Math.floor(phase.random() * whole)
}

function beginBlock(phase: Phase): void {
  const { parts, length, owed } = phase
  const due = length * parts + (isWhole(parts, length) ? 0 : owed)
  phase.left = length
  phase.picks = Math.floor(due / whole)
  phase.owed = due % whole
}

/** Requests in which the share is a whole number, or of which many make it nearly so. */
function blockLength(parts: number): number {
  const exact = whole / greatestDivisor(parts, whole)
  if (exact <= longestBlock || (exact * parts) / whole <= mostInLongBlock) return exact
  return Math.max(longestBlock, Math.ceil(whole / parts))
}

const isWhole = (parts: number, length: number): boolean => (parts * length) % whole === 0

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other)
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
  phase.ahead = Math.max(-longestMemory, Math.min(longestMemory, phase.ahead + Number(isCanary) - Number(isDue)))
}

/** The choice for one who is not held. */
export function drawBesideHeld(phase: Phase, parts: number): boolean {
  const isDue = drawCanary(phase, parts)
  const { ahead } = phase
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
