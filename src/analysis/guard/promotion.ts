import { logLabelRatio, type Labelled } from './label-test.ts'
import { logSumExp, settled } from './mixture.ts'

/** What may be chosen about promotion on evidence. */
export interface PromotionSettings {
  /** The chance that a canary is ever passed although it is as bad as the next two say. In (0, 1). */
  readonly beta: number
  /** A canary that fails this many times as often as the primary must not pass … unless it keeps below `maxFailureRate`. Above 1. */
  readonly worseRatio: number
  /** The failure rate that counts as too much, whatever the primary does. 0: none, only the comparison counts. Flagger's success rate of 99 % is .01. */
  readonly maxFailureRate: number
}

/**
 * beta: one in twenty; at the same time the guard goes on watching with alpha.
 * worseRatio: twice as bad. Closer to 1 costs with the square: 1.5 needs four times the requests.
 * maxFailureRate: Flagger's usual 99 %. Without failures it takes 300 requests of the canary, where the comparison takes thousands.
 */
export const defaultPromotionSettings: PromotionSettings = { beta: 0.05, worseRatio: 2, maxFailureRate: 0.01 }

/** Evidence against "this canary is bad", as ln of each alternative's likelihood ratio. */
export interface PromotionState {
  /** Against "fails worseRatio times as often", and the same for the requests that are slower than the primary's 90th percentile. */
  readonly failures: readonly number[]
  readonly latency: readonly number[]
  /** Against "fails maxFailureRate of its requests". */
  readonly rate: readonly number[]
}

/** What the canary's true ratio may be, as a part of the ratio that must not pass: .25 to .7 of it. Equal health at a ratio of 2 is .5. */
const healthyParts = [0.25, 0.4, 0.5, 0.625]
const healthyRateParts = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6]

const zeros = (parts: readonly number[]): readonly number[] => parts.map(() => 0)
export const startPromotion = (): PromotionState => ({ failures: zeros(healthyParts), latency: zeros(healthyParts), rate: zeros(healthyRateParts) })

/** The same label test as for the abort, read the other way: the canary is claimed to be no worse. */
export const feedComparison = (logs: readonly number[], { canary, both, share }: Labelled, worseRatio: number, dispersion: number): readonly number[] =>
  both === 0 ? logs : logs.map((log, at) => settled(log + logLabelRatio(canary, both, share, worseRatio * (healthyParts[at] ?? 1), worseRatio) / dispersion))

/**
 * The canary alone against a fixed rate: ln e = x·ln(p/max) + (n − x)·ln((1 − p)/(1 − max)).
 * Without failures, p = .1 % and max = 1 %: ln 20 after 2.996/.00905 = 331 requests (the rule of three says 300).
 */
export function feedRate(logs: readonly number[], requests: number, events: number, maxFailureRate: number, dispersion: number): readonly number[] {
  if (maxFailureRate <= 0 || maxFailureRate >= 1) return logs
  return logs.map((log, at) => {
    const rate = maxFailureRate * (healthyRateParts[at] ?? 1)
    return settled(log + (events * Math.log(rate / maxFailureRate) + (requests - events) * (Math.log1p(-rate) - Math.log1p(-maxFailureRate))) / dispersion)
  })
}

/** ln of the evidence: the mean over alternatives. */
export const logMean = (logs: readonly number[]): number => logSumExp(logs) - Math.log(logs.length)
