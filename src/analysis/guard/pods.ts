import { logLabelRatio } from './label-test.ts'
import { logSumExp } from './mixture.ts'

/**
 * Leave one pod out. A pod is called sick, and the version is not condemned for it, only if its fellows speak for the version: their own
 * evidence is too little to condemn anything, and what they served shows them to be healthy rather than as bad as the canary is as a whole.
 * Little data from them therefore condemns the version. Counts cover the present excursion, from the moment the evidence left its floor: a
 * fault after an hour of health is not diluted by that hour. What is left out restrains an abort and never causes one, so the promise
 * about false alarms stands.
 */
export interface PodBook {
  readonly primary: PodCounts
  readonly pods: Readonly<Record<string, PodCounts>>
}
export type PodCounts = readonly [requests: number, bad: number]

/** Pods beyond these are not told apart; of so many one alone does not carry the evidence. */
const maxPods = 8
/** What counts as shown: 20 : 1. */
const enough = Math.log(20)
const ratios = [2, 3, 5, 10, 30, 100, 300]

const none: PodCounts = [0, 0]
export const startPods = (): PodBook => ({ primary: none, pods: {} })

export function feedPods(book: PodBook, primary: PodCounts, pods: PodBook['pods']): PodBook {
  const known = { ...book.pods }
  for (const [name, counts] of Object.entries(pods)) {
    if (name in known || Object.keys(known).length < maxPods) known[name] = added(known[name], counts)
  }
  return { primary: added(book.primary, primary), pods: known }
}

/** The pod that is sick while the others are not, if there is one; of several the one without which the least is left. A single pod is the version. */
export function sickPod({ primary, pods }: PodBook, tolerance: number, dispersion: number): string | undefined {
  const served = Object.entries(pods).filter(([, [requests]]) => requests > 0)
  if (served.length < 2) return undefined
  const all = served.reduce<PodCounts>((sum, [, counts]) => added(sum, counts), none)
  const without = served.map(([name, [requests, bad]]) => ({ name, rest: [all[0] - requests, all[1] - bad] as const }))
  const left = without.map(({ name, rest }) => ({ name, rest, evidence: evidence(rest, primary, tolerance) / dispersion }))
  const [worst] = left.toSorted((a, b) => a.evidence - b.evidence)
  if (!worst || worst.evidence >= enough) return undefined
  // Any of them could have been the one that chance has picked, so each must be shown at its part of the risk.
  const isShown = health(worst.rest, all, primary, tolerance) / dispersion >= enough + Math.log(served.length)
  return isShown ? worst.name : undefined
}

/**
 * ln of how much better the rest is explained by the primary's rate, with the tolerance, than by the rate of the whole canary:
 * x·ln(p/q) + (n − x)·ln((1−p)/(1−q)). By hand: none of 10 against 9 of 20: 10·ln(1/.55) = 6.0, enough; none of 8 against 4 of 18: 2.0, not enough.
 */
function health([requests, bad]: PodCounts, [served, all]: PodCounts, [others, theirs]: PodCounts, tolerance: number): number {
  const canary = all / served
  const healthy = (tolerance * (theirs + 0.5)) / (others + 1)
  if (canary <= healthy || canary >= 1) return -Infinity
  return bad * Math.log(healthy / canary) + (requests - bad) * (Math.log1p(-healthy) - Math.log1p(-canary))
}

/** What was counted as one block, against the primary. */
function evidence([requests, bad]: PodCounts, [others, theirs]: PodCounts, tolerance: number): number {
  const logs = ratios.filter((ratio) => ratio > tolerance).map((ratio) => logLabelRatio(bad, bad + theirs, requests / (requests + others), ratio, tolerance))
  return logSumExp(logs) - Math.log(logs.length)
}

const added = (a: PodCounts = none, b: PodCounts): PodCounts => [a[0] + b[0], a[1] + b[1]]
