import type { AppProtocol, Track } from '../api/protocol.ts'
import type { Logger } from '../runtime/log.ts'
import type { Deadlines } from './deadlines.ts'
import type { RequestParser } from './http/request-head.ts'
import type { ResponseParser } from './http/response-head.ts'
import type { LiveRoutes } from './live-routes.ts'
import type { Forwarding, ProxyLimits } from './settings.ts'

/** What all connections of one sidecar share. */
export interface Engine {
  readonly limits: ProxyLimits
  /** Connections of clients that there are descriptors for, all ports together. */
  readonly roomForClients: number
  readonly forwarding: Forwarding
  readonly deadlines: Deadlines
  readonly live: LiveRoutes
  readonly requestParser: RequestParser
  readonly responseParser: ResponseParser
  readonly counters: EngineCounters
  readonly log: Logger
  /** Numbers in [0, 1). */
  readonly random: () => number
  /** What this pod was told that its app speaks; it goes before what the table says. */
  readonly protocol: AppProtocol | undefined
  /** The pod is going away: every answer asks its client to connect anew. */
  isDraining: boolean
}

/** Why no copy was made: too many were under way; the body was too long, or its answer had begun before its end. */
export type MirrorDrop = 'busy' | 'body'

/** Counts that belong to no track; since the start of the process, except `open…`, which are now. */
export interface EngineCounters {
  /** Requests refused for what they are, by the status of the answer. */
  readonly refusedRequests: Map<number, number>
  rescuedRequests: number
  /** Attempts that the service's retry policy has added. */
  retriedRequests: number
  /** Copies under way, and those that were not made. */
  mirrorsInFlight: number
  readonly droppedMirrors: Record<MirrorDrop, number>
  openConnections: number
  openTunnels: number
  /** Requests under way. */
  requestsInFlight: number
  /** Bytes of connections that are passed on unseen, by the track that got them. */
  readonly tcpBytes: Readonly<Record<Track, { fromClient: number; fromServer: number }>>
}

export const noCounts = (): EngineCounters => ({
  refusedRequests: new Map(),
  rescuedRequests: 0,
  retriedRequests: 0,
  mirrorsInFlight: 0,
  droppedMirrors: { busy: 0, body: 0 },
  openConnections: 0,
  openTunnels: 0,
  requestsInFlight: 0,
  tcpBytes: { primary: { fromClient: 0, fromServer: 0 }, canary: { fromClient: 0, fromServer: 0 } },
})
