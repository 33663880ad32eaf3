/**
 * The lines of protocol.ts: one JSON object a line, `\n` after each. Nothing that comes over the wire or out of a file is believed:
 * every field is read once, here or in routing-codec.ts, and an error names the field. Unknown fields are skipped, so that an older sidecar understands a
 * newer controller, except in match rules: a condition that is not understood would send more requests to the canary than were meant.
 */
import { err, ok, type Result } from '../base/result.ts'
import { attempt, integer, listOf, number, object, oneOf, recordOf, refuse, text, type Read } from './fields.ts'
import { bucketOf, highestUs } from './histogram.ts'
import {
  appProtocols,
  maxPods,
  maxRoutes,
  outcomes,
  reasons,
  tracks,
  type DownMessage,
  type Drawn,
  type DrawnTrack,
  type Endpoint,
  type PodDelta,
  type Report,
  type RouteCounts,
  type RouteDelta,
  type RouteTable,
  type SeriesDelta,
  type UpMessage,
} from './protocol.ts'
import { routePolicy } from './policy-codec.ts'
import { affinity, matchRule, maxRules, stickyHash } from './routing-codec.ts'

/** Longest line either side accepts, UTF-16 units: a table of some 20,000 endpoints. */
export const maxLineLength = 1_048_576
const maxEndpoints = 20_000

const ipAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/

/** One line without its `\n`, as the controller reads it. */
export const parseUpMessage = (line: string): Result<UpMessage> => parseLine(line, upMessage)

/** One line without its `\n`, as the sidecar reads it. */
export const parseDownMessage = (line: string): Result<DownMessage> => parseLine(line, downMessage)

/** A route table from JSON text, as `kinglet proxy --routes FILE` reads it. Regular expressions are checked where they are compiled. */
export const parseRouteTable = (json: string): Result<RouteTable> => parseLine(json, routeTable)

/** The line of a message, with its `\n`. */
export const printMessage = (message: UpMessage | DownMessage): string => `${JSON.stringify(message)}\n`

/** The line of a report as far as it is known before it is sent; `printAged` completes it. */
export const printUnaged = (report: Omit<Report, 'ageMs'>): string => JSON.stringify(report).slice(1)

/** The line of a report that is `ageMs` old, with its `\n`. */
export const printAged = (unaged: string, ageMs: number): string => `{"ageMs":${ageMs},${unaged}\n`

/** Cuts a byte stream into lines, however it was chunked. After an error the stream is worthless: close it. */
export class LineSplitter {
  // Pieces of a line that has not ended; joined once, so that a line costs its length however small the pieces are.
  private pieces: string[] = []
  private held = 0
  // A character of several bytes may be cut anywhere; invalid UTF-8 becomes U+FFFD and fails as JSON or as a field.
  private readonly decoder = new TextDecoder('utf-8')

  /** The lines that `chunk` completes, without `\n`; empty ones are left out. An error where a line is longer than `maxLineLength`. */
  push(chunk: Uint8Array): Result<readonly string[]> {
    const [first = '', ...others] = this.decoder.decode(chunk, { stream: true }).split('\n')
    this.hold(first)
    const lines = others.map((part) => {
      const line = this.pieces.join('')
      this.pieces = []
      this.held = 0
      this.hold(part)
      return line
    })
    if (this.held > maxLineLength || lines.some((line) => line.length > maxLineLength)) {
      this.pieces = []
      this.held = 0
      return err(`line: longer than ${maxLineLength} characters`)
    }
    return ok(lines.filter((line) => line !== ''))
  }

  private hold(piece: string): void {
    if (piece !== '') this.pieces.push(piece)
    this.held += piece.length
  }
}

