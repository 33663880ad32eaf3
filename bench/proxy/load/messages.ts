import type { Workload } from '../workloads.ts'

/** What the load process is told, one at a time; it answers each with one `Answer`. */
export type Order =
  /** As many requests as the proxy takes. */
  | { readonly kind: 'closed'; readonly port: number; readonly workload: Workload; readonly seconds: number }
  /** Requests at a constant mean rate, whatever becomes of those before. */
  | {
      readonly kind: 'open'
      readonly port: number
      readonly workload: Workload
      readonly seconds: number
      readonly rate: number
      /** Admin port to read /metrics from meanwhile. */
      readonly scrape?: { readonly port: number; readonly everyMs: number }
    }

export interface Answer {
  readonly requests: number
  /** Answers that were not the expected one, and connections that broke. */
  readonly errors: number
  readonly seconds: number
  /** From the moment a request was due to the last byte of its answer, microseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Beside scrapes: the slowest hundredth of the requests, and when a scrape began. Milliseconds since 1970. */
  readonly slowest?: readonly (readonly [dueAt: number, us: number])[]
  readonly scrapes?: readonly number[]
}

export interface Ready {
  /** Ports of the upstream: the app of the primary and that of the canary. */
  readonly primary: number
  readonly canary: number
}
