/**
 * What the sidecar counts: one histogram record per request, by track, reason and outcome. Answers: the report's deltas and the
 * scrape's totals, both from the same records. Must not: render anything or know a clock.
 *
 * A book belongs to one generation, so that no report spans two: a request writes into the book of the table it started with.
 * Ending an interval moves every book's counts into the totals.
 */
import { outcomes, reasons, tracks, type Drawn, type Outcome, type Reason, type SeriesDelta, type Track } from '../api/protocol.ts'
import { Draws, type PodTally } from './draws.ts'
import { LatencyCounts } from './latency-counts.ts'
import { UsualLatency } from './usual-latency.ts'

const trackIndex: Readonly<Record<Track, number>> = { primary: 0, canary: 1 }
const reasonIndex: Readonly<Record<Reason, number>> = { weight: 0, match: 1, affinity: 2, direct: 3, hop: 4, mirror: 5 }
const outcomeIndex: Readonly<Record<Outcome, number>> = { '1xx': 0, '2xx': 1, '3xx': 2, '4xx': 3, '5xx': 4, reset: 5, timeout: 6, refused: 7 }

/** The place of a series among all: in the order in which reports and scrapes list them. */
const cellOf = (track: Track, reason: Reason, outcome: Outcome, protocol: Protocol): number =>
  ((trackIndex[track] * reasons.length + reasonIndex[reason]) * outcomes.length + outcomeIndex[outcome]) * protocolCount + protocolIndex[protocol]

/** What a request came by. It tells series apart at a scrape; reports add all protocols up. */
export type Protocol = 'http1' | 'http2' | 'grpc' | 'tcp'
const protocolIndex: Readonly<Record<Protocol, number>> = { http1: 0, http2: 1, grpc: 2, tcp: 3 }
const protocolCount = 4
const cellCount = tracks.length * reasons.length * outcomes.length * protocolCount

/** What one interval of one generation adds up to. */
export interface Interval {
  readonly generation: number
  readonly series: readonly SeriesDelta[]
  readonly clientAborted: number
  readonly proxyErrors: number
  readonly drawn?: Drawn
}

/** Requests on one track, for one reason, with one outcome, by one protocol, since the start of the process. It goes on counting. */
export interface Series {
  readonly track: Track
  readonly reason: Reason
  readonly outcome: Outcome
  readonly protocol: Protocol
  readonly cell: number
  /** What intervals that have ended have counted. */
  readonly drained: LatencyCounts
}

/** The counts of one generation since the last interval ended. */
export class TrafficBook {
  readonly generation: number
  /** Requests that started under this book and have not been recorded yet. */
  inFlight = 0
  readonly draws: Draws
  private readonly ledger: TrafficLedger
  /** By place. */
  private readonly cells: (LatencyCounts | undefined)[] = Array.from({ length: cellCount }, () => undefined)
  private clientAborted = 0
  private proxyErrors = 0

  constructor(generation: number, ledger: TrafficLedger, draws: Draws) {
    this.generation = generation
    this.draws = draws
    this.ledger = ledger
  }

  /** One request's end. `latencyMs` beyond the histogram's range counts at its border. */
  record(track: Track, reason: Reason, outcome: Outcome, latencyMs: number, protocol: Protocol = 'http1'): void {
    const cell = cellOf(track, reason, outcome, protocol)
    const counts = this.cells[cell] ?? this.openCell(track, reason, outcome, protocol)
    counts.record(latencyMs * 1000)
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

  /** What has not been drained yet; undefined where there is nothing. */
  undrained(cell: number): LatencyCounts | undefined {
    const counts = this.cells[cell]
    return counts && counts.total > 0 ? counts : undefined
  }

  private openCell(track: Track, reason: Reason, outcome: Outcome, protocol: Protocol): LatencyCounts {
    const cell = cellOf(track, reason, outcome, protocol)
    const counts = new LatencyCounts()
    this.cells[cell] = counts
    this.ledger.know({ track, reason, outcome, protocol, cell })
    return counts
  }

  private drainSeries(track: Track, reason: Reason): SeriesDelta | undefined {
    const counts: Partial<Record<Outcome, number>> = {}
    const { sum, usual } = this.ledger
    sum.reset()
    for (const known of this.ledger.series) {
      const interval = this.undrained(known.cell)
      if (known.track !== track || known.reason !== reason || !interval) continue
      counts[known.outcome] = (counts[known.outcome] ?? 0) + interval.total
      sum.add(interval)
      known.drained.add(interval)
      interval.reset()
    }
    if (sum.total === 0) return undefined
    if (track === 'primary' && reason === 'weight') usual.learn(sum)
    const latency: (readonly [number, number])[] = []
    sum.forEach((bucket, count) => latency.push([bucket, count]))
    return { track, reason, outcomes: counts, latency }
  }
}

/** All books, and what those that were drained added up to. */
export class TrafficLedger {
  /** Since the start of the process. */
  clientAborted = 0
  proxyErrors = 0
  /** What anything was recorded in, in order of `cell`. */
  series: readonly Series[] = []
  /** Where a book adds up one report's series at a time. */
  readonly sum = new LatencyCounts()
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

  /** Everything that a series has counted, the running interval included, in parts that add up at this moment. */
  partsOf({ cell, drained }: Series): readonly LatencyCounts[] {
    return [drained, ...this.books.map((book) => book.undrained(cell)).filter((counts) => counts !== undefined)]
  }

  /** A book counts this for the first time. */
  know(key: Omit<Series, 'drained'>): void {
    if (this.series.some(({ cell }) => cell === key.cell)) return
    this.series = [...this.series, { ...key, drained: new LatencyCounts() }].toSorted((one, other) => one.cell - other.cell)
  }
}

const allSeries: readonly (readonly [Track, Reason])[] = tracks.flatMap((track) => reasons.map((reason) => [track, reason] as const))
