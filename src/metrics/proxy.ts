/**
 * The sidecar's metrics in Prometheus' text format. All names are here. Everything is read at the scrape, in slices between which
 * requests go on: a series in one slice, so that its buckets, its sum and its count agree, and with them the counters of the same
 * requests. The text is ours, not prom-client's: what that does for a scrape in one go took 4 ms, and up to 12 when V8 compiled it meanwhile.
 * Labels are bounded: track, reason, outcome, status class, protocol.
 */
import { bucketOf } from '../api/histogram.ts'
import { tracks, type Outcome, type Track } from '../api/protocol.ts'
import type { LatencyCounts } from './latency-counts.ts'
import type { Series } from './recorder.ts'

/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'
/** Bytes of connections that are passed on unseen. */
export interface ByteCount {
  readonly fromClient: number
  readonly fromServer: number
}

/** What a scrape reads from the running sidecar. */
export interface ProxyReadings {
  readonly series: readonly Series[]
  /** What a series has counted at this moment, in parts that add up. */
  partsOf(series: Series): readonly LatencyCounts[]
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
/** The last bucket of the recorder's that counts under each. */
const lastBuckets: readonly number[] = boundsSeconds.map((bound) => bucketOf(bound * 1e6))

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

type Labels = Readonly<Record<string, string>>
type Line = readonly [labels: Labels, value: number]

/** The present state, in slices of text. What is counted between two of them appears in those that follow, or at the next scrape. */
export function* renderProxyMetrics(readings: ProxyReadings): Generator<string, void, void> {
  const requests: Line[] = []
  yield familyHead(durationName, 'histogram', durationHelp)
  for (const members of byStatus(readings.series)) {
    const sums = members.map((member) => addUp(readings.partsOf(member)))
    for (const [index, { track, reason, outcome, protocol }] of members.entries()) requests.push([{ track, reason, outcome, protocol }, sums[index]?.count ?? 0])
    yield histogramLines(members, sums)
  }
  yield `\n${family('kinglet_requests_total', 'counter', 'Requests (of tcp: connections) by the track that got them, why it did, and how they ended.', requests)}`
  for (const text of otherFamilies(readings)) yield `\n${text}`
}

function otherFamilies(readings: ProxyReadings): readonly string[] {
  const { refusedRequests, droppedMirrors, tcpBytes, controllerConnected } = readings
  const counter = (name: string, help: string, lines: readonly Line[]): string => family(name, 'counter', help, lines)
  const count = (name: string, help: string, value: number): string => family(name, 'counter', help, [[{}, value]])
  const gauge = (name: string, help: string, value: number): string => family(name, 'gauge', help, [[{}, value]])
  return [
    counter('kinglet_refused_requests_total', 'Requests that the sidecar refused for what they are, by its answer.', [...refusedRequests].map(([status, requests]) => [{ status: String(status) }, requests])),
    count('kinglet_client_aborts_total', 'Requests that their clients gave up; charged to no track.', readings.clientAborted),
    count('kinglet_proxy_errors_total', 'Requests that failed for reasons of the sidecar itself; charged to no track.', readings.proxyErrors),
    count('kinglet_route_tables_refused_total', 'Route tables that could not be used; the one before stayed in force.', readings.tablesRefused),
    count('kinglet_retried_requests_total', 'Attempts that spec.service.retries has added. Each failed one is counted against its track.', readings.retriedRequests),
    count('kinglet_rescued_requests_total', 'Requests that another endpoint served after the first had failed them.', readings.rescuedRequests),
    counter(
      'kinglet_mirrors_dropped_total',
      'Copies of requests that were not made: too many were under way (busy), or the body was too long or ended after its answer began (body).',
      Object.entries(droppedMirrors).map(([cause, copies]) => [{ cause }, copies]),
    ),
    gauge('kinglet_mirrors_in_flight', 'Copies of requests that are being made or wait for their answers.', readings.mirrorsInFlight),
    gauge('kinglet_canary_weight_percent', 'Share of requests for the canary that counts at this moment.', readings.canaryWeightPercent),
    gauge('kinglet_route_generation', 'Generation of the route table in force; 0 = none was received.', readings.generation),
    gauge('kinglet_open_connections', 'Connections of clients.', readings.openConnections),
    counter(
      'kinglet_tcp_bytes_total',
      'Bytes of connections that are passed on unseen (TLS, tcp), by track and direction.',
      tracks.flatMap((track): readonly Line[] => [
        [{ track, direction: 'from_client' }, tcpBytes[track].fromClient],
        [{ track, direction: 'from_server' }, tcpBytes[track].fromServer],
      ]),
    ),
    gauge('kinglet_open_tunnels', 'Connections that are passed on as bytes: WebSocket, TLS, tcp.', readings.openTunnels),
    ...(controllerConnected === undefined ? [] : [gauge('kinglet_controller_connected', '1 while the stream to the controller is open.', Number(controllerConnected))]),
  ]
}

const familyHead = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`

/** Label values are our own words: nothing in them has to be escaped. */
function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
  return pairs.length === 0 ? `${name} ${value}\n` : `${name}{${pairs.join(',')}} ${value}\n`
}

const family = (name: string, type: string, help: string, lines: readonly Line[]): string => familyHead(name, type, help) + lines.map(([labels, value]) => line(name, labels, value)).join('')

const durationName = 'http_request_duration_seconds'
const durationHelp = 'Seconds from a request to the end of its response (of tcp: until the connection is open), by status class, track, reason and protocol.'

/** Series that queries see as one. */
function byStatus(series: readonly Series[]): readonly (readonly Series[])[] {
  const groups = Map.groupBy(series, ({ track, reason, outcome, protocol }) => `${track} ${reason} ${protocol} ${statusOf[outcome]}`)
  return [...groups.values()]
}

/** What a series has counted, by the bounds of the scrape: not yet cumulative, those beyond the last bound in `count` alone. */
interface Sum {
  readonly counts: number[]
  count: number
  us: number
}

function addUp(parts: readonly LatencyCounts[]): Sum {
  const sum: Sum = { counts: boundsSeconds.map(() => 0), count: 0, us: 0 }
  for (const part of parts) {
    let bound = 0
    part.forEach((bucket, count) => {
      while (bucket > (lastBuckets[bound] ?? Number.POSITIVE_INFINITY)) bound += 1
      if (bound < boundsSeconds.length) sum.counts[bound] = (sum.counts[bound] ?? 0) + count
    })
    sum.count += part.total
    sum.us += part.sumUs
  }
  return sum
}

function histogramLines([first]: readonly Series[], sums: readonly Sum[]): string {
  if (!first) return ''
  const labels = { status: statusOf[first.outcome], track: first.track, reason: first.reason, protocol: first.protocol }
  const add = (value: (sum: Sum) => number): number => sums.reduce((total, sum) => total + value(sum), 0)
  let upTo = 0
  const buckets = boundsSeconds.map((bound, index) => {
    upTo += add(({ counts }) => counts[index] ?? 0)
    return line(`${durationName}_bucket`, { ...labels, le: String(bound) }, upTo)
  })
  const count = add((sum) => sum.count)
  return [
    ...buckets,
    line(`${durationName}_bucket`, { ...labels, le: '+Inf' }, count),
    line(`${durationName}_sum`, labels, Math.round(add(({ us }) => us)) / 1e6),
    line(`${durationName}_count`, labels, count),
  ].join('')
}
