import { logLabelRatio } from './label-test.ts'
import { logSumExp } from './mixture.ts'

/**
 * Leave one pod out: a version is condemned only if the evidence survives without its worst pod; otherwise it is the pod that is sick.
 * Counts cover the present excursion, from the moment the evidence left its floor: a fault after an hour of health is not diluted by
 * that hour. What is left out restrains an abort and never causes one, so the promise about false alarms stands.
 */
export interface PodBook {
  /** Vectors: requests, then bad events of each kind (failures: one kind; latency: above each threshold). */
  readonly primary: readonly number[]
  readonly pods: Readonly<Record<string, readonly number[]>>
}

/** Pods beyond these are not told apart; of so many one alone does not carry the evidence. */
const maxPods = 8
/** What the rest must still say: 20 : 1. */
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

/** The pod without which the others say too little, if there is one; of several the one that leaves the least. A single pod is the version. */
export function sickPod({ primary, pods }: PodBook, tolerance: number, dispersion: number): string | undefined {
  const served = Object.entries(pods).filter(([, [requests = 0]]) => requests > 0)
  if (served.length < 2) return undefined
  const without = (name: string): readonly number[] => served.reduce<readonly number[]>((sum, [other, counts]) => (other === name ? sum : added(sum, counts)), [])
  const [worst] = served.map(([name]) => ({ name, left: evidence(without(name), primary, tolerance) / dispersion })).toSorted((a, b) => a.left - b.left)
  return worst && worst.left < enough ? worst.name : undefined
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
