import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome, RouteTable } from '../api/protocol.ts'
import type { ProxyLimits } from './settings.ts'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until, untilAsync } from './testing/until.ts'

const post = (body: string, ...lines: readonly string[]): string => ['POST /x HTTP/1.1', 'Host: app:80', `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n')
/** The text of a request without the fields that tell who has passed it on. */
const plain = (text: string): string => text.replaceAll(/(?:Via|X-Forwarded-\w+|x-kinglet-hop): [^\r]*\r\n/gi, '')

/** Rule 34: the copy is nobody's affair but the judge's. The canary here is a bare server, so that it can misbehave by the byte. */
describe('a request that is mirrored', () => {
  let v1: RawServer
  let v2: RawServer
  let primary: Rig
  let v1Hears: (connection: RawServer['connections'][number]) => void
  const startWith = async (onV2: Parameters<typeof startRawServer>[0], limits: Partial<ProxyLimits> = {}, change: Partial<RouteTable> = {}): Promise<void> => {
    v2 = await startRawServer(onV2)
    primary = await startRig(v1.port, { limits, table: { mirrorPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: v2.port }] }, ...change } })
  }
  const heardByV2 = (): readonly string[] => v2.connections.map(({ received }) => received)
  const copies = (outcome: Outcome, count: number): Promise<void> =>
    untilAsync(`${count} copies that ended as ${outcome}`, async () => (await primary.count('canary', 'mirror', outcome)) === count)
  const nothingLeft = (): Promise<void> => untilAsync('no copy under way', async () => (await primary.stats()).mirrorsInFlight === 0)
  beforeEach(async () => {
    v1Hears = answering(() => respond('v1'))
    v1 = await startRawServer((connection) => v1Hears(connection))
  })
  afterEach(async () => {
    await primary.close()
    v1.close()
    v2.close()
  })

  it('reaches the canary as well, which nobody hears; each counts apart', async () => {
    await startWith(answering(() => respond('from the canary', '500 Internal Server Error', 'Set-Cookie: canary=1')))
    const client = await openClient(primary.route)
    for (let count = 0; count < 5; count += 1) {
      client.send(get(`/${count}`))
      const { status, head, body } = await client.response()
      expect({ status, body, cookie: field(head, 'set-cookie'), connection: field(head, 'connection') }).toEqual({ status: 200, body: 'v1', cookie: undefined, connection: undefined })
      await copies('5xx', count + 1)
    }
    client.socket.destroy()
    expect(await primary.count('primary', 'weight', '2xx')).toBe(5)
    const all = (await primary.stats()).requests.reduce((sum, { count }) => sum + count, 0)
    expect(all, 'five requests and five copies').toBe(10)
    expect([...heardByV2().join('').matchAll(/^GET (\S+)/gm)].map(([, path = '']) => path).join(' ')).toBe('/0 /1 /2 /3 /4')
  })

  it('is the same but for its host, which says that it is a copy, as Envoy’s does', async () => {
    await startWith(answering(() => respond('v2')))
    await ask(primary.route, post('hello', 'X-Odd: \xe9'))
    await copies('2xx', 1)
    const [copy = ''] = heardByV2()
    expect(plain(copy)).toBe('POST /x HTTP/1.1\r\nHost: app-shadow:80\r\nX-Odd: \xe9\r\nContent-Length: 5\r\n\r\nhello')
    expect(field(copy, 'x-forwarded-host')).toBe('app:80')
    expect(field(copy, 'x-kinglet-hop')).toBe('1')
  })

  it('keeps chunks and trailers, and does not wait for a 100 Continue', async () => {
    v1Hears = onceHeard((connection) => connection.received.endsWith('X-Sum: 9\r\n\r\n'))
    await startWith(answering(() => respond('v2')))
    const client = await openClient(primary.route)
    client.send('POST /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n')
    await (await v1.connection(0)).hears('\r\n\r\n')
    client.send('3\r\nabc\r\n')
    client.send('2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n')
    await client.response()
    await copies('2xx', 1)
    expect(plain(heardByV2()[0] ?? '')).toBe('POST /x HTTP/1.1\r\nHost: app-shadow\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-Sum: 9\r\n\r\n')
    client.socket.destroy()
  })

  it('is so for an exact share of the requests', async () => {
    await startWith(answering(() => respond('v2')), {}, { mirrorPercent: 20 })
    for (let count = 0; count < 50; count += 1) await ask(primary.route, get('/'))
    await copies('2xx', 10)
    await nothingLeft()
  })

  it('is one that the primary serves, on the route: none that goes to the canary anyway, comes directly, or is none of the route’s', async () => {
    await startWith(answering(() => respond('v2')), {}, { match: [{ headers: { 'x-canary': { exact: 'yes' } } }], policy: { match: [{ uri: { prefix: '/' }, headers: { 'x-other': { exact: 'no' } } }, { headers: { 'x-canary': { present: true } } }] } })
    expect((await ask(primary.route, get('/', 'X-Canary: yes'))).body).toBe('v2')
    expect((await ask(primary.route, get('/other'))).body).toBe('v1')
    expect((await ask(primary.direct, get('/'))).body).toBe('v1')
    expect((await ask(primary.route, get('/', 'X-Other: no'))).body).toBe('v1')
    await copies('2xx', 1)
    expect(v2.connections.length, 'one for the real request, one for the copy').toBe(2)
  })

  it('uses connections of its own, again and again', async () => {
    await startWith(answering(() => respond('v2')))
    for (let count = 1; count <= 5; count += 1) {
      await ask(primary.route, get('/'))
      await copies('2xx', count)
    }
    expect(v2.connections.length).toBe(1)
    await primary.setTable({ canaryWeightPercent: 100, mirrorPercent: 0, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: v2.port }] } })
    expect((await ask(primary.route, get('/'))).body).toBe('v2')
    expect(v2.connections.length).toBe(2)
  })

  it('is answered at once while the canary never answers; the copies count as time-outs', async () => {
    await startWith(undefined, { mirrorTimeoutMs: 200 })
    for (let count = 0; count < 3; count += 1) expect((await ask(primary.route, get('/'))).body).toBe('v1')
    await copies('timeout', 3)
    await nothingLeft()
    expect(await primary.count('primary', 'weight', '2xx')).toBe(3)
  })

  it('is answered at once while the canary does not read', async () => {
    v1Hears = onceHeard((connection) => connection.receivedBytes > 12_000_000)
    await startWith(({ socket }) => void socket.pause(), { mirrorTimeoutMs: 200, maxMirrorBytes: 16_000_000 })
    const { status, body } = await ask(primary.route, post('x'.repeat(12_000_000)))
    expect({ status, body }).toEqual({ status: 200, body: 'v1' })
    await copies('timeout', 1)
    await nothingLeft()
  })

  it('is answered while the canary is not there', async () => {
    await startWith(undefined)
    v2.close()
    for (let count = 0; count < 3; count += 1) expect((await ask(primary.route, post('hello'))).body).toBe('v1')
    await copies('refused', 3)
  })

  it.each([
    ['closes the connection', (connection: RawServer['connections'][number]) => void connection.socket.destroy(), 'reset'],
    ['says something else', (connection) => connection.send('SSH-2.0-x\r\n\r\n'), '5xx'],
    ['breaks off in the body', (connection) => void connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), 'reset'],
    ['sends a body that is none', (connection) => connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'), 'reset'],
    ['ends its body by closing', (connection) => void connection.socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'), '2xx'],
    ['is going away', (connection) => connection.send(respond('', '503 Service Unavailable', 'x-kinglet-unsent: draining')), undefined],
    ['has no app', (connection) => connection.send(respond('', '503 Service Unavailable', 'x-kinglet-unsent: refused')), 'refused'],
  ] satisfies readonly [string, (connection: RawServer['connections'][number]) => void, Outcome | undefined][])('is answered while the canary %s', async (_what, misbehave, outcome) => {
    await startWith((connection) => void connection.socket.once('data', () => misbehave(connection)))
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    if (outcome) await copies(outcome, 1)
    await v2.connection(0)
    await nothingLeft()
    const all = (await primary.stats()).requests.reduce((sum, { count }) => sum + count, 0)
    expect(all).toBe(outcome ? 2 : 1)
  })

  it('is not copied beyond the number that may be under way', async () => {
    await startWith(undefined, { maxMirrors: 2, mirrorTimeoutMs: 60_000 })
    for (let count = 0; count < 5; count += 1) expect((await ask(primary.route, get('/'))).body).toBe('v1')
    expect(await primary.stats()).toMatchObject({ mirrorsInFlight: 2, droppedMirrors: { busy: 3, body: 0 } })
    await until('two connections', () => v2.connections.length === 2)
  })

  it('is not copied where its body is longer than what is kept', async () => {
    await startWith(answering(() => respond('v2')), { maxMirrorBytes: 1000 })
    expect((await ask(primary.route, post('x'.repeat(1001)))).body).toBe('v1')
    expect(await primary.stats()).toMatchObject({ mirrorsInFlight: 0, droppedMirrors: { busy: 0, body: 1 } })
    expect((await ask(primary.route, post('x'.repeat(1000)))).body).toBe('v1')
    await copies('2xx', 1)
    expect(v2.connections.length).toBe(1)
  })

  it('is not copied where its answer begins before its end, or its client gives up', async () => {
    await startWith(answering(() => respond('v2')))
    const early = await openClient(primary.route)
    early.send('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\nhalf')
    expect((await early.response()).body).toBe('v1')
    early.socket.destroy()
    v1Hears = () => undefined
    const gone = await openClient(primary.route)
    gone.send('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\nhalf')
    await untilAsync('a copy under way', async () => (await primary.stats()).mirrorsInFlight === 1)
    gone.socket.destroy()
    await nothingLeft()
    expect((await primary.stats()).droppedMirrors).toEqual({ busy: 0, body: 1 })
    expect(v2.connections.length).toBe(0)
  })

  it('is not copied where nothing is mirrored', async () => {
    await startWith(answering(() => respond('v2')), {}, { mirrorPercent: 0 })
    for (let count = 0; count < 5; count += 1) expect((await ask(primary.route, get('/'))).body).toBe('v1')
    expect(v2.connections.length).toBe(0)
  })
})

/** An app that answers when it has heard enough. */
const onceHeard =
  (isEnough: (connection: RawServer['connections'][number]) => boolean) =>
  (connection: RawServer['connections'][number]): void => {
    connection.socket.on('data', () => {
      if (isEnough(connection)) connection.send(respond('v1'))
    })
  }
