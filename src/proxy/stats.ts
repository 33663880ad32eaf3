import { LatencyCounts } from '../metrics/latency-counts.ts'
import type { ProxyReadings } from '../metrics/proxy.ts'
import type { Series, TrafficLedger } from '../metrics/recorder.ts'
import type { ControllerStream } from './controller-stream.ts'
import type { EngineCounters } from './engine.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { TableSource } from './table-source.ts'

interface Parts {
  readonly ledger: TrafficLedger
  readonly counters: EngineCounters
  readonly live: LiveRoutes
  readonly tables: TableSource
  readonly controller: ControllerStream | undefined
}

/** What the sidecar says about itself to a scrape. */
export function readMetrics({ ledger, counters, live, tables, controller }: Parts): ProxyReadings {
  return {
    series: ledger.series,
    partsOf: (series) => ledger.partsOf(series),
    ...numbersOf({ ledger, counters, live, tables, controller }),
    refusedRequests: counters.refusedRequests,
  }
}

/** What it says to people. */
export function readStats(parts: Parts): object {
  const { ledger, counters, live } = parts
  return {
    ...numbersOf(parts),
    requestsInFlight: ledger.inFlight,
    table: live.active.routes.table,
    refusedRequests: Object.fromEntries(counters.refusedRequests),
    requests: ledger.series.map((series) => describeSeries(series, ledger.partsOf(series))),
  }
}

const numbersOf = ({ ledger, counters, live, tables, controller }: Parts) => ({
  clientAborted: ledger.clientAborted,
  proxyErrors: ledger.proxyErrors,
  generation: tables.generation,
  canaryWeightPercent: live.effectiveWeightPercent(),
  controllerConnected: controller?.isOpen,
  tablesRefused: tables.refusedTables,
  rescuedRequests: counters.rescuedRequests,
  retriedRequests: counters.retriedRequests,
  mirrorsInFlight: counters.mirrorsInFlight,
  droppedMirrors: counters.droppedMirrors,
  openConnections: counters.openConnections,
  openTunnels: counters.openTunnels,
  tcpBytes: counters.tcpBytes,
})

function describeSeries({ track, reason, outcome, protocol }: Series, parts: readonly LatencyCounts[]): object {
  const all = new LatencyCounts()
  for (const part of parts) all.add(part)
  return { track, reason, outcome, protocol, count: all.total, p50Ms: toMs(all.quantileUs(0.5)), p99Ms: toMs(all.quantileUs(0.99)) }
}

const toMs = (us: number | undefined): number | undefined => (us === undefined ? undefined : us / 1000)
