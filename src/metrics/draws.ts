/**
 * Which requests chance has put where, for one generation: what the judge needs in order to compare fairly (`Drawn` of the
 * protocol). A request costs one increment when it is drawn, and one of the canary's another one at its pod; everything else is
 * counted only when something goes wrong. At weight 0 nothing is counted at all.
 */
import { maxPods, type Drawn, type DrawnTrack, type PodDelta, type Track } from '../api/protocol.ts'

/** Counts of one pod of the canary since the last interval. */
export interface PodTally {
  readonly address: string
  requests: number
  failures: number
}

type Counts = { -readonly [K in keyof DrawnTrack]-?: number }

const none = (): Counts => ({ requests: 0, repeats: 0, repeatedFailures: 0, retriedFailures: 0, givenUp: 0 })

export class Draws {
  readonly primary = none()
  readonly canary = none()
  private readonly weightPercent: number
  private readonly pods: readonly PodTally[]
  private readonly onFailure: () => void

  /** `onFailure` is told of each failure, whichever the track: what is hastened by it must not know for whom it hurries. */
  constructor(weightPercent: number, pods: readonly PodTally[], onFailure: () => void) {
    this.weightPercent = weightPercent
    this.pods = pods
    this.onFailure = onFailure
  }

  /** What became of a request at the track that was drawn for it; `pod` is the pod of the canary, where it was one. */
  settle(pod: PodTally | undefined, isFailure: boolean): void {
    if (pod) pod.requests += 1
    if (!isFailure) return
    if (pod) pod.failures += 1
    this.onFailure()
  }

  /** What became of a request that was charged before, or that went where it was not meant to go. */
  repeat(track: Track, isFailure: boolean): void {
    this[track].repeats += 1
    if (isFailure) this[track].repeatedFailures += 1
  }

  /** A client has waited in vain, for that pod of the canary where it was one. */
  giveUp(track: Track, pod: PodTally | undefined): void {
    this[track].givenUp += 1
    if (pod) {
      pod.requests += 1
      pod.failures += 1
    }
    this.onFailure()
  }

  /** The counts since the last call; undefined where there are none. */
  drain(): Drawn | undefined {
    const { primary, canary } = this
    const isEmpty = [primary, canary].every((counts) => counts.requests + counts.repeats + counts.givenUp === 0)
    const pods = this.pods.filter(({ requests, failures }) => requests + failures > 0).slice(0, maxPods)
    if (this.weightPercent <= 0 || (isEmpty && pods.length === 0)) return undefined
    const drained = { weightPercent: this.weightPercent, primary: { ...primary }, canary: { ...canary }, pods: pods.map((pod): PodDelta => ({ ...pod })) }
    Object.assign(primary, none())
    Object.assign(canary, none())
    for (const pod of pods) Object.assign(pod, { requests: 0, failures: 0 })
    return drained
  }
}
