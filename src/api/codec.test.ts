import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter, maxLineLength, parseDownMessage, parseRouteTable, parseUpMessage, printMessage } from './codec.ts'
import { bucketOf, highestUs } from './histogram.ts'
import { outcomes, reasons, tracks, type DownMessage, type Report, type RouteTable, type UpMessage } from './protocol.ts'
import { retryConditions } from './routing.ts'

const table: RouteTable = {
  generation: 7,
  canary: 'shop/cart',
  self: 'primary',
  canaryWeightPercent: 10,
  match: [{ headers: { 'x-canary': { exact: 'always' } }, cookies: { stage: { regex: 'b.*' } } }],
  endpoints: { primary: [{ address: '10.0.0.1', port: 14081 }], canary: [{ address: 'fd00::1', port: 14081 }] },
  rescue: 'unsent',
  protocol: 'http',
  tickMs: 1000,
  silenceLimitMs: 15_000,
}
const report: Report = {
  type: 'report',
  bootId: 'b1',
  seq: 1,
  generation: 7,
  ageMs: 0,
  spanMs: 1000,
  series: [{ track: 'canary', reason: 'weight', outcomes: { '2xx': 3 }, latency: [[10, 2], [11, 1]] }],
  clientAborted: 0,
  proxyErrors: 0,
}

const word = fc.string({ minLength: 1, maxLength: 30 })
const count = fc.nat()
const stringMatch = fc.oneof(
  fc.string({ maxLength: 20 }).map((exact) => ({ exact })),
  word.map((prefix) => ({ prefix })),
  word.map((suffix) => ({ suffix })),
  word.map((regex) => ({ regex })),
  fc.constant({ present: true as const }),
)
const endpoint = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 1, max: 65_535 }) })
const conditions = fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,10}$/), stringMatch, { minKeys: 1, maxKeys: 3, noNullPrototype: true })
const matchRule = fc
  .record({ headers: conditions, withoutHeaders: conditions, cookies: conditions, queryParams: conditions, uri: stringMatch, method: stringMatch, scheme: stringMatch, authority: stringMatch }, { requiredKeys: [] })
  .filter((rule) => Object.keys(rule).length > 0)
