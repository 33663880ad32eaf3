import type { GuardTick, TrackTick } from './tick.ts'

/** Simulated traffic for tests and benchmarks: exact draws of counts, tick by tick, repeatable by their seed. */
export type Random = () => number

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Successes in n trials, by inversion; large ones in halves, so that nothing underflows. */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  if (n * p > 30) return binomial(random, n >> 1, p) + binomial(random, n - (n >> 1), p)
  const odds = p / (1 - p)
  let probability = (1 - p) ** n
  let left = random() - probability
  let k = 0
  while (left > 0 && k < n) {
    probability *= ((n - k) / (k + 1)) * odds
    k += 1
    left -= probability
  }
  return k
}

export function poisson(random: Random, mean: number): number {
  if (mean > 30) return poisson(random, mean / 2) + poisson(random, mean / 2)
  let probability = Math.exp(-mean)
  let left = random() - probability
  let k = 0
  while (left > 0 && k < 1000) {
    k += 1
    probability *= mean / k
    left -= probability
  }
  return k
}

/** Trials 1, 2, 3 … until the first success, with this mean. */
export const geometric = (random: Random, mean: number): number => (mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - 1 / mean)))

export const track = (requests: number, failures = 0, latency: TrackTick['latency'] = []): TrackTick => ({ requests, failures, latency })

export const tickAt = (second: number, share: number, primary: TrackTick, canary: TrackTick): GuardTick => ({ atMs: 1_700_000_000_000 + second * 1000, share, primary, canary })

/** A tick of coin-flip routing: `requests` of which each goes to the canary with probability `share`, and fails by its track's rate. */
export function coinTick(random: Random, second: number, { requests, share, primaryRate, canaryRate }: { readonly requests: number; readonly share: number; readonly primaryRate: number; readonly canaryRate: number }): GuardTick {
  const canary = binomial(random, requests, share)
  return tickAt(second, share, track(requests - canary, binomial(random, requests - canary, primaryRate)), track(canary, binomial(random, canary, canaryRate)))
}

/** Latencies as counts by bucket: `shares[i]` of the requests fall into `buckets[i]`. */
export function latencyCounts(random: Random, requests: number, buckets: readonly number[], shares: readonly number[]): TrackTick['latency'] {
  const pairs: [number, number][] = []
  let [left, mass] = [requests, 1]
  for (const [at, bucket] of buckets.entries()) {
    const share = shares[at] ?? 0
    const count = at === buckets.length - 1 ? left : binomial(random, left, Math.min(1, share / mass))
    if (count > 0) pairs.push([bucket, count])
    left -= count
    mass -= share
  }
  return pairs
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
