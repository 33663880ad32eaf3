import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { say } from './testing/http2-app.ts'
import { request } from './testing/http2-client.ts'
import { startTwoSidecars, toCanary, type TwoSidecars } from './testing/two-sidecars.ts'

describe('a service’s policy for HTTP/2', () => {
  let pair: TwoSidecars
  beforeEach(async () => {
    pair = await startTwoSidecars()
  })
  afterEach(() => pair.close())

  it('the policy of the service changes path, host and headers, gives cookies and answers preflights', async () => {
    const affinity = { canary: { name: 'cc', value: 'now', setCookie: 'cc=now; Max-Age=60' } }
    const corsPolicy = { allowOrigins: [{ exact: 'https://shop' }], allowMethods: ['PUT'], allowHeaders: [], exposeHeaders: [], allowCredentials: false }
    const policy = { match: [{ uri: { prefix: '/api/' } }], rewrite: { uri: '/', authority: 'inner' }, headers: { request: { remove: ['x-secret'], set: { 'X-Mode': 'a' } }, response: { add: { 'X-Env': 'prod' } } }, corsPolicy }
    await pair.primary.setTable(toCanary([pair.canary.direct], { affinity, policy }))
    const answer = await request(pair.client, { ':path': '/api/cart', 'x-secret': 's' })
    expect(answer.headers).toMatchObject({ 'x-env': 'prod', 'set-cookie': ['cc=now; Max-Age=60'] })
    expect(pair.v2.heads[0]).toMatchObject({ ':path': '/cart', ':authority': 'inner', 'x-mode': 'a' })
    expect(pair.v2.heads[0]).not.toHaveProperty('x-secret')
    const preflight = await request(pair.client, { ':path': '/api/cart', ':method': 'OPTIONS', origin: 'https://shop', 'access-control-request-method': 'PUT' })
    expect(preflight.headers).toMatchObject({ ':status': 200, 'access-control-allow-methods': 'PUT' })
    expect(pair.v2.heads.length).toBe(1)
  })

  it('the policy of the service tries again, and ends what takes too long', async () => {
    let count = 0
    pair.v1Answer = (stream, head) => {
      count += 1
      if (head[':path'] === '/never') return
      stream.respond({ ':status': count < 3 ? 503 : 200 }, { endStream: true })
    }
    await pair.primary.setTable({ policy: { match: [], retries: { attempts: 2, retryOn: ['5xx'], statuses: [] } } })
    expect((await request(pair.client, { ':path': '/' })).headers[':status']).toBe(200)
    expect(await pair.primary.count('primary', 'weight', '5xx')).toBe(2)
    await pair.primary.setTable({ policy: { match: [], timeoutMs: 100 } })
    expect((await request(pair.client, { ':path': '/never' })).headers[':status']).toBe(504)
    expect(await pair.primary.count('primary', 'weight', 'timeout')).toBe(1)
  })

  it('the policy of the service gives each attempt its time: a stream that is not answered is cancelled and tried again, with its body', async () => {
    const bodies: string[] = []
    pair.v1Answer = (stream) => {
      const attempt = pair.v1.heads.length
      stream.on('data', (bytes: Buffer) => bodies.push(`${attempt} ${bytes.toString()}`))
      if (attempt === 3) say('third')(stream)
    }
    await pair.primary.setTable({ policy: { match: [], retries: { attempts: 2, perTryTimeoutMs: 500, retryOn: ['gateway-error'], statuses: [] } } })
    expect((await request(pair.client, { ':method': 'POST', ':path': '/' }, 'once')).body.toString()).toBe('third')
    expect(bodies).toEqual(['1 once', '2 once', '3 once'])
    expect(pair.v1.closes.slice(0, 2)).toEqual([8, 8])
    expect(await pair.primary.count('primary', 'weight', 'timeout')).toBe(2)
    expect(await pair.primary.count('primary', 'weight', '2xx')).toBe(1)
  })

  it('the policy of the service gives each attempt its time, not the answer that has begun', async () => {
    pair.v1Answer = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('slow')
      setTimeout(() => stream.end('ly'), 500)
    }
    await pair.primary.setTable({ policy: { match: [], retries: { attempts: 2, perTryTimeoutMs: 100, retryOn: ['gateway-error'], statuses: [] } } })
    expect((await request(pair.client, { ':path': '/' })).body.toString()).toBe('slowly')
    expect(pair.v1.heads.length).toBe(1)
  })
})
