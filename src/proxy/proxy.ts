/**
 * The sidecar. Answers: every request that reaches this pod is served by the track it belongs to, and recorded; with no controller,
 * no table and no peers, by the app next door. Must not: know Kubernetes, or need the controller in order to serve.
 *
 * A request, from top to bottom:
 *   listener.ts            a port takes a connection
 *   client-connection.ts   its bytes become heads; what is no HTTP/1.1 is refused or passed through
 *   http/request-head.ts   the head is read strictly and written anew
 *   live-routes.ts         the table in force chooses the track (src/routing) and the endpoint
 *   exchange.ts            the request goes up, the response comes down; failures are retried, rescued or told
 *   mirror-copy.ts         a copy of it goes to the canary, where the table says so; nobody waits for it
 *   upstream-pool.ts       over kept-alive connections
 *   metrics/recorder.ts    its end is recorded in the book of its table
 *   reporter.ts            the book becomes reports, which controller-stream.ts sends
 */
import type { Logger } from '../runtime/log.ts'
import type { AppProtocol } from '../api/protocol.ts'
import { renderProxyMetrics } from '../metrics/proxy.ts'
import { TrafficLedger } from '../metrics/recorder.ts'
import { invariant } from '../base/errors.ts'
import { compileRoutes, localTable } from '../routing/routes.ts'
import { newPhase } from '../routing/weighted-choice.ts'
import { startAdmin } from './admin.ts'
import { ControllerStream, type ControllerStreamOptions } from './controller-stream.ts'
import { Deadlines } from './deadlines.ts'
import { roomForClients } from './descriptors.ts'
import { drainListeners } from './drain.ts'
import { noCounts, type Engine } from './engine.ts'
import { RequestParser } from './http/request-head.ts'
import { ResponseParser } from './http/response-head.ts'
import { listen } from './listener.ts'
import { LiveRoutes } from './live-routes.ts'
import { Reporter } from './reporter.ts'
import { defaultForwarding, type DrainSettings, type Forwarding, type ProxyLimits } from './settings.ts'
import { readMetrics, readStats } from './stats.ts'
import { TableSource } from './table-source.ts'
import { UpstreamPool, UpstreamPools } from './upstream-pool.ts'

export interface ProxyOptions {
  /** Address to listen on; undefined: every one, IPv6 and IPv4. */
  readonly host: string | undefined
  /** 0 takes a free port. */
  readonly ports: { readonly route: number; readonly direct: number; readonly admin: number }
  /** Where the app next door listens. */
  readonly app: { readonly host: string; readonly port: number; readonly protocol?: AppProtocol }
  /** This pod's own address; an endpoint of the table with it is no peer. */
  readonly podAddress: string | undefined
  /** File with a route table. */
  readonly routesFile: string | undefined
  readonly controller: Omit<ControllerStreamOptions, 'hello'> | undefined
  readonly identity: { readonly namespace: string; readonly pod: string; readonly version: string; readonly bootId: string }
  readonly limits: ProxyLimits
  readonly drain: DrainSettings
  /** Default: clients are believed, and no ids are made. */
  readonly forwarding?: Forwarding
  readonly log: Logger
  /** Numbers in [0, 1) by which requests are drawn. Default: Math.random. */
  readonly random?: () => number
  /** The clock of all time-outs. Default: one of its own. */
  readonly deadlines?: Deadlines
}

export interface RunningProxy {
  readonly ports: { readonly route: number; readonly direct: number; readonly admin: number }
  /** The orderly end; see drain.ts. Resolves when nothing is left. */
  drain(): Promise<void>
  /** The end at once. */
  stop(): Promise<void>
}

/** A sidecar that was told of a controller is ready without a table after this long: everything local is safe. */
const readyWithoutTableMs = 2000
const goodbyeMs = 1000

