import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import type { RetryPolicy, RoutePolicy } from '../api/routing.ts'
import { field, type Peer } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

const retries = (change: Partial<RetryPolicy> = {}): RetryPolicy => ({ attempts: 2, retryOn: ['5xx'], statuses: [], ...change })
const post = (path: string, body: string): string => `POST ${path} HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('the policy of a service', () => {
  let v1: RawServer
  let v2: RawServer
  let canary: Rig
  let primary: Rig
  let v1Answer: (head: string, connection: Peer) => string | undefined
  let v2Answer: (head: string, connection: Peer) => string | undefined
  let heard: string[]
  const use = (policy: Partial<RoutePolicy>, change: Partial<RouteTable> = {}): Promise<void> =>
    primary.setTable({ endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] }, policy: { match: [], ...policy }, ...change })
  beforeEach(async () => {
    heard = []
    v1Answer = () => respond('v1', '200 OK', 'Server: app', 'X-App: 1')
    v2Answer = () => respond('v2')
    v1 = await startRawServer(
      answering((head, connection) => {
        heard.push(head)
        return v1Answer(head, connection)
      }),
    )
    v2 = await startRawServer(
      answering((head, connection) => {
        heard.push(head)
        return v2Answer(head, connection)
      }),
    )
    canary = await startRig(v2.port, { table: { self: 'canary' } })
    primary = await startRig(v1.port)
  })
  afterEach(async () => {
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('changes the headers of requests and of responses', async () => {
    await use({ headers: { request: { remove: ['x-secret'], set: { 'X-Mode': 'a' }, add: { 'X-Tag': 'two' } }, response: { remove: ['server'], set: { 'x-app': '2' }, add: { 'X-Env': 'prod' } } } })
    const { head, body } = await ask(primary.route, get('/', 'X-Secret: s', 'x-mode: b', 'X-Tag: one'))
    expect(heard[0]).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: app\r\n/)
    expect(heard[0]).not.toMatch(/x-secret|x-mode: b/i)
    expect(heard[0]).toContain('\r\nX-Tag: one\r\n')
    expect(heard[0]).toContain('\r\nX-Mode: a\r\nX-Tag: two\r\n')
    expect({ body, server: field(head, 'server'), app: field(head, 'x-app'), env: field(head, 'x-env') }).toEqual({ body: 'v1', server: undefined, app: '2', env: 'prod' })
  })

  it('rewrites path and host, for the canary too', async () => {
    await use({ match: [{ uri: { prefix: '/api/' } }], rewrite: { uri: '/', authority: 'inner:8080' } }, { canaryWeightPercent: 100 })
    expect((await ask(primary.route, get('/api/cart?a=1'))).body).toBe('v2')
    expect(heard[0]).toMatch(/^GET \/cart\?a=1 HTTP\/1\.1\r\nHost: inner:8080\r\n/)
    expect(heard[0]).toContain('X-Forwarded-Host: app\r\n')
  })

  it('leaves alone what no rule of the service matches, and sends it to the primary', async () => {
    await use({ match: [{ uri: { prefix: '/api/' } }], headers: { response: { set: { 'x-env': 'prod' } } } }, { canaryWeightPercent: 100 })
    const { head, body } = await ask(primary.route, get('/other'))
    expect({ body, env: field(head, 'x-env') }).toEqual({ body: 'v1', env: undefined })
  })

  it('answers a preflight without the app, and marks answers to an allowed origin', async () => {
    await use({ corsPolicy: { allowOrigins: [{ exact: 'https://shop.example' }], allowMethods: ['PUT'], allowHeaders: [], exposeHeaders: [], allowCredentials: false } })
    const client = await openClient(primary.route)
    client.send('OPTIONS /cart HTTP/1.1\r\nHost: app\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n')
    const preflight = await client.response()
    expect({ status: preflight.status, methods: field(preflight.head, 'access-control-allow-methods') }).toEqual({ status: 200, methods: 'PUT' })
    expect(heard).toEqual([])
    client.send(get('/cart', 'Origin: https://shop.example'))
    const answer = await client.response()
    expect({ body: answer.body, origin: field(answer.head, 'access-control-allow-origin') }).toEqual({ body: 'v1', origin: 'https://shop.example' })
    client.socket.destroy()
    expect((await primary.stats()).requests.reduce((sum, { count }) => sum + count, 0)).toBe(1)
  })

  it('answers as many preflights as a client has sent in one go', async () => {
    await use({ corsPolicy: { allowOrigins: [{ exact: '*' }], allowMethods: ['PUT'], allowHeaders: [], exposeHeaders: [], allowCredentials: false } })
    const count = 1000
    const client = await openClient(primary.route)
    client.send('OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nAccess-Control-Request-Method: c\r\n\r\n'.repeat(count))
    for (let answered = 0; answered < count; answered += 1) expect((await client.response()).status).toBe(200)
    client.socket.destroy()
  })

  it('tries again after a 5xx, with the body, and charges every failure', async () => {
    let count = 0
    v1Answer = (_head, connection) => {
      count += 1
      return count < 3 ? respond('no', '503 Service Unavailable') : respond(connection.received.slice(-4))
    }
    await use({ retries: retries() })
    const { status, body, head } = await ask(primary.route, post('/', 'data'))
    expect({ status, body, count, connection: field(head, 'connection') }).toEqual({ status: 200, body: 'data', count: 3, connection: undefined })
    expect(await primary.count('primary', 'weight', '5xx')).toBe(2)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(1)
    expect((await primary.stats()).retriedRequests).toBe(2)
  })

  it('gives the last answer when the attempts are used up', async () => {
    v1Answer = () => respond('no', '503 Service Unavailable')
    await use({ retries: retries({ attempts: 1 }) })
    expect(await ask(primary.route, get('/'))).toMatchObject({ status: 503, body: 'no' })
    expect(heard.length).toBe(2)
    expect(await primary.count('primary', 'weight', '5xx')).toBe(2)
  })

  it('does not try again what it was not told to, or what it no longer has', async () => {
    v1Answer = () => respond('no', '500 Internal Server Error')
    await use({ retries: retries({ retryOn: ['gateway-error', 'retriable-4xx'] }) })
    expect((await ask(primary.route, get('/'))).status).toBe(500)
    expect(heard.length).toBe(1)
    await use({ retries: retries() })
    const client = await openClient(primary.route)
    client.send(`POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`)
    const { status } = await client.response()
    client.socket.destroy()
    expect({ status, heard: heard.length }).toEqual({ status: 500, heard: 2 })
  })

  it('keeps a retry on its track: a canary’s failure is not hidden at the primary', async () => {
    v2Answer = () => respond('no', '500 Internal Server Error')
    await use({ retries: retries() }, { canaryWeightPercent: 100 })
    expect(await ask(primary.route, get('/'))).toMatchObject({ status: 500 })
    expect(await primary.count('canary', 'weight', '5xx')).toBe(3)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(0)
  })

  it('gives each attempt its time', async () => {
    v1Answer = () => (heard.length === 1 ? undefined : respond('at last'))
    await use({ retries: retries({ perTryTimeoutMs: 1000 }) })
    expect(await ask(primary.route, get('/'))).toMatchObject({ status: 200, body: 'at last' })
    expect(await primary.count('primary', 'weight', 'timeout')).toBe(1)
  })

  it('gives no attempt more time than the sidecar gives any', async () => {
    v1Answer = () => undefined
    const hasty = await startRig(v1.port, { limits: { responseTimeoutMs: 100 }, table: { policy: { match: [], retries: retries({ retryOn: ['retriable-4xx'], perTryTimeoutMs: 600_000 }) } } })
    expect((await ask(hasty.route, get('/'))).status).toBe(504)
    await hasty.close()
  })

  it('ends a request that takes longer than its time with 504', async () => {
    v1Answer = () => undefined
    await use({ timeoutMs: 50 })
    expect((await ask(primary.route, get('/'))).status).toBe(504)
    expect(await primary.count('primary', 'weight', 'timeout')).toBe(1)
  })

  it('cuts a response that takes longer than its time', async () => {
    v1Answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'
    await use({ timeoutMs: 50 })
    const client = await openClient(primary.route)
    client.send(get('/'))
    await client.hears('half')
    await client.closes()
    expect(client.wasReset).toBe(true)
    expect(await primary.count('primary', 'weight', 'timeout')).toBe(1)
  })

  it('does not end one that is answered in time', async () => {
    await use({ timeoutMs: 20_000 })
    const client = await openClient(primary.route)
    for (let count = 0; count < 3; count += 1) {
      client.send(get('/'))
      expect((await client.response()).status).toBe(200)
    }
    client.socket.destroy()
  })
})
