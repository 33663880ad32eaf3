/**
 * The table in force. Answers: where does this request go, and where next if that fails. A swap is one assignment: a request
 * keeps what it started with, and its counts go into the book of that table.
 */
import type { Track } from '../api/protocol.ts'
import type { PodTally } from '../metrics/draws.ts'
import type { TrafficBook, TrafficLedger } from '../metrics/recorder.ts'
import { canSpare } from '../routing/ejection.ts'
import { pickEndpoint } from '../routing/endpoint-choice.ts'
import type { RequestView } from '../routing/request-view.ts'
import { chooseTrack, effectiveMirrorParts, effectiveParts, type Choice, type Routes } from '../routing/routes.ts'
import { drawCanary, type Phase } from '../routing/weighted-choice.ts'
import type { UpstreamPool, UpstreamPools } from './upstream-pool.ts'

/** Somewhere a request can be served. */
export interface Place {
  readonly track: Track
  readonly pool: UpstreamPool
  /** The app next door, not another pod's sidecar. */
  readonly isLocal: boolean
  /** Of a canary's pod: what became of the requests that were drawn for it. */
  readonly tally?: PodTally
}

/** One table made ready, with the pools of its endpoints. Immutable. */
export interface ActiveRoutes {
  readonly routes: Routes
  readonly book: TrafficBook
  readonly local: Place
  readonly peers: Readonly<Record<Track, readonly Place[]>>
  /** The canary's pods for copies of requests, over connections that nothing else uses; none while nothing is mirrored. */
  readonly mirrors: readonly Place[]
  /** Whatever pods the primary has now, by way of its Service; the last resort. */
  readonly service: Place | undefined
  /**
   * The controller names other pods, not this one: it is going away, or its Services were given back. Its clients are sent on with
   * `Connection: close` while the app can still answer them; our own SIGTERM comes after the app has ended.
   */
  readonly isLeaving: boolean
}

/** So many places may fail a request before it is no pod's turn any more: one that is not there, where a node has died, costs its client a second. */
const mostTried = 3

export interface LiveRoutesOptions {
  readonly ledger: TrafficLedger
  readonly pools: UpstreamPools
  readonly mirrorPools: UpstreamPools
  /** Where the app next door listens. It belongs to no table and is never retired. */
  readonly app: UpstreamPool
  /** This pod's own address: never a peer. */
  readonly podAddress: string | undefined
  readonly phase: Phase
  readonly mirrorPhase: Phase
  readonly initial: Routes
}

export class LiveRoutes {
  active: ActiveRoutes
  /** When the controller was last heard, on performance.now's clock. */
  private heardAt = performance.now()
  private turn = 0
  private readonly options: LiveRoutesOptions

  constructor(options: LiveRoutesOptions) {
    this.options = options
    this.active = this.activate(options.initial)
  }

  /** Puts a table in force; pools of endpoints that it does not name are closed. */
  publish(routes: Routes): void {
    this.heard()
    this.active = this.activate(routes)
    const { peers, service, mirrors } = this.active
    this.options.mirrorPools.retain(new Set(mirrors.map(({ pool }) => pool)))
    this.options.pools.retain(new Set([...peers.primary, ...peers.canary, ...(service ? [service] : [])].map(({ pool }) => pool)))
  }

  /** The controller has spoken. */
  heard(): void {
    this.heardAt = performance.now()
  }

  choose(request: RequestView, now: number): Choice {
    return chooseTrack(this.active.routes, request, now - this.heardAt, this.options.phase)
  }

  /** Where a copy of this request of the primary's goes; undefined where none is due, or nobody is there. */
  mirrorPlace(active: ActiveRoutes, now: number): Place | undefined {
    const parts = effectiveMirrorParts(active.routes, now - this.heardAt)
    if (parts === 0 || active.mirrors.length === 0 || !drawCanary(this.options.mirrorPhase, parts)) return undefined
    this.turn = (this.turn + 1) % 0x40000000
    return this.pick(active.mirrors, undefined)
  }