const cookieText = fc.stringMatching(/^[a-z0-9]{1,10}$/)
const holdingCookie = fc.record({ name: cookieText, value: cookieText, setCookie: cookieText })
const stickyKey = fc.oneof(fc.record({ by: fc.constantFrom('header', 'cookie'), name: cookieText }), fc.record({ by: fc.constant('clientAddress' as const), trustedHops: fc.integer({ min: 0, max: 20 }) }))
const tableFields = {
  generation: count,
  canary: word,
  self: fc.constantFrom(...tracks),
  canaryWeightPercent: fc.double({ min: 0, max: 100, noNaN: true }).map((weight) => weight + 0),
  match: fc.array(matchRule, { maxLength: 4 }),
  endpoints: fc.record({ primary: fc.array(endpoint, { maxLength: 4 }), canary: fc.array(endpoint, { maxLength: 4 }) }),
  rescue: fc.constantFrom('off', 'unsent', 'idempotent'),
  protocol: fc.constantFrom('http', 'tcp'),
  tickMs: fc.integer({ min: 50, max: 600_000 }),
  silenceLimitMs: fc.integer({ min: 0, max: 86_400_000 }),
} as const
const headerEdit = fc.record({ remove: fc.array(cookieText, { maxLength: 2 }), set: fc.dictionary(cookieText, cookieText, { noNullPrototype: true, maxKeys: 2 }), add: fc.dictionary(cookieText, cookieText, { noNullPrototype: true, maxKeys: 2 }) }, { requiredKeys: [] })
const ms = fc.integer({ min: 1, max: 86_400_000 })
const policy = fc.record(
  {
    match: fc.array(matchRule, { maxLength: 2 }),
    timeoutMs: ms,
    retries: fc.record({ attempts: fc.integer({ min: 1, max: 100 }), perTryTimeoutMs: ms, retryOn: fc.subarray([...retryConditions]), statuses: fc.array(fc.integer({ min: 100, max: 599 }), { maxLength: 3 }) }, { requiredKeys: ['attempts', 'retryOn', 'statuses'] }),
    headers: fc.record({ request: headerEdit, response: headerEdit }, { requiredKeys: [] }),
    rewrite: fc.record({ uri: cookieText.map((text) => `/${text}`), authority: cookieText, type: fc.constantFrom('ReplaceFullPath', 'ReplacePrefixMatch') }, { requiredKeys: [] }),
    corsPolicy: fc.record({ allowOrigins: fc.array(stringMatch, { maxLength: 2 }), allowMethods: fc.array(cookieText, { maxLength: 2 }), allowHeaders: fc.array(cookieText, { maxLength: 2 }), exposeHeaders: fc.array(cookieText, { maxLength: 2 }), maxAgeSeconds: count, allowCredentials: fc.boolean() }, { requiredKeys: ['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders', 'allowCredentials'] }),
  },
  { requiredKeys: ['match'] },
)
const optionalFields = {
  mirrorPercent: fc.double({ min: 0, max: 100, noNaN: true }).map((weight) => weight + 0),
  policy,
  primaryService: endpoint,
  affinity: fc.record({ canary: holdingCookie, primary: holdingCookie, previous: holdingCookie }, { requiredKeys: [] }),
  stickyHash: fc.record({ key: stickyKey, seed: word }),
}
const routeTable: fc.Arbitrary<RouteTable> = fc.record({ ...tableFields, ...optionalFields }, { requiredKeys: Object.keys(tableFields) as (keyof typeof tableFields)[] })
const series = fc.record({
  track: fc.constantFrom(...tracks),
  reason: fc.constantFrom(...reasons),
  outcomes: fc.dictionary(fc.constantFrom(...outcomes), count, { noNullPrototype: true }),
  latency: fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: bucketOf(highestUs) }), fc.integer({ min: 1 })), { selector: ([bucket]) => bucket, maxLength: 20 })
    .map((pairs) => pairs.toSorted(([a], [b]) => a - b)),
})
const drawnTrack = fc.record({ requests: count, repeats: count, repeatedFailures: count, givenUp: count, retriedFailures: count, slow: count }, { requiredKeys: ['requests', 'repeats', 'repeatedFailures', 'givenUp'] })
const routeCounts = fc.record({ failures: count, slow: count })
const drawn = fc.record({
  weightPercent: fc.double({ min: 0, max: 100, noNaN: true }).map((weight) => weight + 0),
  primary: drawnTrack,
  canary: drawnTrack,
  pods: fc.array(fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), requests: count, failures: count, slow: count }, { requiredKeys: ['address', 'requests', 'failures'] }), { maxLength: 3 }),
  routes: fc.array(fc.record({ route: word, primary: routeCounts, canary: routeCounts }), { maxLength: 3 }),
}, { requiredKeys: ['weightPercent', 'primary', 'canary', 'pods'] })
const upMessage: fc.Arbitrary<UpMessage> = fc.oneof(
  fc.record({ type: fc.constant('hello' as const), namespace: word, pod: word, bootId: word, version: word }),
  fc.record({ type: fc.constant('ack' as const), generation: count }),
  fc.record(
    {
      type: fc.constant('report' as const),
      bootId: word,
      seq: fc.integer({ min: 1 }),
      generation: count,
      ageMs: count,
      series: fc.uniqueArray(series, { selector: ({ track, reason }) => `${track} ${reason}`, maxLength: 10 }),
      clientAborted: count,
      proxyErrors: count,
      drawn,
    },
    { requiredKeys: ['type', 'bootId', 'seq', 'generation', 'ageMs', 'series', 'clientAborted', 'proxyErrors'] },
  ),
)
const downMessage: fc.Arbitrary<DownMessage> = fc.oneof(
  fc.constant({ type: 'ping' as const }),
  routeTable.map((inner) => ({ type: 'routes' as const, table: inner })),
)
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a printed message', () => {
  it('of the sidecar is read back as it was', () =>
    fc.assert(fc.property(upMessage, (message) => {
      expect(parseUpMessage(printMessage(message).trimEnd())).toEqual({ ok: true, value: json(message) })
    })))

  it('of the controller is read back as it was', () =>
    fc.assert(fc.property(downMessage, (message) => {
      expect(parseDownMessage(printMessage(message).trimEnd())).toEqual({ ok: true, value: json(message) })
    })))

  it('is one line', () => fc.assert(fc.property(upMessage, (message) => {
      expect(printMessage(message).indexOf('\n')).toBe(printMessage(message).length - 1)
    })))
})

