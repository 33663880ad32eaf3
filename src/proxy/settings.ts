/** What the sidecar can be told. Every number has its unit in its name; the defaults are what `kinglet proxy --help` prints. */
export interface ProxyLimits {
  /** Longest head of a request, bytes: 431 beyond. Node's default. */
  readonly maxHeadBytes: number
  /** Longest request target, bytes: 414 beyond. */
  readonly maxTargetBytes: number
  /** Most field lines in a head: 431 beyond. Envoy's default. */
  readonly maxFields: number
  /** Longest request body, bytes: 413 beyond; 0 = any length. The app knows better. */
  readonly maxBodyBytes: number
  /** Slowest that a request body may come on the whole, bytes a second: 408 below; 0 = as slow as `bodyTimeoutMs` lets it. Some uploads are slow on purpose. */
  readonly minBodyRate: number
  /** Most client connections per listener: 503 with Retry-After beyond. */
  readonly maxConnections: number
  /** Most requests under way, all ports and protocols together: 503 with Retry-After beyond. */
  readonly maxRequests: number
  /** Longest head of a response, bytes: 502 beyond. More than of a request: the app next door is nobody's attacker, and some set many cookies. */
  readonly maxResponseHeadBytes: number
  /** All chunk extensions and trailers of one message, bytes each: 400 or 502 beyond. */
  readonly maxChunkExtraBytes: number
  /** How much of a request's body is kept so that another place can get it, bytes. Linkerd's figure. */
  readonly maxReplayBytes: number
  /** Most copies of requests that are being made or wait for their answers; no more are made then. */
  readonly maxMirrors: number
  /** Longest body of a request that is copied, bytes. */
  readonly maxMirrorBytes: number
  /** Most streams that one client may have open on one HTTP/2 connection; more are refused, which clients wait for. */
  readonly maxStreams: number
  /** From the first byte of a request to the end of its head: 408 beyond (slowloris). */
  readonly headTimeoutMs: number
  /** A kept-alive client connection without a request. Above the 60 s of common load balancers, so that they close first. */
  readonly idleTimeoutMs: number
  /** Age at which a client's connection at the route port is asked to be replaced, ±10 %; 0 = any. Like Envoy's and gRPC's default: what the app promised is not cut short. */
  readonly maxConnectionAgeMs: number
  /** A request body without a byte, or a response that the client does not take. */
  readonly bodyTimeoutMs: number
  /**
   * To open a connection to the app: 503 beyond. A kernel whose queue for a slow server is full drops the SYN of a client, which comes again after a second
   * and, with older kernels, after three: HAProxy's documentation asks for a bit more than that.
   */
  readonly connectTimeoutMs: number
  /** To open a connection to a peer: then another serves. */
  readonly peerConnectTimeoutMs: number
  /** From the request to the head of its response: 504 beyond. */
  readonly responseTimeoutMs: number
  /** From a copy to the head of its answer; then it counts as a time-out. Envoy's default for a request. */
  readonly mirrorTimeoutMs: number
  /** How long a body waits for `100 Continue` before it is sent anyway (RFC 9110 §10.1.1). */
  readonly continueTimeoutMs: number
  /** A client that has closed its side in the middle of a response, while nothing comes for it, is taken for gone after this long. */
  readonly halfClosedMs: number
  /** A tunnel (WebSocket, TLS, HTTP/2) without a byte either way. */
  readonly tunnelIdleMs: number
  /** An unused connection to the app or a peer. Node servers close theirs after 5 s: we must be first. */
  readonly upstreamIdleMs: number
  /** How long the rest of an unwanted request is read and thrown away, so that the client sees the answer before the close. */
  readonly lingerMs: number
}

export const defaultLimits: ProxyLimits = {
  maxHeadBytes: 16_384,
  maxTargetBytes: 8192,
  maxFields: 100,
  maxBodyBytes: 0,
  minBodyRate: 0,
  maxConnections: 10_000,
  maxRequests: 20_000,
  maxResponseHeadBytes: 65_536,
  maxChunkExtraBytes: 16_384,
  maxReplayBytes: 65_536,
  maxMirrors: 128,
  maxMirrorBytes: 65_536,
  maxStreams: 1000,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  maxConnectionAgeMs: 0,
  bodyTimeoutMs: 60_000,
  connectTimeoutMs: 5000,
  peerConnectTimeoutMs: 1000,
  responseTimeoutMs: 300_000,
  mirrorTimeoutMs: 15_000,
  continueTimeoutMs: 1000,
  halfClosedMs: 5000,
  tunnelIdleMs: 3_600_000,
  upstreamIdleMs: 4000,
  lingerMs: 2000,
}

export interface DrainSettings {
  /** At least this long after the signal the listeners stay open: endpoints and kube-proxies learn late. */
  readonly minMs: number
  /** Then until no connection has come for this long. */
  readonly quietMs: number
  /** After this long whatever is in flight is cut. Below the pod's grace period of 30 s. */
  readonly deadlineMs: number
}

export const defaultDrain: DrainSettings = { minMs: 5000, quietMs: 3000, deadlineMs: 25_000 }

/** What becomes of fields by which proxies tell apps about their clients. */
export interface Forwarding {
  /** X-Forwarded-For, -Host, -Proto of a client are believed, and added to. Else they are replaced: the client is nobody's proxy. */
  readonly believesClients: boolean
  /** A request without X-Request-Id gets one; one of a client that is not believed gets another. */
  readonly makesRequestIds: boolean
}

export const defaultForwarding: Forwarding = { believesClients: true, makesRequestIds: false }
