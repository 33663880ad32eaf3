import { bucketOf } from '../../src/api/histogram.ts'
import { readAdvance } from '../../src/analysis/guard/advance.ts'
import { observeTick } from '../../src/analysis/guard/guard.ts'
import { defaultGuardSettings, type GuardSettings } from '../../src/analysis/guard/settings.ts'
import { binomial, coinTick, normal, poisson, randomOf, tickAt, track, type Random } from '../../src/analysis/guard/simulation.testkit.ts'
import { startGuard, type GuardState } from '../../src/analysis/guard/state.ts'
import { emptyTrack, type TrackTick } from '../../src/analysis/guard/tick.ts'
import { rows, type Row } from './detection-rows.ts'
import { untilPublishedAbort, untilPublishedPass } from './published.ts'
import { bareSettings, untilAbort, type Stop } from './until-abort.ts'

export interface Job {
  readonly row: number
  readonly seed: number
}

/** The row's measure of each run; Infinity where nothing happened. Absent: there is no such thing in this row. */
export interface Outcome {
  readonly row: number
  /** The published tests with the reference's set-up. */
  readonly published?: readonly number[]
  readonly publishedVictims?: readonly number[]
  /** The guard's own choices of grid, masses and share; still one metric and no tolerance. */
  readonly bare: readonly number[]
  readonly byDefault?: readonly number[]
  readonly victims?: readonly number[]
}

export function runRow({ row: index, seed }: Job): Outcome {
  const row = rows[index] as Row
  const random = randomOf(seed)
  if (row.shift) return latencyRuns(index, row, row.shift, random)
  if (row.table === 'advance' || row.table === 'errors') return advanceRuns(index, row, random)
  const stops = (of: () => Stop): readonly Stop[] => Array.from({ length: row.reps }, of)
  const published = stops(() => untilPublishedAbort(row, row, random))
  const bare = stops(() => untilAbort(row, bareSettings(row.alpha), random))
  const byDefault = stops(() => untilAbort(row, { ...defaultGuardSettings, alpha: row.alpha }, random))
  const measure = ({ seconds, requests }: Stop): number => (row.table === 'seconds' ? seconds : requests)
  const victims = (of: readonly Stop[]): readonly number[] => of.map((stop) => stop.victims)
  return { row: index, published: published.map(measure), publishedVictims: victims(published), bare: bare.map(measure), byDefault: byDefault.map(measure), victims: victims(byDefault) }
}

/** Lognormal latencies around 100 ms, σ = .6; `hang` of the canary's requests take a minute, the others `factor` times as long. Here the guard has the reference's grid and masses. */
function latencyRuns(index: number, row: Row, { factor, hang }: NonNullable<Row['shift']>, random: Random): Outcome {
  const one = (by: number, hanging: number): number => bucketOf(random() < hanging ? 60_000_000 : 100_000 * by * Math.exp(0.6 * normal(random)))
  const counted = (count: number, by: number, hanging: number): TrackTick => {
    const counts = new Map<number, number>()
    for (let left = count; left > 0; left -= 1) {
      const bucket = one(by, hanging)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    return track(count, 0, [...counts])
  }
  const until = (settings: GuardSettings): number => {
    let state = startGuard(settings)
    for (let second = 0; second < 20; second += 1) state = observeTick(state, tickAt(second, 0, counted(1000, 1, 0), emptyTrack))
    let requests = 0
    for (let second = 20; second < 1500; second += 1) {
      const canary = binomial(random, row.requests, row.share)
      state = observeTick(state, tickAt(second, row.share, counted(row.requests - canary, 1, 0), counted(canary, factor, hang)))
      requests += row.requests
      if (state.aborted) return requests
    }
    return Infinity
  }
  const bare: GuardSettings = { ...bareSettings(row.alpha), metrics: ['latency'], latencyTolerance: 1, latencyToleranceMs: 0, warmUpRequests: 0 }
  const stops = Array.from({ length: row.reps }, () => until(bare))
  return { row: index, published: stops, bare: stops, byDefault: Array.from({ length: 10 }, () => until({ ...defaultGuardSettings, alpha: row.alpha })) }
}

/** Seconds until a step passes; Infinity if it has not after that many ticks. */
function advanceRuns(index: number, row: Row, random: Random): Outcome {
  const isError = row.table === 'errors'
  const promotion = { ...defaultGuardSettings.promotion, maxFailureRate: row.maxFailureRate ?? 0 }
  const settings: GuardSettings = { ...defaultGuardSettings, metrics: ['failures'], alpha: isError ? 1e-300 : row.alpha, promotion }
  const until = (): number => {
    let state: GuardState = startGuard(settings)
    for (let second = 1; second <= (isError ? 2000 : 40_000); second += 1) {
      const requests = row.isPoisson ? poisson(random, row.requests) : row.requests
      state = observeTick(state, coinTick(random, second, { requests, share: row.share, primaryRate: row.rate, canaryRate: row.canaryRate }))
      if (readAdvance(state, { elapsedMs: second * 1000 }).decision === 'pass') return second
    }
    return Infinity
  }
  const bare = Array.from({ length: row.reps }, until)
  return isError ? { row: index, bare } : { row: index, published: Array.from({ length: row.reps }, () => untilPublishedPass(row, promotion, random)), bare }
}