function parseLine<T>(line: string, read: Read<T>): Result<T> {
  if (line.length > maxLineLength) return err(`line: longer than ${maxLineLength} characters`)
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    // The engine's words say where, or quote the place.
    return err(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  return attempt(read, value, '$')
}

const generation = integer(0)
const name = text(253)

const endpoint: Read<Endpoint> = (value, path) => {
  const { address, port } = object(value, path)
  return {
    address: text(45, ipAddress, 'an IP address')(address, `${path}.address`),
    port: integer(1, 65_535)(port, `${path}.port`),
  }
}

const endpointList = listOf(endpoint, maxEndpoints)

const routeTable: Read<RouteTable> = (value, path) => {
  const table = object(value, path)
  const endpoints = object(table['endpoints'], `${path}.endpoints`)
  return {
    generation: generation(table['generation'], `${path}.generation`),
    canary: text(512)(table['canary'], `${path}.canary`),
    self: oneOf(tracks)(table['self'], `${path}.self`),
    canaryWeightPercent: number(0, 100)(table['canaryWeightPercent'], `${path}.canaryWeightPercent`),
    ...(table['mirrorPercent'] === undefined ? {} : { mirrorPercent: number(0, 100)(table['mirrorPercent'], `${path}.mirrorPercent`) }),
    match: listOf(matchRule, maxRules)(table['match'], `${path}.match`),
    ...(table['policy'] === undefined ? {} : { policy: routePolicy(table['policy'], `${path}.policy`) }),
    ...(table['affinity'] === undefined ? {} : { affinity: affinity(table['affinity'], `${path}.affinity`) }),
    ...(table['stickyHash'] === undefined ? {} : { stickyHash: stickyHash(table['stickyHash'], `${path}.stickyHash`) }),
    endpoints: {
      primary: endpointList(endpoints['primary'], `${path}.endpoints.primary`),
      canary: endpointList(endpoints['canary'], `${path}.endpoints.canary`),
    },
    ...(table['primaryService'] === undefined ? {} : { primaryService: endpoint(table['primaryService'], `${path}.primaryService`) }),
    rescue: oneOf(['off', 'unsent', 'idempotent'])(table['rescue'], `${path}.rescue`),
    // A controller of an older version does not say.
    protocol: table['protocol'] === undefined ? 'http' : oneOf(appProtocols)(table['protocol'], `${path}.protocol`),
    // Faster ticks would cost more than they tell; slower ones would make silence indistinguishable from loss.
    tickMs: integer(50, 600_000)(table['tickMs'], `${path}.tickMs`),
    silenceLimitMs: integer(0, 86_400_000)(table['silenceLimitMs'], `${path}.silenceLimitMs`),
  }
}

const outcomeCounts: Read<SeriesDelta['outcomes']> = (value, path) => {
  const counts = recordOf(/^\w{1,10}$/, 'names of outcomes', integer(0), outcomes.length)(value, path)
  for (const key of Object.keys(counts)) oneOf(outcomes)(key, path)
  return counts
}

const latencyPair: Read<readonly [number, number]> = (value, path) => {
  if (!Array.isArray(value) || value.length !== 2) return refuse(value, path, 'a pair of bucket and count')
  return [integer(0, bucketOf(highestUs))(value[0], `${path}[0]`), integer(1)(value[1], `${path}[1]`)]
}

const latencyPairs = listOf(latencyPair, bucketOf(highestUs) + 1)

const seriesDelta: Read<SeriesDelta> = (value, path) => {
  const series = object(value, path)
  const latency = latencyPairs(series['latency'], `${path}.latency`)
  let previous = -1
  for (const [bucket] of latency) {
    if (bucket <= previous) refuse(bucket, `${path}.latency`, 'in ascending order of buckets')
    previous = bucket
  }
  return {
    track: oneOf(tracks)(series['track'], `${path}.track`),
    reason: oneOf(reasons)(series['reason'], `${path}.reason`),
    outcomes: outcomeCounts(series['outcomes'], `${path}.outcomes`),
    latency,
  }
}

const seriesList = listOf(seriesDelta, tracks.length * reasons.length)

const drawnTrack: Read<DrawnTrack> = (value, path) => {
  const drawn = object(value, path)
  const count = (field: keyof DrawnTrack): number => integer(0)(drawn[field], `${path}.${field}`)
  return {
    requests: count('requests'),
    repeats: count('repeats'),
    repeatedFailures: count('repeatedFailures'),
    givenUp: count('givenUp'),
    ...(drawn['retriedFailures'] === undefined ? {} : { retriedFailures: count('retriedFailures') }),
    ...(drawn['slow'] === undefined ? {} : { slow: count('slow') }),
  }
}

const podDelta: Read<PodDelta> = (value, path) => {
  const pod = object(value, path)
  return {
    address: text(45, ipAddress, 'an IP address')(pod['address'], `${path}.address`),
    requests: integer(0)(pod['requests'], `${path}.requests`),
    failures: integer(0)(pod['failures'], `${path}.failures`),
    ...(pod['slow'] === undefined ? {} : { slow: integer(0)(pod['slow'], `${path}.slow`) }),
  }
}

const podList = listOf(podDelta, maxPods)

const routeCounts: Read<RouteCounts> = (value, path) => {
  const counts = object(value, path)
  return { failures: integer(0)(counts['failures'], `${path}.failures`), slow: integer(0)(counts['slow'], `${path}.slow`) }
}

const routeDelta: Read<RouteDelta> = (value, path) => {
  const delta = object(value, path)
  return { route: text(256)(delta['route'], `${path}.route`), primary: routeCounts(delta['primary'], `${path}.primary`), canary: routeCounts(delta['canary'], `${path}.canary`) }
}

const routeList = listOf(routeDelta, maxRoutes + 1)

const drawn: Read<Drawn> = (value, path) => {
  const body = object(value, path)
  return {
    weightPercent: number(0, 100)(body['weightPercent'], `${path}.weightPercent`),
    primary: drawnTrack(body['primary'], `${path}.primary`),
    canary: drawnTrack(body['canary'], `${path}.canary`),
    pods: podList(body['pods'], `${path}.pods`),
    ...(body['routes'] === undefined ? {} : { routes: routeList(body['routes'], `${path}.routes`) }),
  }
}

const report: Read<Report> = (value, path) => {
  const body = object(value, path)
  const series = seriesList(body['series'], `${path}.series`)
  const keys = new Set(series.map(({ track, reason }) => `${track} ${reason}`))
  if (keys.size < series.length) refuse([...keys], `${path}.series`, 'one element for each track and reason')
  return {
    type: 'report',
    bootId: name(body['bootId'], `${path}.bootId`),
    seq: integer(1)(body['seq'], `${path}.seq`),
    generation: generation(body['generation'], `${path}.generation`),
    ageMs: integer(0)(body['ageMs'], `${path}.ageMs`),
    ...(body['spanMs'] === undefined ? {} : { spanMs: integer(0)(body['spanMs'], `${path}.spanMs`) }),
    series,
    clientAborted: integer(0)(body['clientAborted'], `${path}.clientAborted`),
    proxyErrors: integer(0)(body['proxyErrors'], `${path}.proxyErrors`),
    ...(body['drawn'] === undefined ? {} : { drawn: drawn(body['drawn'], `${path}.drawn`) }),
  }
}

const upMessage: Read<UpMessage> = (value, path) => {
  const message = object(value, path)
  const type = oneOf(['hello', 'ack', 'report'])(message['type'], `${path}.type`)
  switch (type) {
    case 'hello':
      return {
        type,
        namespace: name(message['namespace'], `${path}.namespace`),
        pod: name(message['pod'], `${path}.pod`),
        bootId: name(message['bootId'], `${path}.bootId`),
        version: name(message['version'], `${path}.version`),
      }
    case 'ack':
      return { type, generation: generation(message['generation'], `${path}.generation`) }
    case 'report':
      return report(message, path)
  }
}

const downMessage: Read<DownMessage> = (value, path) => {
  const message = object(value, path)
  const type = oneOf(['routes', 'ping'])(message['type'], `${path}.type`)
  return type === 'ping' ? { type } : { type, table: routeTable(message['table'], `${path}.table`) }
}