describe('the line splitter', () => {
  it('finds the same lines however the bytes were cut', () =>
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).filter((line) => !line.includes('\n'))), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (lines, sizes) => {
        const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''))
        const splitter = new LineSplitter()
        const seen: string[] = []
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value ?? 1
          const pushed = splitter.push(bytes.subarray(at, at + size))
          if (pushed.ok) seen.push(...pushed.value)
          at += size
        }
        expect(seen).toEqual(lines)
      }),
    ))

  it('pays for a line by its length, also where it comes byte by byte', () => {
    const splitter = new LineSplitter()
    const byte = new TextEncoder().encode('x')
    // With the whole line looked at for each byte this would take minutes.
    for (let index = 0; index < 400_000; index += 1) splitter.push(byte)
    const [line] = ((result) => (result.ok ? result.value : []))(splitter.push(new TextEncoder().encode('\n')))
    expect(line).toHaveLength(400_000)
  })

  it('skips empty lines', () => expect(new LineSplitter().push(new TextEncoder().encode('\na\n\nb\n'))).toEqual({ ok: true, value: ['a', 'b'] }))

  it('refuses a line that never ends', () => {
    const splitter = new LineSplitter()
    const chunk = new Uint8Array(64 * 1024).fill(0x61)
    let pushed = splitter.push(chunk)
    for (let sent = 0; pushed.ok && sent < 2 * maxLineLength; sent += chunk.length) pushed = splitter.push(chunk)
    expect(pushed).toEqual({ ok: false, error: `line: longer than ${maxLineLength} characters` })
  })
})

