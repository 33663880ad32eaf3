import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createLogger } from '../runtime/log.ts'
import { startProxy } from './proxy.ts'
import { defaultLimits } from './settings.ts'
import { field } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import { until } from './testing/until.ts'

const hasLog = (rig: { readonly logs: readonly string[] }, ...texts: readonly string[]): boolean => rig.logs.some((line) => texts.every((text) => line.includes(text)))

describe('the admin port', () => {
  it('answers, and changes nothing', async () => {
    const app = await startRawServer(answering(() => respond('ok')))
    const rig = await startRig(app.port)
    await ask(rig.route, get('/'))
    const url = `http://127.0.0.1:${rig.admin}`
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('kinglet_requests_total{track="primary",reason="weight",outcome="2xx",protocol="http1"} 1')
    expect((await fetch(`${url}/stats`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${url}/x`)).status).toBe(404)
    await rig.close()
    app.close()
  })
})

// A machine without IPv6 has nothing to show here.
describe.runIf(Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1')))('without an address to listen on', () => {
  it('is reached by IPv6 and by IPv4, at all ports, and tells the app the address of the client', async () => {
    const app = await startRawServer(answering((request) => respond(field(request, 'x-forwarded-for') ?? '')))
    const rig = await startRig(app.port, { change: { host: undefined } })
    for (const [host, address] of [['[::1]', '::1'], ['127.0.0.1', '127.0.0.1']]) {
      for (const port of [rig.route, rig.direct]) expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe(address)
      expect((await fetch(`http://${host}:${rig.admin}/readyz`)).status).toBe(200)
    }
    await rig.close()
    app.close()
  })
})

describe('a port that is taken', () => {
  it('is named in the error', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const options = {
      host: '127.0.0.1',
      ports: { route: port, direct: 0, admin: 0 },
      app: { host: '127.0.0.1', port: 1 },
      podAddress: undefined,
      routesFile: undefined,
      controller: undefined,
      identity: { namespace: 'a', pod: 'b', version: '0', bootId: 'c' },
      limits: defaultLimits,
      drain: { minMs: 0, quietMs: 0, deadlineMs: 0 },
      log: createLogger('error'),
    }
    await expect(startProxy(options)).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining(`127.0.0.1:${port} (route port)`) as unknown })
    other.close()
  })
})

describe('a pod that the table does not name any more', () => {
  it.each([
    ['sends its clients on', [{ address: '127.0.0.9', port: 14081 }], 'close'],
    ['sends them on when nobody is left', [], 'close'],
    ['keeps them while it is named', [{ address: '127.0.0.2', port: 14081 }], undefined],
  ])('%s', async (_name, primary, connection) => {
    const app = await startRawServer(answering(() => respond('ok')))
    const rig = await startRig(app.port, { change: { podAddress: '127.0.0.2' }, table: { endpoints: { primary, canary: [] } } })
    const client = await openClient(rig.route)
    client.send(get('/'))
    const { head, body } = await client.response()
    expect({ body, connection: field(head, 'connection') }).toEqual({ body: 'ok', connection })
    client.socket.destroy()
    await rig.close()
    app.close()
  })
})

it('a pod whose app refuses does not ask itself by its own address', async () => {
  const itself = await startRawServer(answering(() => respond('a loop')))
  const rig = await startRig(1, { change: { podAddress: '127.0.0.1' }, table: { endpoints: { primary: [{ address: '127.0.0.1', port: itself.port }], canary: [] } } })
  expect((await ask(rig.route, get('/'))).status).toBe(503)
  expect(itself.connections).toHaveLength(0)
  await rig.close()
  itself.close()
})

