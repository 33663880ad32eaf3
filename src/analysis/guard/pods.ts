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
  /** Vectors: requests, then bad events of each kind (failures: one kind; latency: above each threshold). */
  readonly primary: readonly number[]
  readonly pods: Readonly<Record<string, readonly number[]>>
}

/** Pods beyond these are not told apart; of so many one alone does not carry the evidence. */
const maxPods = 8
/** What counts as shown: 20 : 1. */
const enough = Math.log(20)
const ratios = [2, 3, 5, 10, 30, 100, 300]

export const startPods = (): PodBook => ({ primary: [], pods: {} })

export function feedPods(book: PodBook, primary: readonly number[], pods: Readonly<Record<string, readonly number[]>>): PodBook {
  const known = { ...book.pods }
  for (const [name, counts] of Object.entries(pods)) {
    if (name in known || Object.keys(known).length < maxPods) known[name] = added(known[name], counts)
  }
  return { primary: added(book.primary, primary), pods: known }
}

/** The pod that is sick while the others are not, if there is one; of several the one without which the least is left. A single pod is the version. */
export function sickPod({ primary, pods }: PodBook, tolerance: number, dispersion: number): string | undefined {
  const served = Object.entries(pods).filter(([, [requests = 0]]) => requests > 0)
  if (served.length < 2) return undefined
  const all = served.reduce<readonly number[]>((sum, [, counts]) => added(sum, counts), [])
  const without = served.map(([name, counts]) => ({ name, rest: all.map((count, at) => count - (counts[at] ?? 0)) }))
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
function health([requests = 0, ...bad]: readonly number[], [served = 0, ...all]: readonly number[], [others = 0, ...theirs]: readonly number[], tolerance: number): number {
  const of = bad.map((hits, at) => {
    const canary = (all[at] ?? 0) / served
    const healthy = (tolerance * ((theirs[at] ?? 0) + 0.5)) / (others + 1)
    return canary <= healthy || canary >= 1 ? -Infinity : hits * Math.log(healthy / canary) + (requests - hits) * (Math.log1p(-healthy) - Math.log1p(-canary))
  })
  return Math.max(...of)
}

/** The kind with the most to say, as one block. */
function evidence([requests = 0, ...bad]: readonly number[], [others = 0, ...theirs]: readonly number[], tolerance: number): number {
  const share = requests / (requests + others)
  return Math.max(
    ...bad.map((hits, at) => {
      const logs = ratios.filter((ratio) => ratio > tolerance).map((ratio) => logLabelRatio(hits, hits + (theirs[at] ?? 0), share, ratio, tolerance))
      return logSumExp(logs) - Math.log(logs.length)
    }),
    -Infinity,
  )
}

const added = (a: readonly number[] | undefined, b: readonly number[]): readonly number[] => b.map((value, at) => value + (a?.[at] ?? 0))
