import { logLabelRatio } from './label-test.ts'
import { evenMasses, feedMixture, type Mixture, startMixture } from './mixture.ts'

/**
 * Sample-ratio mismatch: does the canary get the share of requests that it should? The label test again, with every request as an
 * event. A split that is off by more than a tenth points at a fault between weight and traffic (requests that vanish, a table that was
 * not taken over), and then no comparison of the tracks can be trusted. Fabijan et al., KDD 2019, for what causes it.
 */
export const splitTolerance = 1.1
/** The chance that an honest split is ever called broken. */
export const splitAlpha = 1e-4

const more = [1.25, 1.5, 2, 4]
const less = more.map((ratio) => 1 / ratio)

export const startSplit = (): Mixture => startMixture(evenMasses(more.length + less.length))

export function feedSplit(split: Mixture, canaryRequests: number, requests: number, weight: number): Mixture {
  const against = (nullRatio: number) => (ratio: number): number => logLabelRatio(canaryRequests, requests, weight, ratio, nullRatio)
  return feedMixture(split, [...more.map(against(splitTolerance)), ...less.map(against(1 / splitTolerance))])
}