describe('the routes file', () => {
  it('(33) is read again when it changes, and a bad one changes nothing', async () => {
    const rig = await startRig(1, { table: { canaryWeightPercent: 5 } })
    expect((await rig.stats()).canaryWeightPercent).toBe(5)
    await rig.setTable({ canaryWeightPercent: 15 })
    expect((await rig.stats()).canaryWeightPercent).toBe(15)
    rig.writeRoutes('{"generation": 9}')
    await until('the complaint', () => hasLog(rig, 'refused', 'routes.json', '$.endpoints: must be'))
    rig.writeRoutes('{"generation": 9,\n  "canary": nonsense}')
    await until('the next', () => hasLog(rig, 'the one before stays in force', 'routes.json', 'not JSON: ', 'nonsense'))
    await rig.setTable({ canaryWeightPercent: 15, match: [] })
    rig.writeRoutes(JSON.stringify({ generation: 99, canary: 'a/b', self: 'primary', canaryWeightPercent: 1, match: [{ headers: { a: { regex: '(' } } }], endpoints: { primary: [], canary: [] }, rescue: 'off', tickMs: 1000, silenceLimitMs: 0 }))
    await until('the bad expression', () => hasLog(rig, 'refused', 'match[0].headers.a: \\"(\\"'))
    expect(await rig.stats()).toMatchObject({ canaryWeightPercent: 15, tablesRefused: 3 })
    await rig.close()
  })

  it('may go away: the table stays, and this is said once', async () => {
    const rig = await startRig(1, { table: { canaryWeightPercent: 5 } })
    rig.removeRoutes()
    const complaints = (): number => rig.logs.filter((line) => line.includes('ENOENT')).length
    await until('the complaint', () => complaints() > 0)
    await new Promise((resolve) => void setTimeout(resolve, 2500))
    expect(complaints()).toBe(1)
    expect(await rig.stats()).toMatchObject({ canaryWeightPercent: 5, tablesRefused: 1 })
    await rig.setTable({ canaryWeightPercent: 15 })
    rig.removeRoutes()
    await until('another complaint', () => complaints() === 2)
    await rig.close()
  })

  it('may be missing: everything is local', async () => {
    const app = await startRawServer(answering(() => respond('ok')))
    const rig = await startRig(app.port, { change: { routesFile: '/nonexistent/routes.json' } })
    expect((await ask(rig.route, get('/'))).body).toBe('ok')
    expect(hasLog(rig, 'everything goes to the app next door until there is one', '/nonexistent/routes.json', 'ENOENT')).toBe(true)
    expect(hasLog(rig, 'the one before')).toBe(false)
    await rig.close()
    app.close()
  })
})

describe('a clock that jumps', () => {
  afterEach(() => void vi.useRealTimers())

  it.each([['a day on', 86_400_000], ['a day back', -86_400_000]])('%s ends nothing, and no latency is measured by it', async (_jump, ms) => {
    const app = await startRawServer()
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.send(get('/'))
    const upstream = await app.connection(0)
    await upstream.hears('\r\n\r\n')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
    // Several looks at the deadlines later.
    for (let round = 0; round < 3; round += 1) await new Promise((resolve) => void setTimeout(resolve, 150))
    upstream.send(respond('ok'))
    expect((await client.response()).body).toBe('ok')
    client.send(get('/again'))
    await upstream.hears('/again')
    upstream.send(respond('ok'))
    expect((await client.response()).status).toBe(200)
    const [series] = (await rig.stats()).requests
    expect(series).toMatchObject({ outcome: '2xx', count: 2 })
    expect(series?.p99Ms).toBeLessThan(3_600_000)
    client.socket.destroy()
    await rig.close()
    app.close()
  })
})

