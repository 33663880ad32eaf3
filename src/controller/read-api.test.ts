import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import { answerRead, type ReadApi } from './read-api.ts'

const analysis = { result: 'pass', time: '2026-01-01T00:00:00Z', weight: 10, windowSeconds: 60, canary: { requests: 10, failures: 0, outcomes: {} }, primary: { requests: 90, failures: 0, outcomes: {} }, checks: [] }
const canary = (name: string, status: JsonObject): JsonObject => ({ metadata: { name, namespace: 'shop', annotations: { secret: 'hunter2' } }, spec: { targetRef: { kind: 'Deployment', name }, service: { port: 80 }, analysis: { webhooks: [{ name: 'x', url: 'http://token@hook' }] } }, status })
const objects = [canary('web', { phase: 'Succeeded', canaryWeight: 0, analysis }), canary('api', { phase: 'Initialized' })]
const api: ReadApi = {
  reader: { list: () => Promise.resolve(objects), find: (_resource, { name }) => Promise.resolve(objects.find((object) => (object['metadata'] as JsonObject)['name'] === name)) },
  hub: { telemetryOf: () => ({ acknowledged: new Map(), listeningSince: 0 }) },
}

describe('the read API', () => {
  it.each([
    ['/api/v1/namespaces/shop/canaries', { items: [{ name: 'api', phase: 'Initialized' }, { name: 'web', phase: 'Succeeded' }] }],
    ['/api/v1/namespaces/shop/canaries/web', { name: 'web', target: 'web', analysis: { result: 'pass' } }],
    ['/api/v1/namespaces/shop/canaries/web/analysis', { canary: { requests: 10 } }],
  ])('answers %s', async (path, body) => {
    const answer = await answerRead('GET', path, api)
    expect(answer).toMatchObject({ status: 200, body })
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|token/)
  })

  it.each([
    ['GET', '/api/v1/namespaces/shop/canaries/none', 404, /no Canary none in namespace shop/],
    ['GET', '/api/v1/namespaces/shop/canaries/api/analysis', 404, /nothing of Canary api has been analysed/],
    ['GET', '/api/v1/secrets', 404, /nothing at \/api\/v1\/secrets/],
    ['DELETE', '/api/v1/namespaces/shop/canaries/web', 405, /only read/],
  ])('refuses %s %s with %d', async (method, path, status, message) => {
    const answer = await answerRead(method, path, api)
    expect(answer).toMatchObject({ status, body: { error: { message: expect.stringMatching(message) as unknown } } })
  })

  it('sends whoever asks a replica that does not lead to the one that does', async () =>
    expect(await answerRead('GET', '/api/v1/namespaces/shop/canaries', undefined)).toMatchObject({ status: 503, body: { error: { code: 'NotLeader' } } }))

  it('leaves other paths to others', async () => expect(await answerRead('GET', '/metrics', api)).toBeUndefined())
})
