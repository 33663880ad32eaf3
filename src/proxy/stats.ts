import { quantileUs } from '../api/histogram.ts'
import type { ProxyReadings } from '../metrics/proxy.ts'
import type { SeriesTotal, TrafficLedger } from '../metrics/recorder.ts'
import type { ControllerStream } from './controller-stream.ts'
import type { EngineCounters } from './engine.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { TableSource } from './table-source.ts'

/** What the sidecar says about itself: to a scrape (`readings`) and to people (`stats`). */
export function readStats(parts: {
  readonly ledger: TrafficLedger
  readonly counters: EngineCounters
  readonly live: LiveRoutes
  readonly tables: TableSource
  readonly controller: ControllerStream | undefined
}): { readonly readings: ProxyReadings; readonly stats: object } {
  const { ledger, counters, live, tables, controller } = parts
  const series = ledger.snapshot()
  const readings: ProxyReadings = {
    series,
    clientAborted: ledger.clientAborted,
    proxyErrors: ledger.proxyErrors,
    refusedRequests: counters.refusedRequests,
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
  }
  const { series: _series, refusedRequests, ...numbers } = readings
  return {
    readings,
    stats: { ...numbers, requestsInFlight: ledger.inFlight, table: live.active.routes.table, refusedRequests: Object.fromEntries(refusedRequests), requests: series.map(describeSeries) },
  }
}

function describeSeries({ track, reason, outcome, protocol, count, buckets }: SeriesTotal): object {
  const histogram = new Map([...buckets.entries()].filter(([, inBucket]) => inBucket > 0))
  return { track, reason, outcome, protocol, count, p50Ms: toMs(quantileUs(histogram, 0.5)), p99Ms: toMs(quantileUs(histogram, 0.99)) }
}

const toMs = (us: number | undefined): number | undefined => (us === undefined ? undefined : us / 1000)
