import { dispersionOf, largestPause } from './dispersion.ts'
import { slowerThan, type Threshold } from './baseline.ts'
import { logSumExp, settled } from './mixture.ts'
import { upperRate } from './rate-bound.ts'
import type { GuardMetric, GuardSettings } from './settings.ts'
import { none, type GuardState } from './state.ts'
import { eventsOf, type TrackTick } from './tick.ts'

/**
 * The watch after promotion: the new version has all the traffic, so there is nothing to compare it with but what the old one did before.
 * An e-detector (Shin, Ramdas & Rinaldo, arXiv 2203.03532) sums the evidence of all possible beginnings of a fault:
 *
 *   R_t = (1 + R_{t−1})·e_t          alarm when the mean over alternatives reaches ticks/alpha
 *
 * While nothing is wrong R_t grows by 1 a tick on average, so a watch of `ticks` ticks raises a false alarm with probability alpha at most (Doob).
 * The yardstick is frozen: other traffic at another hour can look like a fault. That is why the bounds below are upper ones, with tolerance.
 */
export interface BakeState {
  readonly settings: GuardSettings
  /** What the watch was planned for; longer than that its promise does not reach. */
  readonly ticks: number
  readonly series: readonly Series[]
  readonly thresholds: readonly Threshold[]
  readonly counts: { readonly requests: number; readonly failures: number }
  readonly alarm?: { readonly atMs: number; readonly by: GuardMetric }
}

/** One rate that must not rise: of failures, or of requests above a threshold. */
interface Series {
  readonly metric: GuardMetric
  /** The rate that still counts as the old one. */
  readonly rate: number
  readonly dispersion: number
  readonly mass: number
  /** ln R for each alternative. */
  readonly logs: readonly number[]
}

export interface BakeReading {
  readonly decision: 'none' | 'return'
  readonly by?: GuardMetric
  readonly alarmAtMs?: number
  readonly logEvidence: number
  readonly logThreshold: number
  readonly counts: BakeState['counts']
  /** Upper bound of the old version's failure rate, with the tolerance. */
  readonly allowedFailureRate?: number
}

/** Ratios of odds of the new rate to the old one. */
const oddsRatios = [1.5, 2, 3, 5, 10, 30, 100, 1000]
const level = 0.95
/** ln R before the first beginning; an infinity would not survive a checkpoint. */
const nothing = -1e9
const masses: Readonly<Record<GuardMetric, number>> = { failures: 0.8, latency: 0.2 }

/** Freezes what the guard has learned of the old version, for a watch of `ticks` ticks. */
export function startBake(state: GuardState, ticks: number): BakeState {
  const { settings, latency } = state
  const failures = { metric: 'failures' as const, rate: allowedRate(state), dispersion: dispersionOf(state.dispersion) }
  const [counted = 0, ...slow] = latency?.total.primary ?? []
  const slowness = counted === 0 ? [] : slow.map((hits, at) => ({ metric: 'latency' as const, rate: Math.min(0.99, upperRate(counted, hits, level)), dispersion: dispersionOf(latency?.dispersions[at] ?? { scales: [] }, largestPause) }))
  const watched = [failures, ...slowness].filter(({ metric }) => settings.metrics.includes(metric))
  return {
    settings,
    ticks,
    series: watched.map((series) => ({ ...series, mass: masses[series.metric] / watched.filter(({ metric }) => metric === series.metric).length, logs: oddsRatios.map(() => nothing) })),
    thresholds: counted === 0 ? [] : (latency?.thresholds ?? []),
    counts: { requests: 0, failures: 0 },
  }
}

/**
 * The failure rate that still counts as the old one: as much as what the old version did leaves possible, and the tolerance. The less is known of it
 * the higher that is: no higher than the rate that is too much for a promotion, unless the old version itself was worse than that.
 */
function allowedRate({ settings, counts, before = none }: GuardState): number {
  const requests = counts.primary.requests + before.requests
  const events = counts.primary.events + before.events
  const possible = settings.tolerance * upperRate(requests, events, level)
  const { maxFailureRate } = settings.promotion
  const isWithin = maxFailureRate > 0 && events <= maxFailureRate * requests
  return Math.min(0.99, isWithin ? Math.min(possible, maxFailureRate) : possible)
}

/**
 * One tick of the new version, now alone. A part of a second that is counted `early`, because something has failed in it, is no beginning of its own:
 * otherwise failures would make beginnings, and there would be more of them than the watch has planned for.
 */
export function observeBake(state: BakeState, tick: TrackTick & { readonly atMs: number }, when: 'in time' | 'early' = 'in time'): BakeState {
  if (state.alarm || tick.requests === 0) return state
  const { counted, slow } = slowerThan(state.thresholds, 'canary', tick)
  let at = 0
  const begun = when === 'in time' ? state.series.map(begin) : state.series.map((one) => (one.logs.every((log) => log === nothing) ? begin(one) : one))
  const series = begun.map((one) => (one.metric === 'failures' ? fed(one, tick.requests, eventsOf(tick)) : fed(one, counted, slow[at++] ?? 0)))
  const next = { ...state, series, counts: { requests: state.counts.requests + tick.requests, failures: state.counts.failures + tick.failures } }
  const isAlarm = logEvidence(next) >= logThreshold(next) && (loudest(next) !== 'failures' || next.counts.failures >= state.settings.minimumFailures)
  return isAlarm ? { ...next, alarm: { atMs: tick.atMs, by: loudest(next) } } : next
}

export function readBake(state: BakeState): BakeReading {
  const { alarm, series, counts } = state
  const failures = series.find(({ metric }) => metric === 'failures')
  return {
    decision: alarm ? 'return' : 'none',
    ...(alarm ? { by: alarm.by, alarmAtMs: alarm.atMs } : {}),
    logEvidence: logEvidence(state),
    logThreshold: logThreshold(state),
    counts,
    ...(failures ? { allowedFailureRate: failures.rate } : {}),
  }
}

const begin = (series: Series): Series => ({ ...series, logs: series.logs.map((log) => logSumExp([0, log])) })

/** Whole requests are judged by odds: ratio·rate/(1 − rate), which stays a rate however high the ratio is. */
function fed(series: Series, requests: number, hits: number): Series {
  const { rate, dispersion } = series
  return {
    ...series,
    logs: series.logs.map((log, at) => {
      const odds = ((oddsRatios[at] ?? 1) * rate) / (1 - rate)
      const worse = odds / (1 + odds)
      const evidence = hits * Math.log(worse / rate) + (requests - hits) * Math.log((1 - worse) / (1 - rate))
      return settled(log + evidence / dispersion)
    }),
  }
}

const logOf = ({ logs, mass }: Series): number => logSumExp(logs) + Math.log(mass / logs.length)
const logEvidence = ({ series }: BakeState): number => logSumExp(series.map(logOf))
const logThreshold = ({ ticks, settings }: BakeState): number => Math.log(Math.max(1, ticks) / settings.alpha)
const loudest = ({ series }: BakeState): GuardMetric => series.toSorted((a, b) => logOf(b) - logOf(a))[0]?.metric ?? 'failures'
