import { logClusteredRatio, type Labelled } from './label-test.ts'

/** Risk ratios that the evidence is spread over. The widest is worth 5.7 nats a failure at small weights. */
const ratios = [1.5, 2, 3, 5, 10, 30, 100, 300]

/**
 * Alternatives strictly above the tolerance: one below it would count health as evidence of harm. They keep the spacing of the grid.
 * Tolerance 1.25 → the eight ratios; 2 → 3, 5, … 300.
 */
export const alternativesAbove = (tolerance: number): readonly number[] => {
  const above = ratios.filter((ratio) => ratio > tolerance * 1.1)
  return above.length > 0 ? above : [tolerance * 2]
}

/** ln e of one tick for each alternative. `dispersion` ≥ 1 is how many failures come as one. */
export const failureIncrements = (labelled: Labelled, tolerance: number, dispersion: number): readonly number[] =>
  alternativesAbove(tolerance).map((ratio) => logClusteredRatio(labelled, ratio, tolerance, dispersion))
