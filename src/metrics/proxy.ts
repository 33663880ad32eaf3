/**
 * The sidecar's metrics in Prometheus' text format. All names are here. Everything is read at the scrape: nothing of prom-client
 * runs on a request's way. Labels are bounded: track, reason, outcome, status class, protocol.
 */
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Histogram from 'prom-client/lib/histogram.js'
import Registry from 'prom-client/lib/registry.js'
import { bucketOf } from '../api/histogram.ts'
import { tracks, type Outcome, type Track } from '../api/protocol.ts'
import type { SeriesTotal } from './recorder.ts'

/** Bytes of connections that are passed on unseen. */
export interface ByteCount {
  readonly fromClient: number
  readonly fromServer: number
}

/** What a scrape reads from the running sidecar. */
export interface ProxyReadings {
  readonly series: readonly SeriesTotal[]
  readonly clientAborted: number
  readonly proxyErrors: number
  /** Requests that were refused for what they are, by status. */
  readonly refusedRequests: ReadonlyMap<number, number>
  readonly generation: number
  /** The weight that counts at this moment, 0–100 percent. */
  readonly canaryWeightPercent: number
  /** Undefined where the sidecar has no controller. */
  readonly controllerConnected: boolean | undefined
  readonly tablesRefused: number
  readonly rescuedRequests: number
  readonly retriedRequests: number
  readonly mirrorsInFlight: number
  /** Copies that were not made, by why. */
  readonly droppedMirrors: Readonly<Record<string, number>>
  readonly openConnections: number
  readonly openTunnels: number
  readonly tcpBytes: Readonly<Record<Track, ByteCount>>
}

/** Upper bounds in seconds. Flagger's queries compute p99 from them: dense where services answer. */
const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

/**
 * What queries see as `status`. A failure without a status is what it was to the user, a server's failure: Flagger's stock
 * queries count `status!~"5.*"` as success.
 */
const statusOf: Readonly<Record<Outcome, string>> = {
  '1xx': '1xx',
  '2xx': '2xx',
  '3xx': '3xx',
  '4xx': '4xx',
  '5xx': '5xx',
  reset: '5xx',
  timeout: '5xx',
  refused: '5xx',
}

/** Renders the present state; `read` is called once a scrape. */
export function createProxyMetrics(read: () => ProxyReadings): { readonly contentType: string; render(): Promise<string> } {
  const registry = new Registry()
  let readings = read()
  const counter = (name: string, help: string, labelNames: string[], fill: (metric: Counter) => void): void =>
    registry.registerMetric(
      new Counter({
        name,
        help,
        labelNames,
        registers: [],
        collect() {
          this.reset()
          fill(this)
        },
      }),
    )
  const count = (name: string, help: string, value: () => number): void => counter(name, help, [], (metric) => metric.inc(value()))
  const gauge = (name: string, help: string, value: () => number): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(value())
        },
      }),
    )

  registry.registerMetric(new RecordedHistogram(() => readings.series))
  counter('kinglet_requests_total', 'Requests (of tcp: connections) by the track that got them, why it did, and how they ended.', ['track', 'reason', 'outcome', 'protocol'], (metric) => {
    for (const { track, reason, outcome, protocol, count: requests } of readings.series) metric.inc({ track, reason, outcome, protocol }, requests)
  })
  counter('kinglet_refused_requests_total', 'Requests that the sidecar refused for what they are, by its answer.', ['status'], (metric) => {
    for (const [status, requests] of readings.refusedRequests) metric.inc({ status: String(status) }, requests)
  })
  count('kinglet_client_aborts_total', 'Requests that their clients gave up; charged to no track.', () => readings.clientAborted)
  count('kinglet_proxy_errors_total', 'Requests that failed for reasons of the sidecar itself; charged to no track.', () => readings.proxyErrors)
  count('kinglet_route_tables_refused_total', 'Route tables that could not be used; the one before stayed in force.', () => readings.tablesRefused)
  count('kinglet_retried_requests_total', 'Attempts that spec.service.retries has added. Each failed one is counted against its track.', () => readings.retriedRequests)
  count('kinglet_rescued_requests_total', 'Requests that another endpoint served after the first had failed them.', () => readings.rescuedRequests)
  counter('kinglet_mirrors_dropped_total', 'Copies of requests that were not made: too many were under way (busy), or the body was too long or ended after its answer began (body).', ['cause'], (metric) => {
    for (const [cause, copies] of Object.entries(readings.droppedMirrors)) metric.inc({ cause }, copies)
  })
  gauge('kinglet_mirrors_in_flight', 'Copies of requests that are being made or wait for their answers.', () => readings.mirrorsInFlight)
  gauge('kinglet_canary_weight_percent', 'Share of requests for the canary that counts at this moment.', () => readings.canaryWeightPercent)
  gauge('kinglet_route_generation', 'Generation of the route table in force; 0 = none was received.', () => readings.generation)
  gauge('kinglet_open_connections', 'Connections of clients.', () => readings.openConnections)
  counter('kinglet_tcp_bytes_total', 'Bytes of connections that are passed on unseen (TLS, tcp), by track and direction.', ['track', 'direction'], (metric) => {
    for (const track of tracks) {
      metric.inc({ track, direction: 'from_client' }, readings.tcpBytes[track].fromClient)
      metric.inc({ track, direction: 'from_server' }, readings.tcpBytes[track].fromServer)
    }
  })
  gauge('kinglet_open_tunnels', 'Connections that are passed on as bytes: WebSocket, TLS, tcp.', () => readings.openTunnels)
  if (readings.controllerConnected !== undefined)
    gauge('kinglet_controller_connected', '1 while the stream to the controller is open.', () => Number(readings.controllerConnected))
  return {
    contentType: registry.contentType,
    render: () => {
      readings = read()
      return registry.metrics()
    },
  }
}

