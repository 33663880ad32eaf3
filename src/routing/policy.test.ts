import { describe, expect, it } from 'vitest'
import { retryConditions, type MatchRule, type RetryCondition, type Rewrite, type RoutePolicy } from '../api/routing.ts'
import { compilePolicy, planRequest, rewriteTarget, type Plan } from './policy.ts'
import { isRetriable, retryWaitMs, type Ending } from './retry.ts'
import { requestView } from './testing/request-view.ts'

const plan = (policy: Partial<RoutePolicy>, request: Parameters<typeof requestView>[0] = {}): Plan | undefined => {
  const compiled = compilePolicy({ match: [], ...policy })
  if (!compiled.ok) throw new Error(compiled.error.reason)
  return planRequest(compiled.value, requestView(request))
}

describe('a rewrite of the path', () => {
  const prefix = (of: string): MatchRule => ({ uri: { prefix: of } })
  it.each<[given: string, target: string, rewrite: Rewrite, rule: MatchRule | undefined, expected: string]>([
    ['a prefix', '/api/cart?a=1', { uri: '/v2' }, prefix('/api'), '/v2/cart?a=1'],
    ['a prefix that is the whole path', '/api', { uri: '/v2' }, prefix('/api'), '/v2'],
    ['a prefix that ends within a segment, as Envoy does it', '/apis', { uri: '/v2' }, prefix('/api'), '/v2s'],
    ['a prefix replaced by the root', '/api/cart', { uri: '/' }, prefix('/api'), '/cart'],
    ['a prefix with a slash replaced by the root', '/api/cart', { uri: '/' }, prefix('/api/'), '/cart'],
    ['an exact path', '/old?a=1', { uri: '/new' }, { uri: { exact: '/old' } }, '/new?a=1'],
    ['an expression', '/user/7', { uri: '/me' }, { uri: { regex: '/user/.*' } }, '/me'],
    ['no rule', '/cart', { uri: '/v2/' }, undefined, '/v2/cart'],
    ['a rule about something else', '/cart', { uri: '/v2/' }, { method: { exact: 'GET' } }, '/v2/cart'],
    ['ReplaceFullPath', '/api/cart?a=1', { uri: '/v2', type: 'ReplaceFullPath' }, prefix('/api'), '/v2?a=1'],
    ['ReplacePrefixMatch', '/api/cart', { uri: '/v2', type: 'ReplacePrefixMatch' }, prefix('/api/'), '/v2/cart'],
    ['an authority alone', '/cart', { authority: 'other' }, undefined, '/cart'],
    ['the server itself', '*', { uri: '/x' }, undefined, '*'],
  ])('given %s', (_given, target, rewrite, rule, expected) => expect(rewriteTarget(target, rewrite, rule)).toBe(expected))
})

describe('a policy', () => {
  it('is about all requests, or about those that a rule matches', () => {
    expect(plan({ timeoutMs: 5 })).toEqual({ timeoutMs: 5 })
    expect(plan({ timeoutMs: 5, match: [{ uri: { prefix: '/a' } }] }, { target: '/a/b' })).toEqual({ timeoutMs: 5 })
    expect(plan({ timeoutMs: 5, match: [{ uri: { prefix: '/a' } }] }, { target: '/b' })).toBeUndefined()
  })

  it('rewrites by the rule that matched', () => {
    const policy = { match: [{ uri: { prefix: '/one/' } }, { uri: { prefix: '/two/' } }], rewrite: { uri: '/' } }
    expect(plan(policy, { target: '/two/x' })?.target).toBe('/x')
    expect(plan(policy, { target: '/one/x' })?.target).toBe('/x')
  })

  it('takes a Host that is set for the authority', () => {
    expect(plan({ headers: { request: { set: { Host: 'other', 'X-A': '1' } } } })).toMatchObject({ authority: 'other', request: { lines: [['X-A', '1']] } })
    expect(plan({ headers: { request: { set: { host: 'other' } } }, rewrite: { authority: 'this' } })?.authority).toBe('this')
  })

  it('removes before it sets, and sets before it adds', () =>
    expect(plan({ headers: { response: { remove: ['Server'], set: { 'X-B': '2' }, add: { 'X-C': '3' } } } })?.response).toEqual({ without: new Set(['server', 'x-b']), lines: [['X-B', '2'], ['X-C', '3']] }))

  it('names the expression that RE2 refuses', () =>
    expect(compilePolicy({ match: [], corsPolicy: { allowOrigins: [{ regex: '(' }], allowMethods: [], allowHeaders: [], exposeHeaders: [], allowCredentials: false } })).toMatchObject({ ok: false, error: { path: 'corsPolicy.allowOrigins[0]' } }))
})

