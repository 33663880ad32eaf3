/** By how much the ages of connections differ, as a share, so that those that came together do not leave together. gRPC's figure (proposal A9). */
const jitter = 0.1

/**
 * From when on a connection that begins now had better be replaced; on the clock of `Deadlines`. A Service shares out connections, not
 * requests: clients that keep theirs for ever never come to pods that are added. Infinity where `maxAgeMs` is 0.
 * `random` gives numbers in [0, 1).
 */
export const retirementOf = (maxAgeMs: number, now: number, random: () => number): number =>
  maxAgeMs === 0 ? Number.POSITIVE_INFINITY : now + maxAgeMs * (1 - jitter + 2 * jitter * random())