describe('(32) a drain', () => {
  it('turns unready, goes on serving, asks clients to leave, finishes what is in flight', async () => {
    let release: (() => void) | undefined
    const app = await startRawServer(
      answering((head, connection) => {
        if (!head.includes('/slow')) return respond('ok')
        release = () => connection.send(respond('slow'))
        return undefined
      }),
    )
    const rig = await startRig(app.port, { change: { drain: { minMs: 500, quietMs: 100, deadlineMs: 5000 } } })
    const idle = await openClient(rig.route)
    const slow = await openClient(rig.route)
    slow.send(get('/slow'))
    await until('the slow request', () => release !== undefined)
    let isDone = false
    const drained = rig.proxy.drain().then(() => {
      isDone = true
    })
    expect((await fetch(`http://127.0.0.1:${rig.admin}/readyz`)).status).toBe(503)
    const late = await ask(rig.route, get('/'))
    expect([late.status, field(late.head, 'connection')]).toEqual([200, 'close'])
    await idle.hearsEnd()
    expect(isDone).toBe(false)
    await expect(openClient(rig.route)).rejects.toThrow('ECONNREFUSED')
    release?.()
    expect((await slow.response()).body).toBe('slow')
    await drained
    app.close()
  })

  it.each([
    ['before the drain looks', 'drain'],
    ['after it has looked', 'standstill'],
  ])('serves who has come while the process stood still, before it takes nobody any more: %s', async (_, first) => {
    const app = await startRawServer(answering(() => respond('ok')))
    const rig = await startRig(app.port, { change: { drain: { minMs: 0, quietMs: 1000, deadlineMs: 20_000 } } })
    const socket = new Socket()
    let received = ''
    let error: Error | undefined
    socket.on('data', (chunk: Buffer) => void (received += chunk.toString()))
    socket.on('error', (cause) => void (error = cause))
    /** The kernel takes the connection; nobody looks at it for longer than the quiet time. It keeps step with the drain, so that only the order of the two decides. */
    const standStill = async (): Promise<void> => {
      await sleep(50)
      await turn()
      await sleep(50)
      await turn()
      socket.connect(rig.route, '127.0.0.1')
      socket.write(get('/'))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
    }
    const standstill = first === 'standstill' ? standStill() : undefined
    const drained = rig.proxy.drain()
    await (standstill ?? standStill())
    await until('an answer', () => received.includes('ok') || error !== undefined)
    expect(error).toBeUndefined()
    socket.destroy()
    await drained
    app.close()
  })

  it('serves by a peer when the app has gone first', async () => {
    const app = await startRawServer(answering(() => respond('peer')))
    const peer = await startRig(app.port)
    const rig = await startRig(1, { table: { endpoints: { primary: [{ address: '127.0.0.1', port: peer.direct }], canary: [] } } })
    const drained = rig.proxy.drain()
    expect((await ask(rig.route, get('/'))).body).toBe('peer')
    await drained
    await peer.close()
    app.close()
  })

  it('serves by the primary’s Service when every pod that the table knows has gone too, even if that leads to a pod on its way out at first', async () => {
    const app = await startRawServer(answering(() => respond('new pod')))
    const newPod = await startRig(app.port)
    // What a kube-proxy that is behind does: two connections lead to a pod whose app is gone.
    let connections = 0
    const service = await startRawServer((connection) => {
      connections += 1
      const isBehind = connections <= 2
      const pod = isBehind ? undefined : connect(newPod.direct, '127.0.0.1')
      pod?.on('data', (chunk) => connection.socket.write(chunk))
      connection.socket.on('data', (chunk) => (pod ? pod.write(chunk) : connection.send(respond('', '503 Service Unavailable', 'x-kinglet-unsent: draining', 'Connection: close'))))
    })
    const rig = await startRig(1, { table: { endpoints: { primary: [{ address: '127.0.0.1', port: 1 }], canary: [] }, primaryService: { address: '127.0.0.1', port: service.port } } })
    const client = await openClient(rig.route)
    client.send('POST /order HTTP/1.1\r\nHost: app\r\nContent-Length: 3\r\n\r\nabc')
    const { head, body } = await client.response()
    // The sidecar has not heard that its pod goes; the client shall find another one all the same.
    expect({ body, connection: field(head, 'connection') }).toEqual({ body: 'new pod', connection: 'close' })
    expect(app.connections.map((connection) => connection.received.endsWith('\r\n\r\nabc'))).toEqual([true])
    client.socket.destroy()
    await rig.close()
    await newPod.close()
    service.close()
    app.close()
  })

  it('says so when nobody serves anywhere, and charges the primary once', async () => {
    const rig = await startRig(1, { table: { endpoints: { primary: [], canary: [] }, primaryService: { address: '127.0.0.1', port: 1 } } })
    expect((await ask(rig.route, get('/'))).status).toBe(503)
    expect(await rig.count('primary', 'weight', 'refused')).toBe(1)
    await rig.close()
  })

  it('cuts at its deadline what does not end', async () => {
    const app = await startRawServer()
    const rig = await startRig(app.port, { change: { drain: { minMs: 0, quietMs: 0, deadlineMs: 300 } } })
    const client = await openClient(rig.route)
    client.send(get('/never'))
    await (await app.connection(0)).hears('/never')
    await rig.proxy.drain()
    await client.closes()
    app.close()
  })
})
