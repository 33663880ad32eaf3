import type { ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../testing/until.ts'
import { openHttp2, request } from './testing/http2-client.ts'
import { startTwoSidecars, toCanary, type TwoSidecars } from './testing/two-sidecars.ts'

describe('HTTP/2 through two sidecars', () => {
  let pair: TwoSidecars
  beforeEach(async () => {
    pair = await startTwoSidecars()
  })
  afterEach(() => pair.close())

  it('each stream of one connection is routed by weight, exactly, over one connection to each app', async () => {
    await pair.primary.setTable(toCanary([pair.canary.direct], { canaryWeightPercent: 30 }))
    const answers = await Promise.all(Array.from({ length: 200 }, () => request(pair.client, { ':path': '/' })))
    const fromV2 = answers.filter(({ body }) => body.toString() === 'v2').length
    expect(Math.abs(fromV2 - 60)).toBeLessThanOrEqual(1)
    expect(await pair.primary.count('canary', 'weight', '2xx')).toBe(fromV2)
    expect(await pair.primary.count('primary', 'weight', '2xx')).toBe(200 - fromV2)
    expect(await pair.canary.count('canary', 'hop', '2xx')).toBe(fromV2)
    expect(pair.v2.sessions.length).toBeLessThanOrEqual(2)
  })

  it('who matches by header, cookie or authority goes to the canary at weight 0', async () => {
    await pair.primary.setTable(toCanary([pair.canary.direct], { canaryWeightPercent: 0, match: [{ headers: { 'x-canary': { exact: 'always' } } }, { cookies: { stage: { regex: 'b.*' } } }, { headers: { host: { prefix: 'beta.' } } }] }))
    const bodies = []
    for (const head of [{}, { 'x-canary': 'always' }, { cookie: ['a=1', 'stage=beta'] }, { ':authority': 'beta.shop' }]) bodies.push((await request(pair.client, { ':path': '/', ...head })).body.toString())
    expect(bodies).toEqual(['v1', 'v2', 'v2', 'v2'])
    expect(await pair.primary.count('canary', 'match', '2xx')).toBe(3)
  })

  it('the direct port serves the app next door, and believes hops alone there', async () => {
    const direct = await openHttp2(pair.primary.direct)
    expect((await request(direct, { ':path': '/' })).body.toString()).toBe('v1')
    expect(await pair.primary.count('primary', 'direct', '2xx')).toBe(1)
    direct.destroy()
    await request(pair.client, { ':path': '/', 'x-kinglet-hop': '1' })
    expect(await pair.primary.count('canary', 'weight', '2xx')).toBe(1)
  })

  it('two sidecars count as one proxy, and keep what they say to each other to themselves', async () => {
    const answer = await request(pair.client, { ':path': '/a?b=c', 'x-forwarded-for': '9.9.9.9', 'x-kinglet-service-time': '1' })
    expect(Object.keys(answer.headers).some((name) => name.startsWith('x-kinglet'))).toBe(false)
    const head = pair.v2.heads[0] ?? {}
    expect(Object.keys(head).some((name) => name.startsWith('x-kinglet'))).toBe(false)
    expect(head).toMatchObject({ ':path': '/a?b=c', via: '2.0 kinglet', 'x-forwarded-for': '9.9.9.9, 127.0.0.1', 'x-forwarded-proto': 'http' })
  })

  it('a change of the table cuts no stream', async () => {
    const held: ServerHttp2Stream[] = []
    pair.v2Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('one ')
      held.push(stream)
    }
    const answer = request(pair.client, { ':path': '/' })
    await until('the stream', () => held.length === 1)
    await pair.primary.setTable({ canaryWeightPercent: 0 })
    expect((await request(pair.client, { ':path': '/' })).body.toString()).toBe('v1')
    held[0]?.end('two')
    expect((await answer).body.toString()).toBe('one two')
  })
})
