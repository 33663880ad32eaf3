import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import { ask, get } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'

const at = (port: number) => ({ address: '127.0.0.1', port })
const post = (body: string): string => `POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('a canary’s sidecar that serves the apex', () => {
  let v1: RawServer
  let v2: RawServer
  beforeAll(async () => {
    v1 = await startRawServer(answering(() => respond('v1')))
    v2 = await startRawServer(answering(() => respond('v2')))
  })
  afterAll(() => {
    v1.close()
    v2.close()
  })

  it.each<[given: string, table: Partial<RouteTable>, expected: string]>([
    ['weight 100: its own app', { canaryWeightPercent: 100 }, 'v2'],
    ['weight 0 and no primary: its own app', { canaryWeightPercent: 0 }, 'v2'],
    ['weight 0 and a primary: the primary', { canaryWeightPercent: 0, endpoints: { primary: [at(0)], canary: [] } }, 'v1'],
    ['weight 0 and a primary that refuses: its own app', { canaryWeightPercent: 0, endpoints: { primary: [at(1)], canary: [] } }, 'v2'],
  ])('given %s', async (_given, table, expected) => {
    const primary = await startRig(v1.port)
    const endpoints = { canary: [], primary: (table.endpoints?.primary ?? []).map(({ port }) => at(port === 0 ? primary.direct : port)) }
    const canary = await startRig(v2.port, { table: { self: 'canary', ...table, endpoints } })
    expect((await ask(canary.route, get('/'))).body).toBe(expected)
    await canary.close()
    await primary.close()
  })
})

describe('a local app that refuses', () => {
  it('is replaced by a peer of its track, and not charged', async () => {
    const v1 = await startRawServer(answering(() => respond('v1')))
    const peer = await startRig(v1.port)
    const lonely = await startRig(1, { table: { endpoints: { primary: [at(peer.direct)], canary: [] } } })
    expect((await ask(lonely.route, get('/'))).body).toBe('v1')
    expect((await ask(lonely.route, post('abc'))).body).toBe('v1')
    expect(await lonely.count('primary', 'weight', 'refused')).toBe(0)
    expect(await lonely.count('primary', 'weight', '2xx')).toBe(2)
    // The direct port is another matter: nothing is ever sent on from there.
    expect((await ask(lonely.direct, get('/'))).status).toBe(503)
    await lonely.close()
    await peer.close()
    v1.close()
  })

  it('is never replaced by the canary that nobody may reach', async () => {
    const v2 = await startRawServer(answering(() => respond('v2')))
    const canary = await startRig(v2.port, { table: { self: 'canary' } })
    const lonely = await startRig(1, { table: { endpoints: { primary: [], canary: [at(canary.direct)] } } })
    expect((await ask(lonely.route, get('/'))).status).toBe(503)
    expect(v2.connections).toHaveLength(0)
    await lonely.close()
    await canary.close()
    v2.close()
  })
})
