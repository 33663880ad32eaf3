import { mergeHistograms } from '../../api/histogram.ts'

/** What happened on one track in one tick: randomised requests alone, that is those of reason `weight`. */
export interface TrackTick {
  readonly requests: number
  /** Requests that failed: `failureOutcomes` of the protocol. */
  readonly failures: number
  /**
   * Failures without those of clients that have just failed with the same request. Where it is known it takes the place of
   * `failures` as evidence: one client who tries five times is one event. Absent: clients cannot be told apart.
   */
  readonly failedClients?: number
  /** Requests slower than the primary's 95th percentile of lately, as each sidecar knows it: names a slow pod. Absent: not known. */
  readonly slow?: number
  /** Sparse latency histogram, buckets of `api/histogram.ts`, in any order. */
  readonly latency: readonly (readonly [bucket: number, count: number])[]
}

/** One second, or whatever was gathered as one: all of it under the same weight. Ticks of different weights are never merged. */
export interface GuardTick {
  /** The end of the tick, milliseconds since the epoch. */
  readonly atMs: number
  /** The weight of the canary that was in force, as a fraction: 0.05 for 5 %. 0: the primary alone, from which the guard learns. */
  readonly share: number
  /** A part of a second that was counted before its end, because something failed in it. */
  readonly isEarly?: boolean
  readonly primary: TrackTick
  readonly canary: TrackTick
  /** The weight does not say which share of these requests is the canary's: users are held beside them. The share that was counted is all that is known. */
  readonly isShareOpen?: boolean
  /** The canary's part by name of the pod that served it. Absent or empty: not known, and no pod is ever suspected. */
  readonly canaryPods?: Readonly<Record<string, TrackTick>>
}

export const emptyTrack: TrackTick = { requests: 0, failures: 0, latency: [] }

/** Independent failures of a track: clients where they are known, and never more than there were failed requests. */
export const eventsOf = ({ failures, failedClients }: TrackTick): number => Math.min(failures, failedClients ?? failures)

/** Both together. Clients are known only where both parts know them. */
export function mergeTracks(a: TrackTick, b: TrackTick): TrackTick {
  const clients = a.failures === 0 && a.failedClients === undefined ? b.failedClients : b.failures === 0 && b.failedClients === undefined ? a.failedClients : undefined
  const failedClients = a.failedClients !== undefined && b.failedClients !== undefined ? a.failedClients + b.failedClients : clients
  const latency = a.latency.length === 0 ? b.latency : b.latency.length === 0 ? a.latency : [...mergeHistograms([a.latency, b.latency])]
  const slow = a.slow === undefined && b.slow === undefined ? {} : { slow: (a.slow ?? 0) + (b.slow ?? 0) }
  return { requests: a.requests + b.requests, failures: a.failures + b.failures, latency, ...slow, ...(failedClients === undefined ? {} : { failedClients }) }
}
