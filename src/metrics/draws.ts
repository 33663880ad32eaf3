/**
 * Which requests chance has put where, for one generation: what the judge needs in order to compare fairly (`Drawn` of the
 * protocol). A request costs one increment when it is drawn, and one of the canary's another one at its pod; everything else is
 * counted only when something goes wrong. At weight 0 nothing is counted at all.
 */
import { maxPods, maxRoutes, otherRoutes, type Drawn, type DrawnTrack, type PodDelta, type RouteCounts, type RouteDelta, type Track } from '../api/protocol.ts'

/** Counts of one pod of the canary since the last interval. */
export interface PodTally {
  readonly address: string
  requests: number
  failures: number
  slow: number
}

/** The end of a drawn request that is worth more than a count. */
export interface Remarkable {
  readonly track: Track
  /** Of the canary, where it was one. */
  readonly pod: PodTally | undefined
  /** Its class; undefined where there are none, as for TCP. */
  readonly route: string | undefined
  readonly isFailure: boolean
  readonly isSlow: boolean
  /** The client has failed with the same just before. */
  readonly isAnotherTry: boolean
}

type Counts = { -readonly [K in keyof DrawnTrack]-?: number }

const none = (): Counts => ({ requests: 0, repeats: 0, repeatedFailures: 0, retriedFailures: 0, slow: 0, givenUp: 0 })
const nowhere = (): { -readonly [K in keyof RouteCounts]: number } => ({ failures: 0, slow: 0 })

export class Draws {
  readonly primary = none()
  readonly canary = none()
  /** A request that takes longer is slow: the primary's 95th percentile of lately, milliseconds. */
  slowMs: number
  private readonly weightPercent: number
  private readonly pods: readonly PodTally[]
  private readonly onFailure: () => void
  private readonly routes = new Map<string, Record<Track, ReturnType<typeof nowhere>>>()

  /** `onFailure` is told of each failure, whichever the track: what is hastened by it must not know for whom it hurries. */
  constructor(weightPercent: number, pods: readonly PodTally[], onFailure: () => void, slowMs = Number.POSITIVE_INFINITY) {
    this.weightPercent = weightPercent
    this.pods = pods
    this.onFailure = onFailure
    this.slowMs = slowMs
  }

  /** A request that was drawn has failed or was slow; that it ended is counted already, at its pod. */
  remark({ track, pod, route, isFailure, isSlow, isAnotherTry }: Remarkable): void {
    const where = [pod, route === undefined ? undefined : this.countsOf(route)[track]]
    if (isSlow) this[track].slow += 1
    if (isAnotherTry) this[track].retriedFailures += 1
    for (const counts of where) {
      if (counts && isSlow) counts.slow += 1
      if (counts && isFailure) counts.failures += 1
    }
    if (isFailure) this.onFailure()
  }

  /** What became of a request that was charged before, or that went where it was not meant to go. */
  repeat(track: Track, isFailure: boolean): void {
    this[track].repeats += 1
    if (isFailure) this[track].repeatedFailures += 1
  }

  /** A client has waited in vain, which is in no outcome. */
  giveUp(ending: Pick<Remarkable, 'track' | 'pod' | 'route'>): void {
    this[ending.track].givenUp += 1
    if (ending.pod) ending.pod.requests += 1
    this.remark({ ...ending, isFailure: true, isSlow: false, isAnotherTry: false })
  }

  /** The counts since the last call; undefined where there are none. `hasEnded`: requests of this weight have ended meanwhile, perhaps drawn before. */
  drain(hasEnded: boolean): Drawn | undefined {
    const { primary, canary } = this
    const isEmpty = [primary, canary].every((counts) => counts.requests + counts.repeats + counts.givenUp === 0)
    const pods = this.pods.filter(({ requests, failures }) => requests + failures > 0).slice(0, maxPods)
    if (this.weightPercent <= 0 || (isEmpty && pods.length === 0 && !hasEnded)) return undefined
    const routes = [...this.routes].map(([route, counts]): RouteDelta => ({ route, ...counts }))
    const drained = { weightPercent: this.weightPercent, primary: { ...primary }, canary: { ...canary }, pods: pods.map((pod): PodDelta => ({ ...pod })), ...(routes.length > 0 ? { routes } : {}) }
    this.routes.clear()
    Object.assign(primary, none())
    Object.assign(canary, none())
    for (const pod of pods) Object.assign(pod, { requests: 0, failures: 0, slow: 0 })
    return drained
  }

  /** The counts of a class; those that come when there are many already are one. */
  private countsOf(route: string): Record<Track, ReturnType<typeof nowhere>> {
    const name = this.routes.has(route) || this.routes.size < maxRoutes ? route : otherRoutes
    const counts = this.routes.get(name) ?? { primary: nowhere(), canary: nowhere() }
    this.routes.set(name, counts)
    return counts
  }
}
