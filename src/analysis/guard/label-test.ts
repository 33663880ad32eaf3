/**
 * The label test. If the canary fails `nullRatio` times as often as the primary, a failed request carries the label "canary"
 * with odds share·nullRatio : 1 − share, whatever the failure rate itself does meanwhile. If it fails `ratio` times as often the
 * odds are share·ratio : 1 − share. Each failure multiplies the evidence by the likelihood ratio of its label:
 *
 *   ln e = x_c·ln(ratio/nullRatio) − x·[ln(1 + share·(ratio − 1)) − ln(1 + share·(nullRatio − 1))]
 *
 * Example: share .05, ratio 10 against 1: a failure of the canary is worth ln 10 − ln 1.45 = 1.93, one of the primary −0.37.
 * Lindon & Malek, Anytime-valid inference for multinomial count data, arXiv 2011.03567; Hoeffding 1963 §6 for shares that were counted.
 */
export function logLabelRatio(canaryFailures: number, failures: number, share: number, ratio: number, nullRatio = 1): number {
  if (failures === 0 || share <= 0 || share >= 1) return 0
  return canaryFailures * Math.log(ratio / nullRatio) - failures * (Math.log1p(share * (ratio - 1)) - Math.log1p(share * (nullRatio - 1)))
}

/** Bad events of the canary and of both tracks, and the canary's share of the requests. */
export interface Labelled {
  readonly canary: number
  readonly both: number
  readonly share: number
}

/**
 * The same where failures come in clusters: `dispersion` φ is E[m²]/E[m] of their sizes m, 1 for single ones. A failure that would multiply the
 * evidence by 1 + v multiplies it by
 *
 *   (1 + v)^(1/φ)  where it loses        1 + v/(φ + v·(φ − 1)/2)  where it wins
 *
 * A whole cluster then multiplies it by 1 + c·v on average or by less, with one c for wins and losses, whether all clusters have the size φ (c = 1) or their sizes
 * are geometric with a mean of (φ + 1)/2 (c = (φ + 1)/2φ). To divide the wins too is not enough: long clusters are so frequent that (1 + v)^(m/φ) has no mean.
 * Example: share .05, ratio 10, φ 9: v = 10/1.45 − 1 = 5.9, 1 + 5.9/(9 + 23.6) = 1.18: .166 nats a failure, .83 for five of them.
 */
export function logClusteredRatio({ canary, both, share }: Labelled, ratio: number, nullRatio: number, dispersion: number): number {
  if (dispersion <= 1) return logLabelRatio(canary, both, share, ratio, nullRatio)
  if (both === 0 || share <= 0 || share >= 1) return 0
  const r = (1 + share * (nullRatio - 1)) / (1 + share * (ratio - 1))
  const gain = (v: number): number => (v > 0 ? Math.log1p(v / (dispersion + (v * (dispersion - 1)) / 2)) : Math.log1p(v) / dispersion)
  return canary * gain((ratio / nullRatio) * r - 1) + (both - canary) * gain(r - 1)
}

/** Requests of both tracks in a tick and in all ticks so far, this one included, and the weight that was in force. */
export interface Split {
  readonly canaryRequests: number
  readonly requests: number
  readonly canaryRequestsSoFar: number
  readonly requestsSoFar: number
  readonly weight: number
  /** The weight says nothing about these requests. */
  readonly isOpen: boolean
}

/** A tick with so many expected requests of the canary is judged by the share that was counted. */
const enoughCanaryRequests = 4
/** The weight is believed as if so many requests of the canary had confirmed it. */
const priorCanaryRequests = 10

/**
 * The share to judge a tick by. A tick with some expected canary requests: the share that was counted, which holds for any
 * routing. A smaller one would carry little information that way (of one request the share is 0 or 1): the weight, or what the ticks so far say the share really is
 * where that is less favourable to the claim. The choice rests on counts of requests alone, never on failures.
 */
export function shareOf({ canaryRequests, requests, canaryRequestsSoFar, requestsSoFar, weight, isOpen }: Split, claim: 'worse' | 'no worse'): number {
  if (isOpen) return requests === 0 ? 0 : canaryRequests / requests
  if (requests === 0) return weight
  if (isCountable(requests, weight)) return canaryRequests / requests
  const soFar = (canaryRequestsSoFar + priorCanaryRequests) / (requestsSoFar + priorCanaryRequests / weight)
  return claim === 'worse' ? Math.max(weight, soFar) : Math.min(weight, soFar)
}

export const isCountable = (requests: number, weight: number): boolean => requests * weight >= enoughCanaryRequests
