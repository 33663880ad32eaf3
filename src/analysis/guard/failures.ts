import { logClusteredRatio, type Labelled } from './label-test.ts'

/**
 * Risk ratios that the evidence is spread over, with their parts of it. A version with ten times as many failures and more is the one that seconds count for:
 * what it pays for the others is ln(19/5) = 1.3 nats, where eight even parts cost 2.1. More ratios between these gain less than they cost.
 */
const grid: readonly (readonly [ratio: number, part: number])[] = [[1.5, 1], [2, 2], [4, 3], [10, 4], [30, 5], [100, 4]]
const ratios = grid.map(([ratio]) => ratio)

/**
 * Alternatives strictly above the tolerance: one below it would count health as evidence of harm. They keep the spacing of the grid.
 * Tolerance 1.25 → the six ratios; 2 → 4, 10, 30, 100.
 */
export const alternativesAbove = (tolerance: number): readonly number[] => {
  const above = ratios.filter((ratio) => ratio > tolerance * 1.1)
  return above.length > 0 ? above : [tolerance * 2]
}

/** The mass of each of these alternatives. */
export function massesAbove(tolerance: number): readonly number[] {
  const parts = alternativesAbove(tolerance).map((ratio) => grid.find(([known]) => known === ratio)?.[1] ?? 1)
  const total = parts.reduce((sum, part) => sum + part, 0)
  return parts.map((part) => part / total)
}

/** ln e of one tick for each alternative. `dispersion` ≥ 1 is how many failures come as one. */
export const failureIncrements = (labelled: Labelled, tolerance: number, dispersion: number): readonly number[] =>
  alternativesAbove(tolerance).map((ratio) => logClusteredRatio(labelled, ratio, tolerance, dispersion))
