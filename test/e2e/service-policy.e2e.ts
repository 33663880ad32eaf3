import { beforeAll, describe, expect, it } from 'vitest'
import { apply } from './lib/apply.ts'
import { eventually } from './lib/eventually.ts'
import { appPort, canary, deployment, service } from './lib/manifests.ts'
import { get, rolledOut } from './lib/objects.ts'
import { ask, sidecarCount, type Reply } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { resources } from '../../src/api/resources.ts'
import { stringAt } from '../../src/base/json.ts'

/** What `spec.service` asks of the way, on an app at rest: the fields that Flagger hands to a mesh. */
describe('the fields of spec.service', () => {
  const { namespace, explainOnFailure } = scene('policy')
  const url = (path: string): string => `http://podinfo${path}`
  const [origin, stranger] = ['https://shop.example', 'https://evil.example']

  beforeAll(async () => {
    await apply(deployment({ namespace, version: 'v1', replicas: 1 }), service({ namespace }))
    await rolledOut(namespace, 'podinfo')
    const policy = {
      timeout: '4s',
      retries: { attempts: 2, perTryTimeout: '2s', retryOn: 'gateway-error,connect-failure' },
      rewrite: { uri: '/' },
      match: [{ uri: { prefix: '/shop/' } }],
      headers: { request: { set: { 'x-tier': 'gold' }, add: { 'x-from': 'kinglet' }, remove: ['x-secret'] }, response: { add: { 'x-served-by': 'kinglet' }, remove: ['x-content-type-options'] } },
      corsPolicy: { allowOrigins: [{ exact: origin }], allowMethods: ['GET', 'PUT'], maxAge: '1h' },
    }
    await apply(canary({ namespace, service: { port: 80, targetPort: appPort, ...policy } }))
    await eventually('podinfo is adopted', async () => stringAt(await get(resources.canaries, namespace, 'podinfo'), 'status', 'phase') === 'Initialized', 90_000)
    // The adoption is over when the sidecars have the table, and a moment later all kube-proxies lead to them.
    await eventually('the way is as asked for', async () => (await ask(namespace, [{ url: url('/shop/') }]))[0]?.headers['x-served-by'] !== undefined, 60_000)
  }, 180_000)

  it('rewrite, headers, corsPolicy and match change what they name, and nothing else', async () => {
    explainOnFailure()
    const [headers, other, allowed, preflight, refused] = await ask(namespace, [
      { url: url('/shop/headers'), headers: { 'x-tier': 'tin', 'x-secret': 'mine', 'x-other': 'stays' } },
      { url: url('/headers'), headers: { 'x-tier': 'tin' } },
      { url: url('/shop/version'), headers: { origin } },
      { url: url('/shop/version'), method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } },
      { url: url('/shop/version'), headers: { origin: stranger } },
    ])
    expect(headers?.status).toBe(200)
    expect(JSON.parse(headers?.body ?? '{}')).toMatchObject({ 'X-Tier': ['gold'], 'X-From': ['kinglet'], 'X-Other': ['stays'] })
    expect(headers?.body).not.toContain('X-Secret')
    expect(headers?.headers).toMatchObject({ 'x-served-by': ['kinglet'] })
    expect(headers?.headers).not.toHaveProperty('x-content-type-options')
    expect(JSON.parse(other?.body ?? '{}'), 'a path that match does not name').toMatchObject({ 'X-Tier': ['tin'] })
    expect(other?.headers).not.toHaveProperty('x-served-by')
    expect(allowed?.headers).toMatchObject({ 'access-control-allow-origin': [origin] })
    expect({ status: preflight?.status, body: preflight?.body }).toEqual({ status: 200, body: '' })
    expect(preflight?.headers).toMatchObject({ 'access-control-allow-methods': ['GET,PUT'], 'access-control-max-age': ['3600'] })
    expect(refused?.status).toBe(200)
    expect(refused?.headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('timeout ends a request, retries repeats it', async () => {
    explainOnFailure()
    const before = await sidecarCount(namespace, 'podinfo-primary', 'kinglet_retried_requests_total')
    const [slow, unavailable, broken]: readonly (Reply | undefined)[] = await ask(namespace, [{ url: url('/shop/delay/15') }, { url: url('/shop/status/503') }, { url: url('/shop/status/500') }])
    expect(slow?.status, 'the app would answer 200 after fifteen seconds').toBe(504)
    expect([unavailable?.status, broken?.status]).toEqual([503, 500])
    const retried = (await sidecarCount(namespace, 'podinfo-primary', 'kinglet_retried_requests_total')) - before
    // Two for the 503; none for the 500, which is no gateway's; the slow one tries again until its four seconds are over.
    expect(retried).toBeGreaterThanOrEqual(2)
    expect(retried).toBeLessThanOrEqual(4)
  })
})
