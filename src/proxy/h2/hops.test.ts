import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRig, type Rig } from '../testing/rig.ts'
import { until } from '../testing/until.ts'
import { say, sayGrpc, startHttp2App, type Http2App } from './testing/http2-app.ts'
import { grpcHead, openHttp2, request } from './testing/http2-client.ts'

describe('a canary’s sidecar that has all the requests that it may have', () => {
  let v1: Http2App
  let v2: Http2App
  let primary: Rig
  let busy: Rig
  beforeEach(async () => {
    v1 = await startHttp2App((stream, head) => (head['content-type'] === 'application/grpc' ? sayGrpc('0')(stream) : say('v1')(stream)))
    v2 = await startHttp2App(() => undefined)
    busy = await startRig(v2.port, { table: { self: 'canary' }, limits: { maxRequests: 1 } })
    const endpoints = { primary: [], canary: [{ address: '127.0.0.1', port: busy.direct }] }
    primary = await startRig(v1.port, { table: { canaryWeightPercent: 100, endpoints } })
    const held = await openHttp2(busy.direct)
    held.request({ ':path': '/held' }).on('error', () => undefined)
    await until('what it has', () => v2.heads.length === 1)
  })
  afterEach(async () => {
    await primary.close()
    await busy.close()
    v1.close()
    v2.close()
  })

  it('is charged with nothing: the primary serves', async () => {
    const client = await openHttp2(primary.route)
    expect((await request(client, { ':method': 'POST', ':path': '/' }, 'body')).body.toString()).toBe('v1')
    expect((await request(client, grpcHead(), 'call')).trailers['grpc-status']).toBe('0')
    const { requests } = await primary.stats()
    expect(requests.map(({ track, outcome, count }) => `${track} ${outcome} ${count}`)).toEqual(['primary 2xx 1', 'primary 2xx 1'])
    client.destroy()
  })

  it('gets no copy that counts', async () => {
    await primary.setTable({ mirrorPercent: 100, endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: busy.direct }] } })
    const client = await openHttp2(primary.route)
    await request(client, { ':path': '/' })
    await expect.poll(async () => (await primary.stats()).mirrorsInFlight).toBe(0)
    expect((await primary.stats()).requests.filter(({ track }) => track === 'canary')).toEqual([])
    client.destroy()
  })
})
