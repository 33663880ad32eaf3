/**
 * Which endpoints of a track are left alone for a while because they fail. What they have failed is in the counts; fewer requests meet
 * them. Never more than half of a track: if most of it fails, the failure is the version's, and moving its requests together would
 * only add load to the rest (Envoy's panic threshold).
 *
 *   trusted ──five failures in a row──▶ ejected ──its time is over──▶ on probation ──a success──▶ trusted
 *                                          ▲──────five failures in a row, twice the time──────┘
 */

/** The record of one endpoint. */
export interface Health {
  failuresInRow: number
  ejections: number
  /** Left alone until then, on a steady clock in milliseconds; 0: trusted. */
  until: number
}

export const trusted = (): Health => ({ failuresInRow: 0, ejections: 0, until: 0 })

/** Envoy's default for consecutive errors. */
const tolerated = 5
/** The first ejection; each further one without a success between takes twice as long. */
const firstMs = 10_000
const longestMs = 300_000

/** One outcome of a request at the endpoint. */
export function note(health: Health, isFailure: boolean, now: number): void {
  if (!isFailure) {
    if (health.failuresInRow === 0 && health.ejections === 0) return
    health.failuresInRow = 0
    // What was under way when it was ejected may still succeed; that does not bring it back early.
    if (health.until <= now) health.ejections = 0
    return
  }
  health.failuresInRow += 1
  if (health.failuresInRow < tolerated || health.until > now) return
  health.failuresInRow = 0
  health.until = now + Math.min(longestMs, firstMs * 2 ** health.ejections)
  health.ejections += 1
}

/** Whether at most half of the endpoints are ejected, so that they can be left alone. */
export const canSpare = (endpoints: readonly Health[], now: number): boolean => endpoints.filter(({ until }) => until > now).length * 2 <= endpoints.length
