import type { Outcome, Reason, RouteTable, Track } from '../../api/protocol.ts'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localTable } from '../../routing/routes.ts'
import { createLogger } from '../../runtime/log.ts'
import { startProxy, type ProxyOptions, type RunningProxy } from '../proxy.ts'
import { defaultLimits, type ProxyLimits } from '../settings.ts'
import { until } from './until.ts'

/** A running sidecar with all its ports on 127.0.0.1, and what it says about itself. */
export interface Rig {
  readonly proxy: RunningProxy
  readonly route: number
  readonly direct: number
  readonly admin: number
  /** Lines that were logged. */
  readonly logs: readonly string[]
  /** Puts a table in force by way of the routes file, and waits until it is. */
  setTable(change: Partial<RouteTable>): Promise<void>
  /** Writes the routes file as it is given. */
  writeRoutes(text: string): void
  /** Takes the routes file away. */
  removeRoutes(): void
  stats(): Promise<Stats>
  /** How many requests were recorded so, since the start. */
  count(track: Track, reason: Reason, outcome: Outcome): Promise<number>
  close(): Promise<void>
}

export interface Stats {
  readonly ready: boolean
  readonly draining: boolean
  readonly generation: number
  readonly canaryWeightPercent: number
  readonly clientAborted: number
  readonly proxyErrors: number
  readonly tablesRefused: number
  readonly rescuedRequests: number
  readonly retriedRequests: number
  readonly mirrorsInFlight: number
  readonly droppedMirrors: { readonly busy: number; readonly body: number }
  readonly openConnections: number
  readonly openTunnels: number
  readonly requestsInFlight: number
  readonly refusedRequests: Readonly<Record<string, number>>
  readonly requests: readonly { readonly track: Track; readonly reason: Reason; readonly outcome: Outcome; readonly count: number; readonly p50Ms: number; readonly p99Ms: number }[]
}

export interface RigOptions {
  readonly limits?: Partial<ProxyLimits>
  readonly change?: Partial<ProxyOptions>
  readonly table?: Partial<RouteTable>
}

/** Starts a sidecar next to the app at `appPort`. */
export async function startRig(appPort: number, options: RigOptions = {}): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'kinglet-proxy-'))
  const routesFile = join(folder, 'routes.json')
  let generation = 1
  const tableText = (change: Partial<RouteTable>): string => JSON.stringify({ ...localTable, canary: 'test/app', generation, ...change })
  writeFileSync(routesFile, tableText(options.table ?? {}))
  const logs: string[] = []
  const proxy = await startProxy({
    host: '127.0.0.1',
    ports: { route: 0, direct: 0, admin: 0 },
    app: { host: '127.0.0.1', port: appPort },
    podAddress: undefined,
    routesFile,
    controller: undefined,
    identity: { namespace: 'test', pod: 'app-1', version: '0', bootId: 'boot' },
    limits: { ...defaultLimits, ...options.limits },
    drain: { minMs: 100, quietMs: 100, deadlineMs: 3000 },
    log: createLogger('debug', {}, (line) => logs.push(line)),
    ...options.change,
  })
  const { route, direct, admin } = proxy.ports
  const stats = async (): Promise<Stats> => (await (await fetch(`http://127.0.0.1:${admin}/stats`)).json()) as Stats
  const writeRoutes = (text: string): void => writeFileSync(routesFile, text)
  return {
    proxy,
    route,
    direct,
    admin,
    logs,
    writeRoutes,
    removeRoutes: () => rmSync(routesFile),
    stats,
    setTable: async (change) => {
      generation += 1
      writeRoutes(tableText(change))
      await until(`generation ${generation}`, () => logs.some((line) => line.includes('in force') && line.includes(`"generation":${generation},`)))
    },
    count: async (track, reason, outcome) => (await stats()).requests.find((series) => series.track === track && series.reason === reason && series.outcome === outcome)?.count ?? 0,
    close: async () => {
      await proxy.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