describe('a line that is not what it should be', () => {
  const withTable = (change: object) => JSON.stringify({ type: 'routes', table: { ...table, ...change } })

  it.each<[field: string, line: string]>([
    ['not JSON', '{"type":'],
    ['$', '[]'],
    ['$.type', '{}'],
    ['$.type', '{"type":"hello"}'],
    ['$.table', '{"type":"routes"}'],
    ['$.table.generation', withTable({ generation: -1 })],
    ['$.table.generation', withTable({ generation: 1.5 })],
    ['$.table.canary', withTable({ canary: '' })],
    ['$.table.self', withTable({ self: 'stable' })],
    ['$.table.canaryWeightPercent', withTable({ canaryWeightPercent: 101 })],
    ['$.table.canaryWeightPercent', withTable({ canaryWeightPercent: '10' })],
    ['$.table.mirrorPercent', withTable({ mirrorPercent: 101 })],
    ['$.table.match', withTable({ match: undefined })],
    ['$.table.match', withTable({ match: Array.from({ length: 101 }, () => table.match[0]) })],
    ['$.table.match[0]', withTable({ match: [{}] })],
    ['$.table.match[0]', withTable({ match: [{ headers: {} }] })],
    ['$.table.match[0]', withTable({ match: [{ headers: { a: { exact: 'b' } }, port: 80 }] })],
    ['$.table.match[0].uri', withTable({ match: [{ uri: { glob: '/' } }] })],
    ['$.table.match[0].headers.a', withTable({ match: [{ headers: { a: { present: false } } }] })],
    ['$.table.match[0].headers', withTable({ match: [{ headers: { 'X-Upper': { exact: 'b' } } }] })],
    ['$.table.match[0].headers.a', withTable({ match: [{ headers: { a: { exact: 'b', prefix: 'c' } } }] })],
    ['$.table.match[0].headers.a.prefix', withTable({ match: [{ headers: { a: { prefix: '' } } }] })],
    ['$.table.match[0].cookies', withTable({ match: [{ cookies: { 'a b': { exact: 'b' } } }] })],
    ['$.table.endpoints.canary', withTable({ endpoints: { primary: [] } })],
    ['$.table.endpoints.canary[0].address', withTable({ endpoints: { primary: [], canary: [{ address: 'evil.example', port: 1 }] } })],
    ['$.table.endpoints.primary[0].port', withTable({ endpoints: { primary: [{ address: '10.0.0.1', port: 0 }], canary: [] } })],
    ['$.table.primaryService.address', withTable({ primaryService: { address: 'web-primary', port: 80 } })],
    ['$.table.affinity.canary.value', withTable({ affinity: { canary: { name: 'a', value: 'b;c', setCookie: 'a=b' } } })],
    ['$.table.affinity.previous.setCookie', withTable({ affinity: { previous: { name: 'a', value: 'b', setCookie: 'a=b\r\nX: y' } } })],
    ['$.table.stickyHash.key.by', withTable({ stickyHash: { key: { by: 'mood' }, seed: 's' } })],
    ['$.table.stickyHash.key.name', withTable({ stickyHash: { key: { by: 'header', name: 'X-Upper' }, seed: 's' } })],
    ['$.table.rescue', withTable({ rescue: 'always' })],
    ['$.table.protocol', withTable({ protocol: 'quic' })],
    ['$.table.tickMs', withTable({ tickMs: 0 })],
    ['$.table.silenceLimitMs', withTable({ silenceLimitMs: -1 })],
  ])('from the controller is refused at %s', (field, line) => {
    const parsed = parseDownMessage(line)
    expect(parsed).toMatchObject({ ok: false, error: expect.stringContaining(`${field}: `) as unknown })
  })

  const withReport = (change: object) => JSON.stringify({ ...report, ...change })
  const withSeries = (change: object) => withReport({ series: [{ ...report.series[0], ...change }] })

  it.each<[field: string, line: string]>([
    ['$.type', '{"type":"ping"}'],
    ['$.pod', JSON.stringify({ type: 'hello', namespace: 'a', bootId: 'b', version: '1' })],
    ['$.generation', '{"type":"ack"}'],
    ['$.seq', withReport({ seq: 0 })],
    ['$.ageMs', withReport({ ageMs: -5 })],
    ['$.series', withReport({ series: [report.series[0], report.series[0]] })],
    ['$.series[0].track', withSeries({ track: 'x' })],
    ['$.series[0].outcomes', withSeries({ outcomes: { '7xx': 1 } })],
    ['$.series[0].outcomes.2xx', withSeries({ outcomes: { '2xx': -1 } })],
    ['$.series[0].latency', withSeries({ latency: [[5, 1], [5, 1]] })],
    ['$.series[0].latency[0][0]', withSeries({ latency: [[1e9, 1]] })],
    ['$.series[0].latency[0][1]', withSeries({ latency: [[5, 0]] })],
  ])('from a sidecar is refused at %s', (field, line) =>
    expect(parseUpMessage(line)).toMatchObject({ ok: false, error: expect.stringContaining(`${field}: `) as unknown }))

  it('never throws, whatever it is', () =>
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (line) => void [parseUpMessage(line), parseDownMessage(line), parseRouteTable(line)])))
})

describe('a field of a newer controller', () => {
  it('is skipped', () =>
    expect(parseRouteTable(JSON.stringify({ ...table, teleport: { to: 'mars' } }))).toEqual({ ok: true, value: table }))
})
