/**
 * How long a container waits before it is started again: at once after its first end, then 1 s, 2 s, 4 s, … at most 16 s.
 * The kubelet's scheme with a tenth of its base of 10 s and less of a ceiling, since people watch. A run of a minute forgives all.
 */
const baseMs = 1000
const ceilingMs = 16_000
const forgivingRunMs = 60_000

export interface BackOff {
  /** Ends in a row, each soon after its start. */
  readonly ends: number
}

export const noBackOff: BackOff = { ends: 0 }

export const advanceBackOff = (backOff: BackOff, ranMs: number): BackOff => ({ ends: ranMs >= forgivingRunMs ? 1 : backOff.ends + 1 })

/** Wait before the next start, milliseconds. */
export const backOffMs = ({ ends }: BackOff): number => (ends <= 1 ? 0 : Math.min(ceilingMs, baseMs * 2 ** (ends - 2)))
