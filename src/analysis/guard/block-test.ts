/** What was counted of one track in a block: `hits` of `requests`. */
export interface Hits {
  readonly requests: number
  readonly hits: number
}

/**
 * The block test, for events that are frequent: requests slower than the primary's median are half of all. Before the block is
 * looked at, a guess is made of both rates: θ_p for the primary, and θ_c for the canary, whose odds are `oddsRatio` times as high.
 * θ_0 is their mean, weighted with the requests of the block. The evidence is the likelihood ratio against θ_0 for both:
 *
 *   ln S = x_c·ln(θ_c/θ_0) + (n_c−x_c)·ln((1−θ_c)/(1−θ_0)) + the same for the primary
 *
 * Its expectation is at most 1 for every common rate, and for every canary that is faster, however wrong the guess was: a wrong guess only wins less.
 * Example: one request each, θ_p 1/3, ratio 4: θ_c = 2/3, θ_0 = 1/2; the canary's is slow and the primary's is not: S = (4/3)².
 * Turner, Ly & Grünwald, Generic E-variables for exact sequential k-sample tests, arXiv 2106.02693.
 */
export function logBlockRatio(canary: Hits, primary: Hits, primaryRate: number, oddsRatio: number): number {
  if (canary.requests === 0 || primary.requests === 0) return 0
  const ofPrimary = Math.min(1 - 1e-6, Math.max(1e-6, primaryRate))
  const odds = (oddsRatio * ofPrimary) / (1 - ofPrimary)
  const ofCanary = odds / (1 + odds)
  const mean = (canary.requests * ofCanary + primary.requests * ofPrimary) / (canary.requests + primary.requests)
  return gain(canary, ofCanary, mean) + gain(primary, ofPrimary, mean)
}

const gain = ({ requests, hits }: Hits, guess: number, mean: number): number => hits * Math.log(guess / mean) + (requests - hits) * Math.log((1 - guess) / (1 - mean))
