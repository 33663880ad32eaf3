/**
 * What a load client counts: one record for each second and stream, and every failure one by one.
 * Pure bookkeeping; the lines it yields are what the end-to-end suites read from the pod's log.
 */

export type FailureKind = 'status' | 'reset' | 'refused' | 'timeout' | 'truncated' | 'dns' | 'overload' | 'other'

/** Who answered: `version` is the app's own word (podinfo's `message`), `workload` the Deployment its pod belongs to. */
export interface Answerer {
  readonly version: string
  readonly workload: string
}

export interface Failure {
  /** Epoch milliseconds at which the failure was known. */
  readonly at: number
  readonly stream: string
  readonly kind: FailureKind
  /** Absent unless a response head came. */
  readonly status?: number
  /** Absent where the answer does not say. */
  readonly from?: Answerer
  /** Error code, or the beginning of the body. */
  readonly detail: string
}

export interface StreamSecond {
  /** Requests that ended in this second, by how: a 2xx answer counts under `version@workload`, anything else under `failed`. */
  readonly answered: Readonly<Record<string, number>>
  readonly failed: number
  /** Kept-alive connections that the server had closed just as a request was sent on them: sent again on a new one, as ordinary clients do. */
  readonly staleRetries: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** One line of the client's log. */
export interface Line {
  /** Epoch second that the counts belong to. */
  readonly second: number
  readonly streams: Readonly<Record<string, StreamSecond>>
  /** Those that were known in this second. */
  readonly failures: readonly Failure[]
  /** Since the start. `sent` counts every request that was due. */
  readonly total: { readonly sent: number; readonly answered: number; readonly failed: number; readonly inFlight: number; readonly staleRetries: number }
}

interface OpenSecond {
  readonly answered: Map<string, number>
  readonly latenciesMs: number[]
  failed: number
  staleRetries: number
}

export class Tally {
  readonly #open = new Map<string, OpenSecond>()
  #failures: Failure[] = []
  #sent = 0
  #answered = 0
  #failed = 0
  #staleRetries = 0
  readonly #beforeCount: () => void

  /** `beforeCount` is called before an answer or a failure is counted: it may cut the second that is over. */
  constructor(beforeCount: () => void = () => undefined) {
    this.#beforeCount = beforeCount
  }

  sent(): void {
    this.#sent += 1
  }

  answered(stream: string, from: Answerer, latencyMs: number): void {
    const second = this.#second(stream)
    const key = `${from.version}@${from.workload}`
    second.answered.set(key, (second.answered.get(key) ?? 0) + 1)
    second.latenciesMs.push(latencyMs)
    this.#answered += 1
  }

  failed(failure: Failure): void {
    this.#second(failure.stream).failed += 1
    this.#failed += 1
    this.#failures.push(failure)
  }

  retried(stream: string): void {
    this.#second(stream).staleRetries += 1
    this.#staleRetries += 1
  }

  /** Closes the running second and opens the next. */
  cut(second: number): Line {
    const streams: Record<string, StreamSecond> = {}
    for (const [name, open] of this.#open) streams[name] = close(open)
    const failures = this.#failures
    this.#open.clear()
    this.#failures = []
    const inFlight = this.#sent - this.#answered - this.#failed
    return { second, streams, failures, total: { sent: this.#sent, answered: this.#answered, failed: this.#failed, inFlight, staleRetries: this.#staleRetries } }
  }

  #second(stream: string): OpenSecond {
    this.#beforeCount()
    const known = this.#open.get(stream)
    if (known) return known
    const opened: OpenSecond = { answered: new Map(), latenciesMs: [], failed: 0, staleRetries: 0 }
    this.#open.set(stream, opened)
    return opened
  }
}

function close(open: OpenSecond): StreamSecond {
  const sorted = open.latenciesMs.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 10) / 10
  return { answered: Object.fromEntries(open.answered), failed: open.failed, staleRetries: open.staleRetries, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

/** `podinfo-primary-7d9c5-x2x4q` → `podinfo-primary`: a pod of a Deployment carries its ReplicaSet's hash and its own. */
export const workloadOf = (podName: string): string => podName.replace(/-[a-z0-9]+-[a-z0-9]{5}$/, '')
