import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import { startDeafServer } from './testing/deaf-server.ts'
import { field, type Peer } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

const at = (port: number) => ({ address: '127.0.0.1', port })
const toCanary = (ports: readonly number[], change: Partial<RouteTable> = {}): Partial<RouteTable> => ({
  canaryWeightPercent: 100,
  endpoints: { primary: [], canary: ports.map(at) },
  ...change,
})
const post = (body: string): string => `POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('two sidecars', () => {
  let v1: RawServer
  let v2: RawServer
  let primary: Rig
  let canary: Rig
  let heardByV2 = ''
  let v1Answer: () => string | undefined
  let v2Answer: ((head: string, connection: Peer) => string | undefined) | undefined
  beforeEach(async () => {
    v2Answer = undefined
    v1Answer = () => respond('v1')
    v1 = await startRawServer(answering(() => v1Answer()))
    v2 = await startRawServer(
      answering((head, connection) => {
        heardByV2 = head
        return v2Answer ? v2Answer(head, connection) : respond('v2')
      }),
    )
    canary = await startRig(v2.port, { table: { self: 'canary' } })
    primary = await startRig(v1.port, { table: toCanary([canary.direct]), limits: { peerConnectTimeoutMs: 300, upstreamIdleMs: 60_000 } })
  })
  afterEach(async () => {
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('share requests exactly by weight, over many connections', async () => {
    await primary.setTable(toCanary([canary.direct], { canaryWeightPercent: 30 }))
    const clients = await Promise.all(Array.from({ length: 4 }, () => openClient(primary.route)))
    let fromV2 = 0
    for (let round = 0; round < 50; round += 1) {
      const responses = await Promise.all(
        clients.map((client) => {
          client.send(get('/'))
          return client.response()
        }),
      )
      fromV2 += responses.filter(({ body }) => body === 'v2').length
    }
    expect(Math.abs(fromV2 - 60)).toBeLessThanOrEqual(1)
    expect(await primary.count('canary', 'weight', '2xx')).toBe(fromV2)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(200 - fromV2)
    expect(await canary.count('canary', 'hop', '2xx')).toBe(fromV2)
  })

  it('leave an endpoint alone that fails again and again, and count what it has failed', async () => {
    const broken = await startRawServer(answering(() => respond('broken', '500 Internal Server Error')))
    await primary.setTable(toCanary([canary.direct, broken.port]))
    const bodies: string[] = []
    for (let count = 0; count < 30; count += 1) bodies.push((await ask(primary.route, get('/'))).body)
    expect(bodies.filter((body) => body === 'broken').length).toBe(5)
    expect(await primary.count('canary', 'weight', '5xx')).toBe(5)
    expect(await primary.count('canary', 'weight', '2xx')).toBe(25)
    broken.close()
  })

  it('go on asking a canary that fails as a whole', async () => {
    v2Answer = () => respond('v2', '500 Internal Server Error')
    for (let count = 0; count < 12; count += 1) await ask(primary.route, get('/'))
    expect(await primary.count('canary', 'weight', '5xx')).toBe(12)
  })

  it('send who matches to the canary at weight 0, by header or cookie', async () => {
    await primary.setTable(
      toCanary([canary.direct], { canaryWeightPercent: 0, match: [{ headers: { 'x-canary': { exact: 'always' } } }, { cookies: { stage: { regex: 'b.*' } } }] }),
    )
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    expect((await ask(primary.route, get('/', 'X-Canary: always'))).body).toBe('v2')
    expect((await ask(primary.route, get('/', 'Cookie: a=1', 'Cookie: stage=beta'))).body).toBe('v2')
    expect((await ask(primary.route, get('/', 'X-Canary: never'))).body).toBe('v1')
    expect(await primary.count('canary', 'match', '2xx')).toBe(2)
  })

  it('serve a refused hop over a connection that is open already, without a byte of the refusal', async () => {
    await primary.setTable(toCanary([canary.direct], { canaryWeightPercent: 0 }))
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    v2.close()
    await primary.setTable(toCanary([canary.direct]))
    const { status, body } = await ask(primary.route, get('/'))
    expect({ status, body }).toEqual({ status: 200, body: 'v1' })
  })

  it('count as one proxy, and keep what they say to each other to themselves', async () => {
    const response = await ask(primary.route, get('/', 'X-Forwarded-For: 9.9.9.9'))
    expect(response.body).toBe('v2')
    expect(response.head.toLowerCase()).not.toContain('x-kinglet')
    expect(heardByV2.toLowerCase()).not.toContain('x-kinglet')
    expect(field(heardByV2, 'x-forwarded-for')).toBe('9.9.9.9, 127.0.0.1')
    expect(field(heardByV2, 'via')).toBe('1.1 kinglet')
    expect(field(heardByV2, 'x-forwarded-host')).toBe('app')
  })

  it('believe a hop at the direct port alone', async () => {
    await ask(primary.route, get('/', 'x-kinglet-hop: 1'))
    expect(await primary.count('canary', 'weight', '2xx')).toBe(1)
    const direct = await ask(canary.direct, get('/'))
    expect(direct.body).toBe('v2')
    expect(await canary.count('canary', 'direct', '2xx')).toBe(1)
  })

  it('never route what comes in at the direct port', async () => {
    expect((await ask(primary.direct, get('/'))).body).toBe('v1')
    expect(await primary.count('primary', 'direct', '2xx')).toBe(1)
  })

  it('serve the primary when the canary’s pod refuses, and charge the canary', async () => {
    await primary.setTable(toCanary([1]))
    expect((await ask(primary.route, post('abc'))).body).toBe('v1')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(1)
    expect((await primary.stats()).rescuedRequests).toBe(1)
  })

  it.each(['requests', 'connections'] as const)('serve the primary when the canary’s sidecar has all the %s that it may have, and charge nobody', async (what) => {
    const busy = await startRig(v2.port, { table: { self: 'canary' }, limits: what === 'requests' ? { maxRequests: 1 } : { maxConnections: 1 } })
    v2Answer = () => undefined
    const held = await openClient(busy.direct)
    held.send(get('/held'))
    await expect.poll(() => heardByV2).toContain('/held')
    await primary.setTable(toCanary([busy.direct]))
    for (const request of [get('/'), post('abc')]) expect((await ask(primary.route, request)).body).toBe('v1')
    const { requests } = await primary.stats()
    expect(requests.map(({ track, outcome, count }) => `${track} ${outcome} ${count}`)).toEqual(['primary 2xx 2'])
    held.socket.destroy()
    await busy.close()
  })

  it('do not count it against the client’s body that another place takes long to find', async () => {
    const deaf = await startDeafServer()
    const hasty = await startRig(v1.port, { limits: { bodyTimeoutMs: 300, peerConnectTimeoutMs: 1500 }, table: toCanary([deaf.port, canary.direct]) })
    v2.close()
    const client = await openClient(hasty.route)
    client.send('POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 6\r\n\r\nabc')
    await expect.poll(() => hasty.count('canary', 'weight', 'refused')).toBe(1)
    client.send('def')
    expect((await client.response()).body).toBe('v1')
    expect(v1.connections.at(-1)?.received).toContain('\r\n\r\nabcdef')
    client.socket.destroy()
    await hasty.close()
    deaf.close()
  })

  it('ask three pods of the canary at most: each that is not there may cost a second', async () => {
    await primary.setTable({ canaryWeightPercent: 100, endpoints: { primary: [], canary: Array.from({ length: 8 }, (_none, index) => ({ address: `127.0.0.${index + 1}`, port: 1 })) } })
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(3)
  })

  it('serve another canary pod first', async () => {
    await primary.setTable(toCanary([1, canary.direct]))
    for (let round = 0; round < 4; round += 1) expect((await ask(primary.route, get('/'))).body).toBe('v2')
    expect(await primary.count('canary', 'weight', '2xx')).toBe(4)
    expect(await primary.count('canary', 'weight', 'refused')).toBe(2)
  })

  it('serve the primary when the canary’s app is gone but its sidecar is not, with the body', async () => {
    v2.close()
    const client = await openClient(primary.route)
    client.send('POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 6\r\n\r\nabc')
    client.send('def')
    expect((await client.response()).body).toBe('v1')
    expect(v1.connections[0]?.received).toContain('\r\n\r\nabcdef')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it('lose no byte of a large upload to an app that is gone', async () => {
    v2.close()
    const upload = Buffer.alloc(3_000_000, 'u').toString()
    const client = await openClient(primary.route)
    v1Answer = () => undefined
    client.send(post(upload))
    const upstream = await v1.connection(0)
    await upstream.hears(upload)
    upstream.send(respond('got it'))
    expect((await client.response()).body).toBe('got it')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
  })

  it('pass a large upload to a canary that is there', async () => {
    const upload = Buffer.alloc(3_000_000, 'u').toString()
    const response = await ask(primary.route, post(upload))
    expect([response.status, response.body]).toEqual([200, 'v2'])
    await expect.poll(() => canary.count('canary', 'hop', '2xx')).toBe(1)
  })

  it('pass a large upload to a peer that never says that its app is there', async () => {
    const upload = Buffer.alloc(1_000_000, 'u').toString()
    const peer = await startRawServer()
    await primary.setTable(toCanary([peer.port]))
    const client = await openClient(primary.route)
    client.send(post(upload))
    const upstream = await peer.connection(0)
    await upstream.hears(upload)
    upstream.send(respond('got it'))
    expect((await client.response()).body).toBe('got it')
    peer.close()
  })

  it('pass on a head that is just within the limit', async () => {
    const head = (size: number): string => get('/', `X-Long: ${'l'.repeat(size)}`)
    const fitting = 16_384 - head(0).length
    expect((await ask(primary.route, head(fitting))).body).toBe('v2')
    expect((await ask(primary.route, head(fitting + 1))).status).toBe(431)
    const fields = Array.from({ length: 99 }, (_, index) => `X-${index}: 1`)
    expect((await ask(primary.route, get('/', ...fields))).body).toBe('v2')
  })

  it.each(['unsent', 'off'] as const)('charge nobody while a canary pod goes away, with rescue %s', async (rescue) => {
    await primary.setTable(toCanary([canary.direct], { rescue }))
    v2.close()
    const draining = canary.proxy.drain()
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    expect(await primary.count('canary', 'weight', 'refused')).toBe(0)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(1)
    await draining
  })

  it('let the client see it with rescue off', async () => {
    await primary.setTable(toCanary([1], { rescue: 'off' }))
    const response = await ask(primary.route, get('/'))
    expect([response.status, field(response.head, 'x-kinglet-error')]).toEqual([503, 'refused'])
    expect(await primary.count('canary', 'weight', 'refused')).toBe(1)
    expect(v1.connections).toHaveLength(0)
  })

  it.each<[rescue: RouteTable['rescue'], request: string, status: number, body: string]>([
    ['unsent', get('/'), 500, 'broken'],
    ['off', get('/'), 500, 'broken'],
    ['idempotent', get('/'), 200, 'v1'],
    ['idempotent', post('abc'), 500, 'broken'],
  ])('with rescue %s answer a canary’s 500 by what is right', async (rescue, request, status, body) => {
    await primary.setTable(toCanary([canary.direct], { rescue }))
    v2Answer = () => respond('broken', '500 Internal Server Error')
    const response = await ask(primary.route, request)
    expect([response.status, response.body]).toEqual([status, body])
    expect(await primary.count('canary', 'weight', '5xx')).toBe(1)
    expect(await primary.count('primary', 'weight', '2xx')).toBe(body === 'v1' ? 1 : 0)
  })

  it('with rescue idempotent replay what a canary’s app left unanswered', async () => {
    await primary.setTable(toCanary([canary.direct], { rescue: 'idempotent' }))
    v2Answer = (_head, connection) => {
      connection.socket.destroy()
      return undefined
    }
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
  })

  it('(33) finish a request by the table it started with', async () => {
    let release: (() => void) | undefined
    v2Answer = (_head, connection) => {
      release = () => connection.send(respond('late v2'))
      return undefined
    }
    const client = await openClient(primary.route)
    client.send(get('/'))
    await expect.poll(() => release).toBeDefined()
    await primary.setTable({ canaryWeightPercent: 0 })
    expect((await ask(primary.route, get('/'))).body).toBe('v1')
    release?.()
    expect((await client.response()).body).toBe('late v2')
    expect(await primary.count('canary', 'weight', '2xx')).toBe(1)
    // (32) Its connection belongs to no table any more.
    await expect.poll(async () => (await canary.stats()).openConnections, { timeout: 8000 }).toBe(0)
  })

  it('(33) try again by the table it started with', async () => {
    const newcomer = await startRawServer(answering(() => respond('of the next table')))
    let refuse: (() => void) | undefined
    const leaving = await startRawServer(
      answering((_head, connection) => {
        refuse = () => connection.send(respond('', '503 Service Unavailable', 'x-kinglet-unsent: draining'))
        return undefined
      }),
    )
    await primary.setTable(toCanary([leaving.port]))
    const client = await openClient(primary.route)
    client.send(get('/'))
    await expect.poll(() => refuse).toBeDefined()
    await primary.setTable(toCanary([newcomer.port]))
    refuse?.()
    expect((await client.response()).body).toBe('v1')
    expect(newcomer.connections.length).toBe(0)
    client.socket.destroy()
    leaving.close()
    newcomer.close()
  })

  it('(32) close idle connections to a pod that no table names any more', async () => {
    await ask(primary.route, get('/'))
    expect((await canary.stats()).openConnections).toBe(1)
    await primary.setTable({ canaryWeightPercent: 0 })
    await expect.poll(async () => (await canary.stats()).openConnections).toBe(0)
  })
})

describe('the latency of a hop', () => {
  it('is what was measured beside the app, not the way there', async () => {
    const peer = await startRawServer((connection) => {
      connection.socket.on('data', () => setTimeout(() => connection.send(respond('far', '200 OK', 'x-kinglet-service-time: 7000')), 300))
    })
    const rig = await startRig(1, { table: toCanary([peer.port]) })
    await ask(rig.route, get('/'))
    const { requests } = await rig.stats()
    expect(requests[0]?.p50Ms).toBeGreaterThanOrEqual(7)
    expect(requests[0]?.p50Ms).toBeLessThan(250)
    await rig.close()
    peer.close()
  })

  it('is never what the app next door says about itself', async () => {
    const app = await startRawServer((connection) => {
      connection.socket.on('data', () => setTimeout(() => connection.send(respond('slow', '200 OK', 'x-kinglet-service-time: 1')), 100))
    })
    const rig = await startRig(app.port)
    await ask(rig.route, get('/'))
    expect((await rig.stats()).requests[0]?.p50Ms).toBeGreaterThanOrEqual(95)
    await rig.close()
    app.close()
  })

  it('is the whole time where nobody measured', async () => {
    const peer = await startRawServer((connection) => {
      connection.socket.on('data', () => setTimeout(() => connection.socket.destroy(), 100))
    })
    const rig = await startRig(1, { table: toCanary([peer.port]) })
    expect((await ask(rig.route, get('/'))).status).toBe(502)
    const { requests } = await rig.stats()
    expect(requests).toMatchObject([{ track: 'canary', outcome: 'reset' }])
    expect(requests[0]?.p50Ms).toBeGreaterThanOrEqual(95)
    await rig.close()
    peer.close()
  })
})

describe('silence', () => {
  it('takes the canary’s weight away, and a new word gives it back', async () => {
    const rig = await startRig(1, { table: toCanary([1], { canaryWeightPercent: 50, silenceLimitMs: 300 }) })
    expect((await rig.stats()).canaryWeightPercent).toBe(50)
    await expect.poll(async () => (await rig.stats()).canaryWeightPercent, { timeout: 5000 }).toBe(0)
    await rig.setTable(toCanary([1], { canaryWeightPercent: 50, silenceLimitMs: 60_000 }))
    expect((await rig.stats()).canaryWeightPercent).toBe(50)
    await rig.close()
  })
})
