/**
 * From a sidecar's report to what the guard counts: requests that were drawn by weight, each once, at the track that was drawn.
 * Reports without draws speak about the primary alone (weight 0): from them the guard learns what is usual.
 */
import type { GuardCounts } from '../api/guard-record.ts'
import { failureOutcomes, type DrawnTrack, type Report, type RouteDelta, type SeriesDelta, type Track } from '../api/protocol.ts'
import { emptyTrack, mergeTracks, type TrackTick } from './guard/tick.ts'

export interface ReportedTracks {
  /** As a fraction. */
  readonly share: number
  readonly primary: TrackTick
  readonly canary: TrackTick
  readonly canaryPods: Readonly<Record<string, TrackTick>>
  readonly routes: readonly RouteDelta[]
}

/** `podOf` gives the name of the pod that has an address. */
export function tracksOf(report: Pick<Report, 'series' | 'drawn'>, podOf: (address: string) => string): ReportedTracks {
  const { series, drawn } = report
  const of = (track: Track): SeriesDelta | undefined => series.find((delta) => delta.track === track && delta.reason === 'weight')
  if (!drawn) return { share: 0, primary: whole(of('primary')), canary: emptyTrack, canaryPods: {}, routes: [] }
  return {
    share: drawn.weightPercent / 100,
    primary: fair(of('primary'), drawn.primary),
    canary: fair(of('canary'), drawn.canary),
    canaryPods: Object.fromEntries(drawn.pods.map(({ address, ...counts }) => [podOf(address), { ...counts, latency: [] }])),
    routes: drawn.routes ?? [],
  }
}

/** Of a canary that serves everybody all requests count: there is nobody to be compared with. */
export function aloneOf(report: Pick<Report, 'series' | 'drawn'>, podOf: (address: string) => string): ReportedTracks {
  const { canary, ...tracks } = tracksOf(report, podOf)
  const held = whole(report.series.find((delta) => delta.track === 'canary' && delta.reason === 'affinity'))
  return { ...tracks, share: 1, canary: mergeTracks(canary, held) }
}

const failuresOf = (delta: SeriesDelta | undefined): number => failureOutcomes.reduce((sum, outcome) => sum + (delta?.outcomes[outcome] ?? 0), 0)

export const countsOf = (delta: SeriesDelta | undefined): GuardCounts => ({ requests: Object.values(delta?.outcomes ?? {}).reduce((sum, count) => sum + count, 0), failures: failuresOf(delta) })

const whole = (delta: SeriesDelta | undefined): TrackTick => ({ ...countsOf(delta), latency: delta?.latency ?? [] })

/** Requests are counted when they came, failures when they ended: of a request that hangs, the share is right already. */
function fair(delta: SeriesDelta | undefined, { requests, repeatedFailures, retriedFailures, slow, givenUp }: DrawnTrack): TrackTick {
  const failures = Math.max(0, failuresOf(delta) - repeatedFailures) + givenUp
  const clients = retriedFailures === undefined ? {} : { failedClients: Math.max(0, failures - retriedFailures) }
  return { requests: Math.max(requests, failures), failures, ...clients, ...(slow === undefined ? {} : { slow }), latency: delta?.latency ?? [] }
}
