import { bucketCeilingUs } from '../../api/histogram.ts'
import { aboveThresholds, freeze, quantileCount, slowerThan, type Baseline, type Threshold } from './baseline.ts'
import { logBlockRatio } from './block-test.ts'
import { dispersionOf, feedDispersion, largestPause, startDispersion, type Dispersion } from './dispersion.ts'
import { evenMasses, feedMixture, logEvidenceOf, type Mixture, settled, startMixture } from './mixture.ts'
import type { GuardSettings } from './settings.ts'
import type { GuardTick } from './tick.ts'

/** The test for latency: at each frozen threshold, is the canary above it more often than the primary? */
export interface LatencyState {
  readonly thresholds: readonly Threshold[]
  readonly evidence: Mixture
  readonly dispersions: readonly Dispersion[]
  /** The primary's share above each threshold, as [hits, requests] with a memory of about ten thousand requests: the guess of the block test. */
  readonly lately: readonly (readonly [hits: number, requests: number])[]
  /** The block that fills up. */
  readonly block: Block
  /** All blocks so far. */
  readonly total: Counted
}

interface Counted {
  readonly canary: readonly number[]
  readonly primary: readonly number[]
}
/** Vectors: requests, then those above each threshold. */
interface Block extends Counted {
  readonly share: number
}

/** Ratios of odds that the evidence is spread over, at each threshold. */
const oddsRatios = [1.1, 1.25, 1.5, 2, 3, 5, 10, 30]
/** Enough to know a 99th percentile to a tenth of its share; few enough to follow a day. */
const memoryRequests = 10_000
/** A block has this many expected requests of the canary or more: in a smaller one its share is a matter of chance, which costs evidence. */
const blockCanaryRequests = 8

const nothing: Counted = { canary: Array.from({ length: 1 + quantileCount }, () => 0), primary: Array.from({ length: 1 + quantileCount }, () => 0) }

/** Freezes the thresholds. What was learned about clusters at an `earlier` freezing is kept: the quantiles are about the same. */
export function startLatency(baseline: Baseline, settings: GuardSettings, earlier?: LatencyState): LatencyState {
  const thresholds = freeze(baseline, settings)
  return {
    thresholds,
    evidence: startMixture(evenMasses(quantileCount * oddsRatios.length)),
    dispersions: earlier?.dispersions ?? thresholds.map(startDispersion),
    lately: aboveThresholds(baseline, thresholds).map((hits) => remembered([hits, baseline.requests])),
    block: { ...nothing, share: 0 },
    total: nothing,
  }
}

/** The requests of a tick above each threshold, with the number counted in front. */
export function latencyCounts({ thresholds }: LatencyState, track: 'primary' | 'canary', tick: GuardTick['primary']): readonly number[] {
  const { counted, slow } = slowerThan(thresholds, track, tick)
  return [counted, ...slow]
}

/** What is learned about clusters from the primary, with or without a canary beside it. */
export const learnLatency = (state: LatencyState, primary: readonly number[]): LatencyState => ({
  ...state,
  dispersions: state.dispersions.map((dispersion, at) => feedDispersion(dispersion, primary[0] ?? 0, primary[at + 1] ?? 0)),
})

/** One tick of both tracks. A block never spans two weights: the rate and the share could have changed together. */
export function feedLatency(state: LatencyState, share: number, canary: readonly number[], primary: readonly number[]): LatencyState {
  const ready = state.block.share === share ? state : closed(state, share)
  const block = { share, canary: sum(ready.block.canary, canary), primary: sum(ready.block.primary, primary) }
  const isFull = ((block.canary[0] ?? 0) + (block.primary[0] ?? 0)) * share >= blockCanaryRequests
  return isFull ? closed({ ...ready, block }, share) : { ...ready, block }
}

function closed(state: LatencyState, share: number): LatencyState {
  const { canary, primary } = state.block
  const requests = (canary[0] ?? 0) + (primary[0] ?? 0)
  const empty = { ...nothing, share }
  if (requests === 0) return { ...state, block: empty }
  const increments = state.thresholds.flatMap((_, at) => {
    const [hits = 0, of = 1] = state.lately[at] ?? []
    const dispersion = dispersionOf(state.dispersions[at] ?? startDispersion(), largestPause)
    const [ofCanary, ofPrimary] = [canary, primary].map((counts) => ({ requests: counts[0] ?? 0, hits: counts[at + 1] ?? 0 }))
    return oddsRatios.map((ratio) => (ofCanary && ofPrimary ? logBlockRatio(ofCanary, ofPrimary, hits / of, ratio) / dispersion : 0))
  })
  return {
    ...state,
    evidence: feedMixture(state.evidence, increments),
    lately: state.lately.map(([hits, of], at) => remembered([hits + (primary[at + 1] ?? 0), of + (primary[0] ?? 0)])),
    block: empty,
    total: { canary: sum(state.total.canary, canary), primary: sum(state.total.primary, primary) },
  }
}

/** Counts of at most as many requests as are remembered: older ones fade. */
const remembered = ([hits, requests]: readonly [number, number]): readonly [number, number] =>
  requests <= memoryRequests ? [hits, requests] : [settled((hits * memoryRequests) / requests), memoryRequests]

export const logLatencyEvidence = ({ evidence }: LatencyState): number => logEvidenceOf(evidence)

/** The threshold whose alternatives hold the most evidence. */
export function loudest({ evidence, thresholds }: LatencyState): number {
  const of = thresholds.map((_, at) => Math.max(...evidence.logs.slice(at * oddsRatios.length, (at + 1) * oddsRatios.length)))
  return of.indexOf(Math.max(...of))
}

export interface SlowReading {
  /** 0.5 … 0.99: the primary's quantile. */
  readonly quantile: number
  /** What it was when it was frozen, and what the canary may take; milliseconds. */
  readonly primaryMs: number
  readonly allowedMs: number
  /** Requests of the primary above `primaryMs`, of the canary above `allowedMs`, as fractions of those counted. */
  readonly primaryShare: number
  readonly canaryShare: number
}

export function readSlow(state: LatencyState): SlowReading | undefined {
  const at = loudest(state)
  const threshold = state.thresholds[at]
  const { canary, primary } = state.total
  if (!threshold || !canary[0] || !primary[0]) return undefined
  return {
    quantile: threshold.quantile,
    primaryMs: bucketCeilingUs(threshold.primary) / 1000,
    allowedMs: bucketCeilingUs(threshold.canary) / 1000,
    primaryShare: (primary[at + 1] ?? 0) / primary[0],
    canaryShare: (canary[at + 1] ?? 0) / canary[0],
  }
}

export const sum = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((value, at) => value + (b[at] ?? 0))
