/**
 * What the sidecar counts: one histogram record per request, by track, reason and outcome. Answers: the report's deltas and the
 * scrape's totals, both from the same records. Must not: render anything or know a clock.
 *
 * A book belongs to one generation, so that no report spans two: a request writes into the book of the table it started with.
 * Ending an interval moves every book's counts into the totals.
 */
import { bucketCeilingUs, bucketFloorUs, bucketOf, highestUs } from '../api/histogram.ts'
import { outcomes, reasons, tracks, type Drawn, type Outcome, type Reason, type SeriesDelta, type Track } from '../api/protocol.ts'
import { Draws, type PodTally } from './draws.ts'
import { UsualLatency } from './usual-latency.ts'

const trackIndex: Readonly<Record<Track, number>> = { primary: 0, canary: 1 }
const reasonIndex: Readonly<Record<Reason, number>> = { weight: 0, match: 1, affinity: 2, direct: 3, hop: 4, mirror: 5 }
const outcomeIndex: Readonly<Record<Outcome, number>> = { '1xx': 0, '2xx': 1, '3xx': 2, '4xx': 3, '5xx': 4, reset: 5, timeout: 6, refused: 7 }
const seriesCount = 4 * tracks.length * reasons.length
const bucketCount = bucketOf(highestUs) + 1

const cellOf = (track: Track, reason: Reason, outcome: Outcome, protocol: number): number =>
  ((protocol * tracks.length + trackIndex[track]) * reasons.length + reasonIndex[reason]) * outcomes.length + outcomeIndex[outcome]

/** What a request came by. It tells series apart at a scrape; reports add all protocols up. */
export type Protocol = 'http1' | 'http2' | 'grpc' | 'tcp'
const protocols = ['http1', 'http2', 'grpc', 'tcp'] as const
const protocolIndex: Readonly<Record<Protocol, number>> = { http1: 0, http2: 1, grpc: 2, tcp: 3 }

/**
 * Counts by bucket of api/histogram.ts, which is HdrHistogram's layout. An array of our own, because hdr-histogram-js compiles
 * WebAssembly when it is loaded: 15 MiB of the sidecar's memory. It is the oracle of the tests.
 */
class LatencyCounts {
  total = 0
  private readonly counts = new Uint32Array(bucketCount)

  record(us: number): void {
    const bucket = bucketOf(us)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.total += 1
  }

  forEach(visit: (bucket: number, count: number) => void): void {
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const count = this.counts[bucket] ?? 0
      if (count > 0) visit(bucket, count)
    }
  }

  reset(): void {
    this.total = 0
    this.counts.fill(0)
  }
}

/** What one interval of one generation adds up to. */
export interface Interval {
  readonly generation: number
  readonly series: readonly SeriesDelta[]
  readonly clientAborted: number
  readonly proxyErrors: number
  readonly drawn?: Drawn
}

/** Everything since the start of the process on one track, reason, outcome and protocol. */
export interface SeriesTotal {
  readonly track: Track
  readonly reason: Reason
  readonly outcome: Outcome
  readonly protocol: Protocol
  readonly count: number
  /** Sum of latencies, seconds, within the histogram's error of 1 %. */
  readonly sumSeconds: number
  /** Counts by bucket of api/histogram.ts. */
  readonly buckets: Float64Array
}

/** The counts of one generation since the last interval ended. */
export class TrafficBook {
  readonly generation: number
  /** Requests that started under this book and have not been recorded yet. */
  inFlight = 0
  readonly draws: Draws
  private readonly ledger: TrafficLedger
  private readonly cells: (LatencyCounts | undefined)[] = Array.from({ length: seriesCount * outcomes.length }, () => undefined)
  private clientAborted = 0
  private proxyErrors = 0

  constructor(generation: number, ledger: TrafficLedger, draws: Draws) {
    this.generation = generation
    this.draws = draws
    this.ledger = ledger
  }

  /** One request's end. `latencyMs` beyond the histogram's range counts at its border. */
  record(track: Track, reason: Reason, outcome: Outcome, latencyMs: number, protocol: Protocol = 'http1'): void {
    const cell = cellOf(track, reason, outcome, protocolIndex[protocol])
    const histogram = (this.cells[cell] ??= new LatencyCounts())
    histogram.record(latencyMs * 1000)
  }

  /** A request that its client gave up. Charged to no track. */
  recordClientAbort(): void {
    this.clientAborted += 1
    this.ledger.clientAborted += 1
  }

  /** A request that failed for reasons of the sidecar itself. Charged to no track. */
  recordProxyError(): void {
    this.proxyErrors += 1
    this.ledger.proxyErrors += 1
  }