  /** The weight that counts now, percent. */
  effectiveWeightPercent(): number {
    return effectiveParts(this.active.routes, performance.now() - this.heardAt) / 10_000
  }

  /** Where a request for `track` is served first. No endpoint means the app next door: a 503 of our making is an outage. */
  firstPlace(active: ActiveRoutes, track: Track): Place {
    if (track === active.local.track) return active.local
    this.turn = (this.turn + 1) % 0x40000000
    return this.pick(active.peers[track], undefined) ?? active.local
  }

  /** Another place after those in `tried`: the same track's endpoints, the app next door, the primary's endpoints, its Service. */
  nextPlace(active: ActiveRoutes, track: Track, tried: ReadonlySet<Place>): Place | undefined {
    const mayAskPods = tried.size < mostTried
    const peer = mayAskPods ? this.pick(active.peers[track], tried) : undefined
    if (peer) return peer
    if (!tried.has(active.local)) return active.local
    const service = active.service && !tried.has(active.service) ? active.service : undefined
    return mayAskPods || !service ? (this.pick(active.peers.primary, tried) ?? service) : service
  }

  /** The primary, for a request that the canary has failed. */
  primaryPlace(active: ActiveRoutes): Place | undefined {
    return active.local.track === 'primary' ? active.local : this.pick(active.peers.primary, undefined)
  }

  /** For another attempt: an endpoint of the track that has not been tried, else one that has. */
  placeForRetry(active: ActiveRoutes, track: Track, tried: ReadonlySet<Place>): Place | undefined {
    const peers = active.peers[track]
    return this.pick(peers, tried) ?? (track === active.local.track ? active.local : this.pick(peers, undefined))
  }

  private pick(places: readonly Place[], tried: ReadonlySet<Place> | undefined): Place | undefined {
    if (places.length === 0) return undefined
    let mayEject: boolean | undefined
    const isLeftAlone = ({ pool }: Place): boolean => {
      const { until } = pool.health
      const now = until === 0 ? 0 : performance.now()
      if (until <= now) return false
      mayEject ??= canSpare(places.map((place) => place.pool.health), now)
      return mayEject
    }
    const index = pickEndpoint(places.length, this.turn, (candidate) => {
      const place = places[candidate]
      return place === undefined || tried?.has(place) === true || isLeftAlone(place) ? undefined : place.pool.active
    })
    return index === undefined ? undefined : places[index]
  }

  private activate(routes: Routes): ActiveRoutes {
    const { table } = routes
    const { pools, mirrorPools, podAddress, app } = this.options
    const peersOf = (track: Track): readonly Place[] =>
      table.endpoints[track]
        .filter(({ address }) => address !== podAddress)
        .map(({ address, port }) => ({ track, pool: pools.get(address, port), isLocal: false, ...(track === 'canary' ? { tally: { address, requests: 0, failures: 0, slow: 0 } } : {}) }))
    const peers = { primary: peersOf('primary'), canary: peersOf('canary') }
    const isMirroring = routes.mirrorParts > 0 && table.self === 'primary'
    const { primaryService } = table
    return {
      routes,
      book: this.options.ledger.open(table.generation, table.canaryWeightPercent, peers.canary.flatMap(({ tally }) => tally ?? [])),
      local: { track: table.self, pool: app, isLocal: true },
      peers,
      mirrors: isMirroring ? table.endpoints.canary.map(({ address, port }) => ({ track: 'canary', pool: mirrorPools.get(address, port), isLocal: false })) : [],
      service: primaryService && { track: 'primary', pool: pools.get(primaryService.address, primaryService.port), isLocal: false },
      isLeaving: podAddress !== undefined && table.generation > 0 && table.endpoints[table.self].every(({ address }) => address !== podAddress),
    }
  }
}