/** Starts the sidecar; resolves when all ports are open. Error `LISTEN_FAILED`. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { limits, log, identity, deadlines = new Deadlines() } = options
  const ledger = new TrafficLedger()
  const pools = new UpstreamPools(limits, deadlines)
  const mirrorPools = new UpstreamPools(limits, deadlines)
  const app = new UpstreamPool(options.app.host, options.app.port, { limits, deadlines, isPeer: false })
  const initial = compileRoutes(localTable)
  invariant(initial.ok, 'the table without rules compiles')
  const { random = Math.random, forwarding = defaultForwarding } = options
  const live = new LiveRoutes({ ledger, pools, mirrorPools, app, podAddress: options.podAddress, phase: newPhase(random), mirrorPhase: newPhase(random), initial: initial.value })
  const counters = noCounts()
  const engine: Engine = {
    limits,
    roomForClients: roomForClients(),
    forwarding,
    deadlines,
    live,
    counters,
    log,
    random,
    requestParser: new RequestParser(),
    responseParser: new ResponseParser(),
    protocol: options.app.protocol,
    isDraining: false,
  }
  if (engine.roomForClients < limits.maxConnections) log.warn('the limit of descriptors allows fewer connections than maxConnections', { roomForClients: engine.roomForClients, maxConnections: limits.maxConnections })
  const reporter = new Reporter(identity.bootId, ledger, performance.now())
  const tables = new TableSource(live, reporter, log)
  const file = options.routesFile === undefined ? undefined : new (await import('./routes-file.ts')).RoutesFile(options.routesFile, tables)
  const controller = options.controller && new ControllerStream({ ...options.controller, hello: { type: 'hello', ...identity } }, { tables, live, reporter, log })

  deadlines.start()
  await file?.start()
  const startedAt = performance.now()
  const route = await listen(engine, 'route', options.host, options.ports.route)
  const direct = await listen(engine, 'direct', options.host, options.ports.direct)
  const notReady = (): string | undefined => {
    if (engine.isDraining) return 'the pod is going away'
    const waits = controller !== undefined && !tables.hasReceived && performance.now() - startedAt < readyWithoutTableMs
    return waits ? 'the first route table has not come yet' : undefined
  }
  const parts = { ledger, counters, live, tables, controller }
  const admin = await startAdmin(
    { notReady, metrics: () => renderProxyMetrics(readMetrics(parts)), stats: () => ({ ready: notReady() === undefined, draining: engine.isDraining, ...readStats(parts) }) },
    options.host,
    options.ports.admin,
  )
  controller?.start()
  const ticks = startTicks({ live, reporter, controller })
  tables.onChange = () => ticks.restart()
  ledger.onFailure = () => ticks.hasten()

  const end = async (): Promise<void> => {
    ticks.stop()
    controller?.send(reporter.endInterval(performance.now()))
    await controller?.stop(goodbyeMs)
    file?.stop()
    admin.close()
    app.destroyAll()
    pools.destroyAll()
    mirrorPools.destroyAll()
    deadlines.stop()
  }
  return {
    ports: { route: route.port, direct: direct.port, admin: admin.port },
    drain: async () => {
      engine.isDraining = true
      await drainListeners([route, direct], options.drain)
      await end()
    },
    stop: async () => {
      for (const listener of [route, direct]) {
        listener.close()
        listener.destroy()
      }
      await end()
    },
  }
}

/** A failure is reported this long after it happened, and no report follows another sooner than the second. Milliseconds. */
const hasteMs = { afterFailure: 50, betweenReports: 250 } as const

/**
 * Ends an interval once a tick, whatever tick the table in force asks for, and sooner when a request has failed: a broken canary
 * would serve another second of requests. Without a controller the counts go to the totals alone.
 */
function startTicks(parts: { readonly live: LiveRoutes; readonly reporter: Reporter; readonly controller: ControllerStream | undefined }): { restart(): void; hasten(): void; stop(): void } {
  const { live, reporter, controller } = parts
  let timer: NodeJS.Timeout
  let tickedAt = performance.now()
  let isHastened = false
  const tick = (): void => {
    const { tickMs, generation } = live.active.routes.table
    tickedAt = performance.now()
    const reports = reporter.endInterval(performance.now())
    if (controller) {
      controller.send(reports.length > 0 ? reports : [reporter.emptyReport(generation)])
      controller.checkSilence(tickMs)
    }
    schedule()
  }
  const schedule = (afterMs = live.active.routes.table.tickMs): void => {
    isHastened = false
    timer = setTimeout(tick, afterMs)
    timer.unref()
  }
  const stop = (): void => clearTimeout(timer)
  const hasten = (): void => {
    if (isHastened || !controller) return
    stop()
    schedule(Math.max(hasteMs.afterFailure, tickedAt + hasteMs.betweenReports - performance.now()))
    isHastened = true
  }
  const restart = (): void => {
    stop()
    schedule()
  }
  schedule()
  return { restart, hasten, stop }
}
