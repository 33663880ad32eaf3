/**
 * What a sidecar and the controller say to each other: newline-delimited JSON in both directions of one long connection (TLS 1.3;
 * `GET /v1/stream` with `Upgrade: kinglet` and a bearer token of the pod's service account with audience `kinglet.sh/controller`; then
 * 101, or a status that says why not).
 * A route table is also what `kinglet proxy --routes FILE` reads. `codec.ts` parses and prints the lines.
 *
 * Down: `routes` when the table changes and on every new stream; `ping` once a tick, so that silence means loss.
 * Up: `hello` first, `ack` when a table is in force, `report` once a tick and before a table is swapped.
 */

import type { Affinity, MatchRule, RoutePolicy, StickyHash } from './routing.ts'

export type Track = 'primary' | 'canary'
export const tracks = ['primary', 'canary'] as const

/**
 * Why a request went where it went. `affinity`: its user has been there before, or a hash of the user says so. `direct`: it came in at
 * the direct port from outside, no choice was made. `hop`: another sidecar chose. `mirror`: the copy of a request that the primary serves,
 * whose answer nobody sees.
 */
export type Reason = 'weight' | 'match' | 'affinity' | 'direct' | 'hop' | 'mirror'
export const reasons = ['weight', 'match', 'affinity', 'direct', 'hop', 'mirror'] as const

export type AppProtocol = 'http' | 'tcp'
export const appProtocols = ['http', 'tcp'] as const

export interface Endpoint {
  /** IP address of a pod. */
  readonly address: string
  /** The pod's direct port. */
  readonly port: number
}

/** One published state of the routing of one Canary, as one sidecar sees it. Immutable: a request keeps the table it started with. */
export interface RouteTable {
  /** Rises by at least one with each published change. 0 is the table of a sidecar that has heard nothing. */
  readonly generation: number
  /** `namespace/name` of the Canary; for logs and metrics. */
  readonly canary: string
  /** The track of the sidecar that holds this table. */
  readonly self: Track
  /** Share of requests for the canary that no rule decides, 0–100 percent, exact in the long run. The primary gets the rest. */
  readonly canaryWeightPercent: number
  /** Share of the primary's requests of which the canary gets a copy, percent; absent: none. */
  readonly mirrorPercent?: number
  /** A request that matches any of them goes to the canary, at weight 0 too. */
  readonly match: readonly MatchRule[]
  /** What is done to requests whatever track they go to. */
  readonly policy?: RoutePolicy
  /** Users who stay where they were, by cookie. */
  readonly affinity?: Affinity
  /** Users who are where their hash puts them. Not beside `affinity`. */
  readonly stickyHash?: StickyHash
  readonly endpoints: Readonly<Record<Track, readonly Endpoint[]>>
  /**
   * The Service that leads to the direct ports of whatever pods the primary has now. Asked when the app next door and every endpoint
   * above refuse: with no controller to name them, the pods that came since are found this way. Absent: there is none.
   */
  readonly primaryService?: Endpoint
  /** What happens to a request whose hop to the canary failed: DESIGN's `analysis.rescue`. */
  readonly rescue: 'off' | 'unsent' | 'idempotent'
  /** `tcp`: the app speaks a protocol of its own; weights count by connection. `http`: HTTP/1.x, HTTP/2 with prior knowledge, or TLS, by the first bytes. */
  readonly protocol: AppProtocol
  /** Time between reports and between pings, milliseconds. */
  readonly tickMs: number
  /** After this long without a line from the controller the canary's weight counts as 0: nobody judges it. Milliseconds; 0 = never (a table from a file). */
  readonly silenceLimitMs: number
}

/** How a request ended, as far as it speaks about the track that served it. Status classes, or a failure without a status. */
export type Outcome = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'reset' | 'timeout' | 'refused'
export const outcomes = ['1xx', '2xx', '3xx', '4xx', '5xx', 'reset', 'timeout', 'refused'] as const
/** Those that count against a track. */
export const failureOutcomes = ['5xx', 'reset', 'timeout', 'refused'] as const

