import { Command, InvalidArgumentError, Option } from 'commander'
import { proxyPorts, proxyTokenPath } from '../api/keys.ts'
import { appProtocols, type AppProtocol } from '../api/protocol.ts'
import { logLevels, type LogLevel } from '../runtime/log.ts'
import { defaultDrain, defaultLimits, type DrainSettings, type ProxyLimits } from '../proxy/settings.ts'

/** What `kinglet proxy` was told. */
export interface ProxyCommandOptions extends ProxyLimits {
  readonly app: { readonly host: string; readonly port: number }
  readonly protocol?: AppProtocol
  readonly host?: string
  readonly routePort: number
  readonly directPort: number
  readonly adminPort: number
  readonly routes?: string
  readonly controller?: string
  readonly ca?: string
  readonly tokenFile: string
  readonly podName: string
  readonly podNamespace: string
  readonly podIp?: string
  readonly logLevel: LogLevel
  readonly forwarded: 'append' | 'overwrite'
  readonly requestId: 'keep' | 'make'
  readonly drainMinMs: DrainSettings['minMs']
  readonly drainQuietMs: DrainSettings['quietMs']
  readonly drainDeadlineMs: DrainSettings['deadlineMs']
}

const help = `
Ports:
  route    picks a track for each request by the route table, and forwards it
  direct   always the app next door; other sidecars send requests here
  admin    /metrics (Prometheus), /healthz, /readyz, /stats (JSON)

Without --routes and --controller every request goes to the app.
A file for --routes holds one route table as JSON, for example:
  {"generation": 1, "canary": "shop/cart", "self": "primary", "canaryWeightPercent": 10,
   "match": [{"headers": {"x-canary": {"exact": "always"}}}],
   "endpoints": {"primary": [], "canary": [{"address": "10.0.0.7", "port": 14081}]},
   "rescue": "unsent", "tickMs": 1000, "silenceLimitMs": 0}
Further fields are optional, such as "mirrorPercent": 100 (the canary also gets copies of what the primary serves).
It is read again when it changes; a file with an error changes nothing, and the log says which field it is.

HTTP/1.x and HTTP/2 with prior knowledge (gRPC) are routed by the request. Connections that begin with TLS, and all where the protocol is
tcp, are passed on as bytes, each as a whole by weight.`

