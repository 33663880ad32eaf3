import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Drawn } from '../../api/protocol.ts'
import { createAuthority, issueLeaf } from '../../certs/issue.ts'
import { localTable } from '../../routing/routes.ts'
import { startFakeController, type FakeController } from '../testing/fake-controller.ts'
import { startRig, type Rig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { withinASecond } from '../testing/within-a-second.ts'
import { startHttp2App, type Http2App } from './testing/http2-app.ts'
import { grpcHead, openHttp2, request } from './testing/http2-client.ts'

describe('what is told of drawn requests of HTTP/2', () => {
  let folder: string
  let app: Http2App
  let controller: FakeController
  let rig: Rig
  let client: ClientHttp2Session
  /** What the app answers to what lies under /held, when it is told to. */
  let release: readonly (() => void)[]

  beforeEach(async () => {
    const authority = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    controller = await startFakeController(await issueLeaf(authority, { names: ['localhost'], validMs: 3_600_000, now: Date.now() }))
    folder = mkdtempSync(join(tmpdir(), 'kinglet-drawn-'))
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'token')
    release = []
    app = await startHttp2App((stream, head) => {
      const path = String(head[':path'])
      stream.resume()
      if (path.startsWith('/shop.Cart/')) return stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': path.endsWith('Fail') ? '14' : '0' }, { endStream: true })
      const answer = (): void => stream.respond({ ':status': path.includes('broken') ? 500 : 200 }, { endStream: true })
      if (!path.includes('held')) return answer()
      release = [...release, answer]
    })
    rig = await startRig(app.port, { change: { routesFile: undefined, controller: { controller: `localhost:${controller.port}`, ca: authority.certPem, tokenFile, leastSilenceMs: 600_000 } } })
    await until('the stream', () => controller.streams.length > 0)
    controller.streams[0]?.send({ type: 'routes', table: { ...localTable, canary: 'test/app', generation: 1, tickMs: 50, silenceLimitMs: 600_000, canaryWeightPercent: 0.01 } })
    await until('the ack', () => controller.streams[0]?.messages.some(({ type }) => type === 'ack') === true)
    client = await openHttp2(rig.route)
  })
  afterEach(async () => {
    client.destroy()
    await rig.close()
    controller.close()
    app.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const drawn = (): readonly Drawn[] => controller.streams.flatMap((stream) => stream.reports()).flatMap((report) => report.drawn ?? [])
  const sum = (of: 'requests' | 'retriedFailures'): number => drawn().reduce((total, { primary }) => total + (primary[of] ?? 0), 0)
  /** Failures by class of the requests. */
  const classes = (): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {}
    for (const { route, primary } of drawn().flatMap(({ routes = [] }) => routes)) counts[route] = (counts[route] ?? 0) + primary.failures
    return counts
  }
  const inTurn = async (heads: readonly OutgoingHttpHeaders[], session = client): Promise<void> => {
    for (const head of heads) await request(session, head)
  }
  /** How many of these, on a new connection, were tries of the one before. */
  const triesOf = (heads: readonly OutgoingHttpHeaders[]): Promise<number> => {
    let before = 0
    const tries = async (): Promise<void> => {
      before = sum('retriedFailures')
      const session = await openHttp2(rig.route)
      await inTurn(heads, session)
      session.destroy()
    }
    return withinASecond(tries, async (go) => {
      await until('the reports', () => sum('requests') === go * heads.length)
      return sum('retriedFailures') - before
    })
  }
  const get = (path: string): OutgoingHttpHeaders => ({ ':path': path })
  const call = (method: string): OutgoingHttpHeaders => grpcHead({ ':path': `/shop.Cart/${method}` })

  it('a client that tries the same again, stream after stream, is told from others that fail', async () => {
    expect(await triesOf(['/broken', '/broken', '/broken', '/broken/too', '/', '/broken'].map(get))).toBe(2)
  })

  it('a gRPC client that calls again is one too', async () => {
    expect(await triesOf(['Fail', 'Fail', 'Fail', 'Add', 'Fail'].map(call))).toBe(2)
  })

  it('streams that were open together are no tries of one another: they may be of many users', async () => {
    const answers = ['/held/broken', '/held/broken', '/held/broken'].map((path) => request(client, get(path)))
    await until('the streams', () => release.length === 3)
    for (const answer of release) answer()
    await Promise.all(answers)
    await until('the reports', () => sum('requests') === 3)
    expect(sum('retriedFailures')).toBe(0)
  })

  it('requests and gRPC calls that failed are counted by their class', async () => {
    await inTurn([get('/users/17/broken'), get('/users/18/broken?page=2'), get('/users/17'), call('Fail'), call('Add')])
    await until('the reports', () => sum('requests') === 5)
    expect(classes()).toEqual({ 'GET /users/{id}/broken': 2, 'POST /shop.Cart/Fail': 1 })
  })
})