describe('a cross-origin policy', () => {
  const corsPolicy = {
    allowOrigins: [{ exact: 'https://a.example' }, { regex: 'https://.*\\.b\\.example' }],
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['x-one', 'x-two'],
    exposeHeaders: ['x-three'],
    maxAgeSeconds: 600,
    allowCredentials: true,
  }
  const preflight = (origin: string) => ({ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })

  it('answers the preflight of an allowed origin', () =>
    expect(plan({ corsPolicy }, preflight('https://x.b.example'))?.preflight).toEqual([
      ['Access-Control-Allow-Origin', 'https://x.b.example'],
      ['Access-Control-Allow-Credentials', 'true'],
      ['Access-Control-Allow-Methods', 'GET,POST'],
      ['Access-Control-Allow-Headers', 'x-one,x-two'],
      ['Access-Control-Max-Age', '600'],
      ['Vary', 'Origin'],
    ]))

  it.each([
    ['the preflight of another origin', preflight('https://c.example')],
    ['an OPTIONS that is no preflight', { method: 'OPTIONS', headers: { origin: 'https://a.example' } }],
    ['an OPTIONS of nobody', { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } }],
  ])('leaves %s to the app', (_given, request) => expect(plan({ corsPolicy }, request)?.preflight).toBeUndefined())

  it('marks answers to an allowed origin, and replaces what the app says about it', () => {
    const response = plan({ corsPolicy }, { headers: { origin: 'https://a.example' } })?.response
    expect(response?.lines).toEqual([
      ['Access-Control-Allow-Origin', 'https://a.example'],
      ['Access-Control-Allow-Credentials', 'true'],
      ['Access-Control-Expose-Headers', 'x-three'],
      ['Vary', 'Origin'],
    ])
    expect(response?.without.has('access-control-allow-origin')).toBe(true)
    expect(plan({ corsPolicy }, { headers: { origin: 'https://c.example' } })?.response).toBeUndefined()
  })

  it('takes * for any origin', () => expect(plan({ corsPolicy: { ...corsPolicy, allowOrigins: [{ exact: '*' }] } }, preflight('https://c.example'))?.preflight).toBeDefined())
})

describe('a retry', () => {
  const status = (of: number): Ending => ({ failure: 'status', status: of })
  const endings: Readonly<Record<string, Ending>> = {
    refused: { failure: 'unsent', status: 0 },
    lost: { failure: 'lost', status: 0 },
    late: { failure: 'timeout', status: 0 },
    500: status(500),
    503: status(503),
    505: status(505),
    409: status(409),
    404: status(404),
    grpc14: { failure: 'status', status: 200, grpcStatus: '14' },
    grpc1: { failure: 'status', status: 200, grpcStatus: '1' },
  }
  it.each<[on: RetryCondition, retried: readonly string[]]>([
    ['5xx', ['500', '503', '505', 'refused', 'lost', 'late']],
    ['gateway-error', ['503', 'refused', 'lost', 'late']],
    ['reset', ['refused', 'lost', 'late']],
    ['reset-before-request', ['refused']],
    ['connect-failure', ['refused']],
    ['refused-stream', ['refused']],
    ['retriable-4xx', ['409']],
    ['retriable-status-codes', ['404']],
    ['unavailable', ['grpc14']],
    ['cancelled', ['grpc1']],
  ])('on %s is made after %j alone', (on, retried) => {
    const policy = { attempts: 1, retryOn: [on], statuses: on === 'retriable-status-codes' ? [404] : [] }
    expect(Object.keys(endings).filter((name) => isRetriable(policy, endings[name] ?? status(200)))).toEqual([...retried].toSorted((a, b) => Object.keys(endings).indexOf(a) - Object.keys(endings).indexOf(b)))
  })

  it('is never made after a success', () => {
    const policy = { attempts: 1, retryOn: retryConditions, statuses: [503] }
    expect([200, 204, 301, 404].filter((code) => isRetriable(policy, status(code)))).toEqual([])
  })

  it('waits longer each time', () => expect([1, 2, 3, 4, 10].map(retryWaitMs)).toEqual([25, 75, 175, 250, 250]))
})