  /** The counts since the last call, which the ledger gets too; undefined where nothing happened. */
  drain(): Interval | undefined {
    const series: SeriesDelta[] = []
    for (const [track, reason] of allSeries) {
      const delta = this.drainSeries(track, reason)
      if (delta) series.push(delta)
    }
    const { clientAborted, proxyErrors } = this
    const drawn = this.draws.drain(series.some(({ reason }) => reason === 'weight'))
    if (series.length === 0 && clientAborted === 0 && proxyErrors === 0 && !drawn) return undefined
    this.clientAborted = 0
    this.proxyErrors = 0
    return { generation: this.generation, series, clientAborted, proxyErrors, ...(drawn ? { drawn } : {}) }
  }

  /** Adds what has not been drained yet to a copy of the totals. */
  addTo(totals: Totals): void {
    for (const [cell, histogram] of this.cells.entries()) if (histogram && histogram.total > 0) addCounts(totals, cell, histogram)
  }

  private drainSeries(track: Track, reason: Reason): SeriesDelta | undefined {
    const counts: Partial<Record<Outcome, number>> = {}
    const latency = new Map<number, number>()
    for (const outcome of outcomes) {
      for (const index of protocols.keys()) {
        const cell = cellOf(track, reason, outcome, index)
        const histogram = this.cells[cell]
        if (!histogram || histogram.total === 0) continue
        counts[outcome] = (counts[outcome] ?? 0) + histogram.total
        histogram.forEach((bucket, count) => latency.set(bucket, (latency.get(bucket) ?? 0) + count))
        addCounts(this.ledger.totals, cell, histogram)
        histogram.reset()
      }
    }
    if (latency.size === 0) return undefined
    if (track === 'primary' && reason === 'weight') this.ledger.usual.learn(latency)
    return { track, reason, outcomes: counts, latency: [...latency].toSorted(([a], [b]) => a - b) }
  }
}

/** Counts by cell (track, reason, outcome), then by bucket. */
type Totals = Map<number, Float64Array>

/** All books, and what those that were drained added up to. */
export class TrafficLedger {
  /** Since the start of the process. */
  clientAborted = 0
  proxyErrors = 0
  readonly totals: Totals = new Map()
  /** Told of each failure of a request that was drawn by weight. */
  onFailure: () => void = () => undefined
  /** How long the primary takes. */
  readonly usual = new UsualLatency()
  private books: TrafficBook[] = []

  /** The book of a table that comes into force, with its weight and the pods of the canary that shall be told apart. */
  open(generation: number, weightPercent = 0, pods: readonly PodTally[] = []): TrafficBook {
    const book = new TrafficBook(generation, this, new Draws(weightPercent, pods, () => this.onFailure(), this.usual.slowMs))
    this.books.push(book)
    return book
  }

  /**
   * Ends the interval of every book: one element for each generation in which something happened. Books of older tables go once
   * their last request has ended.
   */
  endInterval(): readonly Interval[] {
    const intervals = this.books.map((book) => book.drain()).filter((interval) => interval !== undefined)
    for (const book of this.books) book.draws.slowMs = this.usual.slowMs
    const current = this.books.at(-1)
    this.books = this.books.filter((book) => book === current || book.inFlight > 0)
    return intervals
  }

  /** Requests under way, of all tables. */
  get inFlight(): number {
    return this.books.reduce((sum, book) => sum + book.inFlight, 0)
  }

  /** Everything since the start, the running interval included. */
  snapshot(): readonly SeriesTotal[] {
    const totals: Totals = new Map([...this.totals].map(([cell, counts]) => [cell, counts.slice()]))
    for (const book of this.books) book.addTo(totals)
    const snapshot: SeriesTotal[] = []
    for (const [track, reason] of allSeries) {
      for (const outcome of outcomes) {
        for (const [index, protocol] of protocols.entries()) {
          const buckets = totals.get(cellOf(track, reason, outcome, index))
          if (buckets) snapshot.push({ track, reason, outcome, protocol, buckets, ...summarize(buckets) })
        }
      }
    }
    return snapshot
  }
}

const allSeries: readonly (readonly [Track, Reason])[] = tracks.flatMap((track) => reasons.map((reason) => [track, reason] as const))

function addCounts(totals: Totals, cell: number, histogram: LatencyCounts): void {
  const counts = totals.get(cell) ?? new Float64Array(bucketCount)
  totals.set(cell, counts)
  histogram.forEach((bucket, count) => {
    counts[bucket] = (counts[bucket] ?? 0) + count
  })
}

function summarize(buckets: Float64Array): { readonly count: number; readonly sumSeconds: number } {
  let total = 0
  let sumUs = 0
  for (const [bucket, count] of buckets.entries()) {
    if (count === 0) continue
    total += count
    sumUs += (count * (bucketFloorUs(bucket) + bucketCeilingUs(bucket))) / 2
  }
  return { count: total, sumSeconds: sumUs / 1e6 }
}
