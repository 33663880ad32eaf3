/** What one run found. Medians over its rounds. */
export interface Results {
  readonly node: string
  readonly cpu: string
  readonly rounds: number
  readonly seconds: number
  readonly missing: readonly Missing[]
  readonly processes: readonly ProcessResult[]
  readonly workloads: readonly WorkloadResult[]
  readonly bars: readonly Bar[]
}

/** A proxy that could not be measured. */
export interface Missing {
  readonly name: string
  readonly reason: string
}

export interface ProcessResult {
  readonly name: string
  readonly startMs: number
  readonly idleMiB: number
  /** The most that was seen after one of the workloads that have bars. */
  readonly loadedMiB: number
  /** The most that was seen after any. */
  readonly mostMiB: number
}

export interface WorkloadResult {
  readonly name: string
  readonly title: string
  readonly proxies: readonly ProxyResult[]
  /** Those that cannot do this, or did not. */
  readonly unable: readonly Missing[]
}

export interface ProxyResult {
  readonly name: string
  /** CPU of the proxy for one request when it gets all it can take, microseconds. */
  readonly cpuUs: number
  /** The same at half of that rate, open loop. */
  readonly cpuUsAtHalf: number
  /** Requests a second in the closed loop. */
  readonly maxRps: number
  /** The proxy's core was not full: client and upstream were, and `maxRps` is the least it can do. */
  readonly isClientBound: boolean
  /** Added to the direct way at half of `maxRps`, microseconds. */
  readonly added: Quantiles
  readonly errors: number
}

export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export interface Bar {
  readonly text: string
  readonly value: number
  readonly limit: number
  readonly isMet: boolean
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