/** What happened on one (track, reason) since the last report. All counts are deltas, so reports add up in any order. */
export interface SeriesDelta {
  readonly track: Track
  readonly reason: Reason
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  /** Sparse latency histogram, [bucket, count] pairs in ascending bucket order; buckets as in `histogram.ts`. */
  readonly latency: readonly (readonly [bucket: number, count: number])[]
}

/** What became of the requests that were drawn for one track. */
export interface DrawnTrack {
  /** Requests that the weight has sent here, counted when they came. */
  readonly requests: number
  /** Of the outcomes of reason `weight`, those of a request that had been charged before: the second pod that refused it, the primary that rescued it. */
  readonly repeats: number
  readonly repeatedFailures: number
  /** Of the failures that are not repeated: a client's next tries at a request that failed before and counts, within a second. Absent: not told apart. */
  readonly retriedFailures?: number
  /** Requests slower than the primary's 95th percentile of lately, as this sidecar knows it. Absent: not told. */
  readonly slow?: number
  /** Requests whose clients gave up after a second or more without the beginning of an answer. They are in no outcome. */
  readonly givenUp: number
}

/** One pod of the canary, as its callers saw it. */
export interface PodDelta {
  readonly address: string
  readonly requests: number
  readonly failures: number
  /** As for a track. */
  readonly slow?: number
}

/** Where things go wrong: a class of requests (`routing/route-class.ts`), of those that were drawn. */
export interface RouteDelta {
  readonly route: string
  readonly primary: RouteCounts
  readonly canary: RouteCounts
}

export interface RouteCounts {
  readonly failures: number
  readonly slow: number
}

/**
 * What a fair comparison needs beyond the counts: which requests chance has put where. Each request counts once here, at the track
 * that was drawn for it, whatever was tried for it afterwards. A client that tries again is drawn anew, but that
 * its failures have one cause is told (`retriedFailures`).
 */
export interface Drawn {
  /** By which they were drawn; above 0. */
  readonly weightPercent: number
  readonly primary: DrawnTrack
  readonly canary: DrawnTrack
  /** At most `maxPods` of them; the sum may be less than the canary's. */
  readonly pods: readonly PodDelta[]
  /** Classes in which requests failed or were slow, at most `maxRoutes` and one for all others. Absent: not told. */
  readonly routes?: readonly RouteDelta[]
}

/** Classes of requests that one report tells apart, and how the rest is called. */
export const maxRoutes = 16
export const otherRoutes = '(other)'

/** Pods that one report tells apart. */
export const maxPods = 1000

/** Idempotent by (bootId, seq): a sidecar repeats its last minutes of reports on every new stream. */
export interface Report {
  readonly type: 'report'
  readonly bootId: string
  /** 1, 2, 3 … within a bootId. */
  readonly seq: number
  /** The table that was in force for everything in it. */
  readonly generation: number
  /** Milliseconds between the end of the report's interval and the moment it is sent: near 0, more when repeated. */
  readonly ageMs: number
  /** How long the interval was, milliseconds: a second, ten at rest, less where something failed or the table changed. Absent: not said. */
  readonly spanMs?: number
  readonly series: readonly SeriesDelta[]
  /** Requests that ended for reasons of the client or of the sidecar itself; charged to no track. */
  readonly clientAborted: number
  readonly proxyErrors: number
  /** Absent where nothing was drawn: at weight 0, and from older sidecars. */
  readonly drawn?: Drawn
}

export interface Hello {
  readonly type: 'hello'
  readonly namespace: string
  readonly pod: string
  /** New at each start of the process. */
  readonly bootId: string
  readonly version: string
}

/** The table of this generation decides for every request that starts from now on. */
export interface Ack {
  readonly type: 'ack'
  readonly generation: number
}

export type UpMessage = Hello | Ack | Report
export type DownMessage = { readonly type: 'routes'; readonly table: RouteTable } | { readonly type: 'ping' }

export const streamPath = '/v1/stream'
/** What the connection is upgraded to (RFC 9110 §7.8). */
export const streamProtocol = 'kinglet'
