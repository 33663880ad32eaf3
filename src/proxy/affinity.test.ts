import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import { ask, get } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

const affinity = {
  canary: { name: 'cc', value: 'now', setCookie: 'cc=now; Max-Age=60; Path=/' },
  primary: { name: 'pc', value: 'now', setCookie: 'pc=now; Max-Age=10; Path=/' },
  previous: { name: 'cc', value: 'old', setCookie: 'cc=old; Max-Age=-1; Path=/' },
}

/** All Set-Cookie values of a head. */
const cookiesIn = (head: string): readonly string[] => [...head.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, value = '']) => value)

describe('a user is held by a cookie', () => {
  let v1: RawServer
  let v2: RawServer
  let canary: Rig
  let primary: Rig
  const tableOf = (canaryWeightPercent: number, change: Partial<RouteTable> = {}): Partial<RouteTable> => ({
    canaryWeightPercent,
    affinity,
    endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }] },
    ...change,
  })
  beforeEach(async () => {
    v1 = await startRawServer(answering(() => respond('v1', '200 OK', 'Set-Cookie: app=1')))
    v2 = await startRawServer(answering((head) => respond('v2', head.startsWith('GET /broken') ? '500 Internal Server Error' : '200 OK')))
    canary = await startRig(v2.port, { table: { self: 'canary' } })
    primary = await startRig(v1.port, { table: tableOf(100) })
  })
  afterEach(async () => {
    await primary.close()
    await canary.close()
    v1.close()
    v2.close()
  })

  it('of the canary, which the first answer gives', async () => {
    const { body, head } = await ask(primary.route, get('/'))
    expect({ body, cookies: cookiesIn(head) }).toEqual({ body: 'v2', cookies: [affinity.canary.setCookie] })
    await primary.setTable(tableOf(1))
    const again = await ask(primary.route, get('/', 'Cookie: app=1; cc=now'))
    expect({ body: again.body, cookies: cookiesIn(again.head) }).toEqual({ body: 'v2', cookies: [] })
    expect(await primary.count('canary', 'affinity', '2xx')).toBe(1)
  })

  it('of the primary, beside the cookies of the app', async () => {
    await primary.setTable(tableOf(0.0001))
    const { body, head } = await ask(primary.route, get('/'))
    expect({ body, cookies: cookiesIn(head) }).toEqual({ body: 'v1', cookies: ['app=1', affinity.primary.setCookie] })
    await primary.setTable(tableOf(100))
    expect((await ask(primary.route, get('/', 'Cookie: pc=now'))).body).toBe('v1')
    expect(await primary.count('primary', 'affinity', '2xx')).toBe(1)
  })

  it('until the end of the run, when the cookie is taken back', async () => {
    await primary.setTable(tableOf(0, { affinity: { previous: affinity.previous } }))
    const { body, head } = await ask(primary.route, get('/', 'Cookie: cc=old'))
    expect({ body, cookies: cookiesIn(head) }).toEqual({ body: 'v1', cookies: ['app=1', affinity.previous.setCookie] })
  })

  it('but not of the canary that failed and was stood in for', async () => {
    await primary.setTable(tableOf(100, { rescue: 'idempotent' }))
    const { body, head } = await ask(primary.route, get('/broken'))
    expect({ body, cookies: cookiesIn(head) }).toEqual({ body: 'v1', cookies: ['app=1'] })
  })
})
