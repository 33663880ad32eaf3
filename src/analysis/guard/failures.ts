import { logClusteredRatio, type Labelled } from './label-test.ts'
import { feedMixture, startMixture, type Mixture } from './mixture.ts'

/** Risk ratios that the evidence is spread over, and the mass of each. The masses sum to 1. */
export interface Alternatives {
  readonly ratios: readonly number[]
  readonly masses: readonly number[]
}

/**
 * Where nothing else is said, ratios with their parts of the mass. A version with ten times as many failures and more is the one that seconds count for:
 * what it pays for the others is ln(19/5) = 1.3 nats, where eight even parts cost 2.1. More ratios between these gain less than they cost.
 */
const grid: readonly (readonly [ratio: number, part: number])[] = [[1.5, 1], [2, 2], [4, 3], [10, 4], [30, 5], [100, 4]]

/**
 * Alternatives strictly above the tolerance: one below it would count health as evidence of harm. They keep the spacing of the grid.
 * Tolerance 1.25 → the six ratios; 2 → 4, 10, 30, 100.
 */
export function alternativesAbove(tolerance: number): Alternatives {
  const above = grid.filter(([ratio]) => ratio > tolerance * 1.1)
  if (above.length === 0) return { ratios: [tolerance * 2], masses: [1] }
  const total = above.reduce((sum, [, part]) => sum + part, 0)
  return { ratios: above.map(([ratio]) => ratio), masses: above.map(([, part]) => part / total) }
}

export const startFailures = (tolerance: number, { masses } = alternativesAbove(tolerance)): Mixture => startMixture(masses)

/** One tick of failures. `dispersion` ≥ 1 is how many failures come as one; the alternatives are those of the start. */
export const feedFailures = (evidence: Mixture, labelled: Labelled, tolerance: number, dispersion: number, { ratios, masses } = alternativesAbove(tolerance)): Mixture =>
  feedMixture(evidence, ratios.map((ratio) => logClusteredRatio(labelled, ratio, tolerance, dispersion)), masses)