/** The command, with its action handed in. */
export function buildProxyCommand(action: (options: ProxyCommandOptions) => Promise<void>): Command {
  const command = new Command('proxy').description('The sidecar: routes, forwards and records the requests of one pod.').addHelpText('after', help)
  // An option must be complete before the command gets it: commander copies the default at that moment.
  const add = (flags: string, env: string, description: string, complete: (option: Option) => Option = (option) => option): void => {
    command.addOption(complete(new Option(flags, description).env(env)))
  }
  const whole = (flags: string, env: string, description: string, value: number): void =>
    add(flags, env, description, (option) => option.argParser(parseWhole).default(value))
  const text = (flags: string, env: string, description: string, value: string): void => add(flags, env, description, (option) => option.default(value))

  add('--app <host:port>', 'KINGLET_APP', 'where the app next door listens', (option) => option.argParser(parseAddress).makeOptionMandatory())
  add('--protocol <name>', 'KINGLET_PROTOCOL', 'what the app speaks, whatever the table says: tcp is passed on by connection', (option) => option.choices(appProtocols))
  add('--host <address>', 'KINGLET_HOST', 'address to listen on (default: every one, IPv6 and IPv4)')
  whole('--route-port <port>', 'KINGLET_ROUTE_PORT', 'route port; 0 = any free one', proxyPorts.route.port)
  whole('--direct-port <port>', 'KINGLET_DIRECT_PORT', 'direct port; 0 = any free one', proxyPorts.direct.port)
  whole('--admin-port <port>', 'KINGLET_ADMIN_PORT', 'admin port; 0 = any free one', proxyPorts.admin.port)
  add('--routes <file>', 'KINGLET_ROUTES', 'file with a route table', (option) => option.conflicts('controller'))
  add('--controller <host:port>', 'KINGLET_CONTROLLER', 'controller that sends the route table', (option) => option.conflicts('routes').argParser(checkAddress))
  add('--ca <pem>', 'KINGLET_CA', 'certificate of the authority that signed the controller’s, PEM text')
  text('--token-file <file>', 'KINGLET_TOKEN_FILE', 'token to show to the controller', `${proxyTokenPath}/token`)
  text('--pod-name <name>', 'POD_NAME', 'name of this pod', 'unknown')
  text('--pod-namespace <name>', 'POD_NAMESPACE', 'namespace of this pod', 'default')
  add('--pod-ip <address>', 'POD_IP', 'address of this pod')
  add('--log-level <level>', 'KINGLET_LOG_LEVEL', 'least severe lines to log', (option) => option.choices(logLevels).default('info'))

  add('--forwarded <mode>', 'KINGLET_FORWARDED', 'X-Forwarded fields of clients: append believes and adds to them, overwrite replaces them', (option) => option.choices(['append', 'overwrite']).default('append'))
  add('--request-id <mode>', 'KINGLET_REQUEST_ID', 'requests without an X-Request-Id: keep them so, or make one', (option) => option.choices(['keep', 'make']).default('keep'))
  whole('--max-head-bytes <n>', 'KINGLET_MAX_HEAD_BYTES', 'longest head of a request', defaultLimits.maxHeadBytes)
  whole('--max-target-bytes <n>', 'KINGLET_MAX_TARGET_BYTES', 'longest request target', defaultLimits.maxTargetBytes)
  whole('--max-fields <n>', 'KINGLET_MAX_FIELDS', 'most header fields of a request, up to 500', defaultLimits.maxFields)
  whole('--max-body-bytes <n>', 'KINGLET_MAX_BODY_BYTES', 'longest request body; 0 = any', defaultLimits.maxBodyBytes)
  whole('--min-body-rate <n>', 'KINGLET_MIN_BODY_RATE', 'least bytes a second of a request body, after five seconds; 0 = any', defaultLimits.minBodyRate)
  whole('--max-connections <n>', 'KINGLET_MAX_CONNECTIONS', 'most client connections per port; more get 503', defaultLimits.maxConnections)
  whole('--max-streams <n>', 'KINGLET_MAX_STREAMS', 'most open streams per HTTP/2 connection', defaultLimits.maxStreams)
  whole('--max-requests <n>', 'KINGLET_MAX_REQUESTS', 'most requests under way; more get 503', defaultLimits.maxRequests)
  whole('--max-response-head-bytes <n>', 'KINGLET_MAX_RESPONSE_HEAD_BYTES', 'longest head of a response', defaultLimits.maxResponseHeadBytes)
  whole('--max-chunk-extra-bytes <n>', 'KINGLET_MAX_CHUNK_EXTRA_BYTES', 'chunk extensions of one message, and its trailers', defaultLimits.maxChunkExtraBytes)
  whole('--max-replay-bytes <n>', 'KINGLET_MAX_REPLAY_BYTES', 'how much of a body is kept in case that its request must be sent again', defaultLimits.maxReplayBytes)
  whole('--max-mirrors <n>', 'KINGLET_MAX_MIRRORS', 'most copies of requests under way at once (analysis.mirror)', defaultLimits.maxMirrors)
  whole('--max-mirror-bytes <n>', 'KINGLET_MAX_MIRROR_BYTES', 'longest body of a request that is copied', defaultLimits.maxMirrorBytes)
  whole('--mirror-timeout-ms <ms>', 'KINGLET_MIRROR_TIMEOUT_MS', 'from a copied request to the head of its answer', defaultLimits.mirrorTimeoutMs)
  whole('--head-timeout-ms <ms>', 'KINGLET_HEAD_TIMEOUT_MS', 'from the first byte of a head to its last', defaultLimits.headTimeoutMs)
  whole('--idle-timeout-ms <ms>', 'KINGLET_IDLE_TIMEOUT_MS', 'client connection without a request', defaultLimits.idleTimeoutMs)
  whole('--max-connection-age-ms <ms>', 'KINGLET_MAX_CONNECTION_AGE_MS', 'age at which clients are asked to connect anew, ±10 %; 0 = any', defaultLimits.maxConnectionAgeMs)
  whole('--body-timeout-ms <ms>', 'KINGLET_BODY_TIMEOUT_MS', 'request body that stops, response that is not taken', defaultLimits.bodyTimeoutMs)
  whole('--connect-timeout-ms <ms>', 'KINGLET_CONNECT_TIMEOUT_MS', 'connecting to the app', defaultLimits.connectTimeoutMs)
  whole('--peer-connect-timeout-ms <ms>', 'KINGLET_PEER_CONNECT_TIMEOUT_MS', 'connecting to another pod, before a third one is asked', defaultLimits.peerConnectTimeoutMs)
  whole('--response-timeout-ms <ms>', 'KINGLET_RESPONSE_TIMEOUT_MS', 'from the request to the head of its response', defaultLimits.responseTimeoutMs)
  whole('--continue-timeout-ms <ms>', 'KINGLET_CONTINUE_TIMEOUT_MS', 'how long a body waits for 100 Continue', defaultLimits.continueTimeoutMs)
  whole('--half-closed-ms <ms>', 'KINGLET_HALF_CLOSED_MS', 'client that closed its side during a response, while nothing comes for it', defaultLimits.halfClosedMs)
  whole('--tunnel-idle-ms <ms>', 'KINGLET_TUNNEL_IDLE_MS', 'WebSocket or other tunnel without a byte', defaultLimits.tunnelIdleMs)
  whole('--upstream-idle-ms <ms>', 'KINGLET_UPSTREAM_IDLE_MS', 'unused connection to the app or a peer', defaultLimits.upstreamIdleMs)
  whole('--linger-ms <ms>', 'KINGLET_LINGER_MS', 'reading on after the last answer, before the close', defaultLimits.lingerMs)
  whole('--drain-min-ms <ms>', 'KINGLET_DRAIN_MIN_MS', 'after SIGTERM: least time the ports stay open', defaultDrain.minMs)
  whole('--drain-quiet-ms <ms>', 'KINGLET_DRAIN_QUIET_MS', 'after SIGTERM: time without a new connection before they close', defaultDrain.quietMs)
  whole('--drain-deadline-ms <ms>', 'KINGLET_DRAIN_DEADLINE_MS', 'after SIGTERM: what is left then is cut', defaultDrain.deadlineMs)
  return command.action(action)
}

function parseWhole(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.')
  return Number(text)
}

/** The text as it is, where it is an address. */
function checkAddress(text: string): string {
  parseAddress(text)
  return text
}

/** `127.0.0.1:8080`, `[::1]:8080`, `app:8080`. */
function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || port === undefined || Number(port) < 1 || Number(port) > 65_535) throw new InvalidArgumentError('It must look like 127.0.0.1:8080.')
  return { host, port: Number(port) }
}