const durationName = 'http_request_duration_seconds'
const durationHelp = 'Seconds from a request to the end of its response (of tcp: until the connection is open), by status class, track, reason and protocol.'

/** A histogram whose lines come from the recorder's buckets, not from observe(). */
class RecordedHistogram extends Histogram {
  private readonly series: () => readonly SeriesTotal[]

  constructor(series: () => readonly SeriesTotal[]) {
    super({ name: durationName, help: durationHelp, labelNames: ['status', 'track', 'reason', 'protocol'], registers: [] })
    this.series = series
  }

  /** What prom-client's Registry and get() render; the inherited one would look at observations. */
  getForPromString(): object {
    return { name: durationName, help: durationHelp, type: 'histogram', aggregator: 'sum', values: byStatus(this.series()).flatMap(histogramLines) }
  }
}

interface StatusGroup {
  readonly labels: { readonly status: string; readonly track: string; readonly reason: string; readonly protocol: string }
  readonly members: readonly SeriesTotal[]
}

function byStatus(series: readonly SeriesTotal[]): readonly StatusGroup[] {
  const groups = Map.groupBy(series, ({ track, reason, outcome, protocol }) => `${track} ${reason} ${protocol} ${statusOf[outcome]}`)
  return [...groups.values()].flatMap((members) => {
    const [first] = members
    return first ? [{ labels: { status: statusOf[first.outcome], track: first.track, reason: first.reason, protocol: first.protocol }, members }] : []
  })
}

interface Line {
  readonly metricName: string
  readonly labels: Record<string, string | number>
  readonly value: number
}

function histogramLines({ labels, members }: StatusGroup): readonly Line[] {
  const sum = (value: (member: SeriesTotal) => number): number => members.reduce((total, member) => total + value(member), 0)
  const line = (suffix: string, value: number, le?: number | string): Line => ({
    metricName: `${durationName}_${suffix}`,
    labels: le === undefined ? { ...labels } : { ...labels, le },
    value,
  })
  const total = sum((member) => member.count)
  return [
    ...boundsSeconds.map((bound) => line('bucket', sum((member) => countUpTo(member.buckets, bound)), bound)),
    line('bucket', total, '+Inf'),
    line('sum', sum((member) => member.sumSeconds)),
    line('count', total),
  ]
}

function countUpTo(buckets: Float64Array, boundSeconds: number): number {
  const last = bucketOf(boundSeconds * 1e6)
  let total = 0
  for (let bucket = 0; bucket <= last; bucket += 1) total += buckets[bucket] ?? 0
  return total
}
