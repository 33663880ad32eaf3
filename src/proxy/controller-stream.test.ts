import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Report, RouteTable } from '../api/protocol.ts'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../certs/issue.ts'
import { localTable } from '../routing/routes.ts'
import { startFakeController, type FakeController } from './testing/fake-controller.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'
import { until } from './testing/until.ts'
import { withinASecond } from './testing/within-a-second.ts'

const table = (generation: number, change: Partial<RouteTable> = {}): RouteTable => ({ ...localTable, canary: 'test/app', generation, tickMs: 50, silenceLimitMs: 2000, ...change })
const requests = (reports: readonly Report[]): number => reports.flatMap(({ series }) => series).reduce((sum, { outcomes }) => sum + (outcomes['2xx'] ?? 0), 0)

describe('the stream to the controller', () => {
  let authority: KeyedCertificate
  let leaf: KeyedCertificate
  let folder: string
  let tokenFile: string
  let app: RawServer
  /** Answers the request for /slow. */
  let release: (() => void) | undefined
  let controller: FakeController
  let rig: Rig
  beforeAll(async () => {
    authority = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    leaf = await issueLeaf(authority, { names: ['localhost', '127.0.0.1'], validMs: 3_600_000, now: Date.now() })
    folder = mkdtempSync(join(tmpdir(), 'kinglet-stream-'))
    tokenFile = join(folder, 'token')
    app = await startRawServer(
      answering((head, connection) => {
        if (head.startsWith('GET /broken')) return respond('', '500 Internal Server Error')
        if (head.startsWith('GET /begun ')) return 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun'
        if (head.startsWith('GET /silent ')) return undefined
        if (!head.startsWith('GET /slow ')) return respond('ok')
        release = () => connection.send(respond('late'))
        return undefined
      }),
    )
  })
  afterAll(() => {
    app.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    writeFileSync(tokenFile, 'first\n')
    controller = await startFakeController(leaf)
    rig = await startSidecar(authority.certPem)
  })
  afterEach(async () => {
    await rig.close()
    controller.close()
  })

  /** Pings that come late on a busy machine are no silence, but where silence is what a test is about. */
  const startSidecar = (ca: string, leastSilenceMs = 10_000) =>
    startRig(app.port, { change: { routesFile: undefined, controller: { controller: `localhost:${controller.port}`, ca, tokenFile, leastSilenceMs } } })
  const stream = async (index: number) => {
    await until(`stream ${index}`, () => controller.streams.length > index, () => rig.logs.join(''))
    const found = controller.streams[index]
    if (!found) throw new Error('unreachable')
    return found
  }
  /** A controller that is alive: without pings the sidecar would look for another. */
  const keepTalking = (): (() => void) => {
    const timer = setInterval(() => {
      for (const each of controller.streams) if (!each.isClosed()) each.send({ type: 'ping' })
    }, 50)
    return () => clearInterval(timer)
  }

  it('begins with the token and a hello', async () => {
    const first = await stream(0)
    await until('the hello', () => first.messages.length > 0)
    expect([first.path, first.authorization]).toEqual(['/v1/stream', 'Bearer first'])
    expect(first.messages[0]).toEqual({ type: 'hello', namespace: 'test', pod: 'app-1', bootId: 'boot', version: '0' })
  })

  it('acknowledges a table when it is in force, and reports each generation apart', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    await ask(rig.route, get('/'))
    first.send({ type: 'routes', table: table(7) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack' && message.generation === 7))
    expect((await rig.stats()).generation).toBe(7)
    const ackAt = first.messages.findIndex((message) => message.type === 'ack')
    const before = first.messages.slice(0, ackAt).filter((message) => message.type === 'report')
    expect(requests(before)).toBe(1)
    expect(before.every(({ generation }) => generation === 0)).toBe(true)
    await ask(rig.route, get('/'))
    await ask(rig.route, get('/'))
    await until('the report', () => requests(first.reports().filter(({ generation }) => generation === 7)) === 2)
    expect(first.faults).toEqual([])
    const seqs = first.reports().map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
    stopTalking()
  })

  it('reports a failure long before the tick is over, the request once at the track that was drawn for it', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    const nobody = { address: '127.0.0.1', port: 1 }
    first.send({ type: 'routes', table: table(8, { canaryWeightPercent: 100, tickMs: 600_000, endpoints: { primary: [], canary: [nobody] } }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    expect((await ask(rig.route, get('/'))).status).toBe(200)
    await until('the report', () => first.reports().some(({ drawn }) => drawn))
    const none = { requests: 0, repeats: 0, repeatedFailures: 0, retriedFailures: 0, slow: 0, givenUp: 0 }
    const drawn = first.reports().flatMap((report) => report.drawn ?? [])
    expect(drawn[0]).toMatchObject({ weightPercent: 100, canary: { ...none, requests: 1 }, pods: [{ address: '127.0.0.1', requests: 1, failures: 1 }], routes: [{ route: 'GET /', canary: { failures: 1, slow: 0 } }] })
    // What the primary has answered instead may come after the hastened report.
    await rig.proxy.drain()
    await until('what is left', () => first.reports().reduce((sum, report) => sum + (report.drawn?.primary.repeats ?? 0), 0) === 1)
    stopTalking()
  })

  it('tells a client that tries the same again from others that fail', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    first.send({ type: 'routes', table: table(9, { canaryWeightPercent: 0.01, tickMs: 600_000 }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    const sum = (of: 'requests' | 'retriedFailures'): number => first.reports().reduce((total, { drawn }) => total + (drawn?.primary[of] ?? 0), 0)
    let before = 0
    const tries = async (): Promise<void> => {
      before = sum('retriedFailures')
      const client = await openClient(rig.route)
      for (const path of ['/broken', '/broken', '/broken', '/broken/too', '/', '/broken']) {
        client.send(get(path))
        await client.response()
      }
      client.socket.destroy()
    }
    const told = await withinASecond(tries, async (go) => {
      await ask(rig.route, get('/broken'))
      await until('the reports', () => sum('requests') === 7 * go)
      return sum('retriedFailures') - before
    })
    expect(told).toBe(2)
    stopTalking()
  })

  it('tells a client that waited in vain from those that changed their mind, or left in the middle of an answer', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    first.send({ type: 'routes', table: table(11, { canaryWeightPercent: 0.01 }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    const sum = (of: 'requests' | 'givenUp'): number => first.reports().reduce((total, { drawn }) => total + (drawn?.primary[of] ?? 0), 0)
    /** Begins a request and leaves after that time. */
    const leaveAfter = async (path: string, ms: number): Promise<void> => {
      const beganAt = performance.now()
      const client = await openClient(rig.route)
      client.send(get(path))
      if (path === '/begun') await client.hears('begun')
      await until('its time', () => performance.now() - beganAt >= ms)
      const { clientAborted } = await rig.stats()
      client.socket.resetAndDestroy()
      await expect.poll(async () => (await rig.stats()).clientAborted).toBe(clientAborted + 1)
    }
    /** How many had given up when all of this was over. */
    const givenUpAfter = async (asked: number): Promise<number> => {
      await ask(rig.route, get('/'))
      await until('the reports', () => sum('requests') === asked + 1)
      return sum('givenUp')
    }
    await leaveAfter('/begun', 1100)
    expect(await givenUpAfter(1)).toBe(0)
    let late = 0
    let asked = 2
    const tries = (): Promise<void> => {
      late = sum('givenUp')
      return leaveAfter('/silent', 0)
    }
    expect(await withinASecond(tries, () => givenUpAfter((asked += 2) - 1))).toBe(late)
    await leaveAfter('/silent', 1100)
    expect(await givenUpAfter(asked + 1)).toBe(late + 1)
    stopTalking()
  })

  it('draws once for a user who keeps the cookies: the next requests are told apart', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    const held = (name: string) => ({ name, value: 'now', setCookie: `${name}=now; Max-Age=60` })
    const affinity = { canary: held('release'), primary: held('release-primary') }
    first.send({ type: 'routes', table: table(10, { canaryWeightPercent: 50, affinity, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: app.port }] } }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    for (let user = 0; user < 40; user += 1) {
      const { head } = await ask(rig.route, get('/'))
      const cookie = /^set-cookie: ([^;]+)/im.exec(head)?.[1] ?? ''
      for (const path of ['/cart', '/pay']) await ask(rig.route, get(path, `Cookie: ${cookie}`))
    }
    const counted = (reason: string): number => first.reports().flatMap(({ series }) => series).reduce((sum, delta) => sum + (delta.reason === reason ? (delta.outcomes['2xx'] ?? 0) : 0), 0)
    await until('the reports', () => counted('weight') + counted('affinity') === 120)
    const drawn = (of: 'primary' | 'canary'): number => first.reports().reduce((sum, report) => sum + (report.drawn?.[of].requests ?? 0), 0)
    expect([counted('weight'), counted('affinity'), drawn('primary') + drawn('canary')]).toEqual([40, 80, 40])
    expect(drawn('canary')).toBeGreaterThan(0)
    stopTalking()
  })

  it('keeps the old table when the new one cannot be used', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    first.send({ type: 'routes', table: table(1, { canaryWeightPercent: 10 }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    first.sendLine('{"type":"routes","table":{}}')
    first.send({ type: 'routes', table: table(2, { match: [{ headers: { a: { regex: '(' } } }] }) })
    await expect.poll(async () => (await rig.stats()).tablesRefused).toBe(2)
    expect(await rig.stats()).toMatchObject({ generation: 1, canaryWeightPercent: 10 })
    expect(first.messages.filter((message) => message.type === 'ack')).toHaveLength(1)
    stopTalking()
  })

  // Under load the sidecar may take a pause for silence and call anew: what is said is said to whoever listens, until it is heard.
  const say = async (line: string, isHeard: () => Promise<boolean>): Promise<void> => {
    const answered = async (): Promise<boolean> => {
      for (const each of controller.streams) if (!each.isClosed()) each.sendLine(line)
      return isHeard()
    }
    await expect.poll(answered, { timeout: 20_000 }).toBe(true)
  }
  const inForce = (next: RouteTable): Promise<void> => say(JSON.stringify({ type: 'routes', table: next }), async () => (await rig.stats()).generation === next.generation)
  /** Repeated reports are told apart by their number, as the controller does it. */
  const reported = (generation: number): number => {
    const reports = new Map(controller.streams.flatMap((each) => each.reports()).map((report) => [report.seq, report]))
    return requests([...reports.values()].filter((report) => report.generation === generation))
  }

  it('(33) hears of a request under the table that it started with', async () => {
    const stopTalking = keepTalking()
    await inForce(table(4))
    const slow = ask(rig.route, get('/slow'))
    await until('the request at the app', () => release !== undefined)
    await inForce(table(5))
    release?.()
    expect((await slow).body).toBe('late')
    await expect.poll(() => [reported(4), reported(5)], { timeout: 20_000 }).toEqual([1, 0])
    stopTalking()
  })

  it('may come and go: requests are served by the table in force, and each is reported', async () => {
    const stopTalking = keepTalking()
    await inForce(table(3, { silenceLimitMs: 60_000 }))
    for (let round = 1; round <= 4; round += 1) {
      const { tablesRefused } = await rig.stats()
      controller.cut()
      // What comes back has nothing to say that makes sense.
      await say('{"type":"routes","table":{"generation":"x"}}', async () => (await rig.stats()).tablesRefused > tablesRefused)
      expect((await ask(rig.route, get('/'))).body).toBe('ok')
    }
    expect((await rig.stats()).generation).toBe(3)
    await expect.poll(() => reported(3), { timeout: 20_000 }).toBe(4)
    stopTalking()
  })

  it('repeats the last minutes after a break, with their age and the new token', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    first.send({ type: 'routes', table: table(3) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    await ask(rig.route, get('/'))
    await until('the report', () => requests(first.reports()) === 1)
    writeFileSync(tokenFile, 'second')
    controller.cut()
    await ask(rig.route, get('/'))
    const second = await stream(1)
    await until('both requests', () => requests(second.reports()) === 2)
    expect(second.authorization).toBe('Bearer second')
    expect(second.messages[0]?.type).toBe('hello')
    const repeated = second.reports().find(({ seq }) => first.reports().some((report) => report.seq === seq && report.series.length > 0))
    expect(repeated?.ageMs).toBeGreaterThan(0)
    // The table survives the break; its weight does not survive the silence.
    expect((await rig.stats()).generation).toBe(3)
    stopTalking()
  })

  it('takes silence for a break', async () => {
    await rig.close()
    rig = await startSidecar(authority.certPem, 300)
    const before = controller.streams.length
    const first = await stream(before)
    first.send({ type: 'routes', table: table(1) })
    await stream(before + 1)
    await until('the end of the first', first.isClosed)
  })

  it('takes the canary’s weight away when the controller is gone for too long', async () => {
    const first = await stream(0)
    first.send({ type: 'routes', table: table(1, { canaryWeightPercent: 50, silenceLimitMs: 300 }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    controller.close()
    await expect.poll(async () => (await rig.stats()).canaryWeightPercent).toBe(0)
    expect((await ask(rig.route, get('/'))).body).toBe('ok')
  })

  it('comes back to a controller that has moved or refused', async () => {
    controller.status = 401
    controller.cut()
    await until('the refusal', () => rig.logs.some((line) => line.includes('answered 401') || line.includes('not connected')))
    controller.status = 200
    const next = await stream(controller.streams.length)
    await until('the hello', () => next.messages[0]?.type === 'hello')
  })

  it.each([
    ['another authority', async () => (await createAuthority({ validMs: 3_600_000, now: Date.now() })).certPem],
    ['what is no certificate', async () => Promise.resolve('nonsense')],
  ])('trusts nobody but its authority, and serves without: it was given %s', async (_what, givenCa) => {
    const seen = controller.streams.length
    const other = await startSidecar(await givenCa())
    await until('the complaint', () => other.logs.some((line) => line.includes('controller not connected')))
    expect((await fetch(`http://127.0.0.1:${other.admin}/readyz`)).status).toBe(503)
    expect((await ask(other.route, get('/'))).body).toBe('ok')
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${other.admin}/readyz`)).status, { timeout: 5000 }).toBe(200)
    expect(controller.streams.length - seen).toBeLessThanOrEqual(2)
    await other.close()
  })

  it('sends what is left before it goes', async () => {
    const stopTalking = keepTalking()
    const first = await stream(0)
    first.send({ type: 'routes', table: table(1, { tickMs: 60_000 }) })
    await until('the ack', () => first.messages.some((message) => message.type === 'ack'))
    await ask(rig.route, get('/'))
    await rig.proxy.drain()
    await until('the last report', () => requests(first.reports()) === 1)
    stopTalking()
  })
})
