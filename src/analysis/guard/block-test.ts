/** What was counted of one track in a block: `hits` of `requests`. */
export interface Hits {
  readonly requests: number
  readonly hits: number
}

/**
 * The block test, for events that are frequent: requests slower than the primary's median are half of all. Before the block is
 * looked at, a guess is made of both rates, θ_c for the canary and θ_p for the primary, whose mean θ_0, weighted with the requests of
 * the block, is the rate seen so far and whose odds differ by `oddsRatio`. The evidence is the likelihood ratio against θ_0 for both:
 *
 *   ln S = x_c·ln(θ_c/θ_0) + (n_c−x_c)·ln((1−θ_c)/(1−θ_0)) + the same for the primary
 *
 * Its expectation is at most 1 for every common rate, and for every canary that is faster, however wrong the guess was.
 * Turner, Ly & Grünwald, Generic E-variables for exact sequential k-sample tests, arXiv 2106.02693.
 */
export function logBlockRatio(canary: Hits, primary: Hits, rate: number, oddsRatio: number): number {
  const requests = canary.requests + primary.requests
  if (canary.requests === 0 || primary.requests === 0) return 0
  const mean = Math.min(1 - 1e-6, Math.max(1e-6, rate))
  const odds = primaryOdds(canary.requests / requests, mean, oddsRatio)
  return gain(canary, (oddsRatio * odds) / (1 + oddsRatio * odds), mean) + gain(primary, odds / (1 + odds), mean)
}

const gain = ({ requests, hits }: Hits, guess: number, mean: number): number => hits * Math.log(guess / mean) + (requests - hits) * Math.log((1 - guess) / (1 - mean))

/**
 * The odds o of the primary with share·ψo/(1+ψo) + (1−share)·o/(1+o) = mean: the positive root of
 * ψ(1−mean)·o² + (1 + share(ψ−1) − mean(1+ψ))·o − mean = 0, in the form that loses no digits.
 * Example: share .5, mean .5, ψ 4: 2o² + 0·o − .5 = 0, o = .5: the primary at 1/3, the canary at 2/3.
 */
function primaryOdds(share: number, mean: number, oddsRatio: number): number {
  const a = oddsRatio * (1 - mean)
  const b = 1 + share * (oddsRatio - 1) - mean * (1 + oddsRatio)
  const root = Math.sqrt(b * b + 4 * a * mean)
  return b > 0 ? (2 * mean) / (b + root) : (root - b) / (2 * a)
}
