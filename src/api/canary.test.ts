import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import { parseCanary, strategyOf } from './canary.ts'
import { mergeConditions, kstatusConditions, promotedCondition } from './conditions.ts'
import { buildCanary, parseSettings } from './settings.ts'
import { combineRules } from './canary-routing.ts'
import { describeProblem, validateCanary } from './validate.ts'

/** The manifest that every Flagger tutorial begins with. */
const reference: JsonObject = {
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name: 'myapp', namespace: 'test' },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'myapp' },
    service: { port: 80, targetPort: 8080 },
    analysis: {
      interval: '1m',
      threshold: 5,
      maxWeight: 50,
      stepWeight: 10,
      metrics: [
        { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' },
        { name: 'request-duration', thresholdRange: { max: 500 }, interval: '1m' },
      ],
    },
  },
}

/** The reference with `spec` fields put in place of its own. */
function withSpec(change: JsonObject): JsonObject {
  return { ...reference, spec: { ...(reference['spec'] as JsonObject), ...change } }
}
const withAnalysis = (change: JsonObject): JsonObject => withSpec({ analysis: { ...((reference['spec'] as JsonObject)['analysis'] as JsonObject), ...change } })

describe('a Canary', () => {
  it('of the tutorials reads as written, with defaults for the rest', () => {
    const { spec } = parseCanary(reference)
    expect(spec.service).toMatchObject({ name: 'myapp', port: 80, targetPort: 8080, portName: 'http' })
    expect(spec.analysis).toMatchObject({ intervalMs: 60_000, threshold: 5, maxWeight: 50, stepWeight: 10, onNoData: 'hold', rescue: 'unsent', canaryReadyThresholdPercent: 100 })
    expect(spec.analysis.metrics).toEqual([
      { name: 'request-success-rate', intervalMs: 60_000, min: 99, isCustom: false },
      { name: 'request-duration', intervalMs: 60_000, max: 500, isCustom: false },
    ])
    expect(spec).toMatchObject({ progressDeadlineSeconds: 600, skipAnalysis: false, suspend: false, revertOnDeletion: true })
    expect(validateCanary(reference)).toEqual([])
  })

  it('is guarded without being asked, and advances by the clock', () => {
    expect(parseCanary(reference).spec.analysis).toMatchObject({
      guard: { enabled: true, alpha: 0.001, tolerance: 1.25, metrics: ['failures', 'latency'], minimumFailures: 3 },
      advance: 'interval',
      onInconclusive: 'hold',
      bakeMs: 0,
    })
    expect(parseCanary(reference).spec.analysis.adaptive).toBeUndefined()
  })

  it('says how its judge shall work', () => {
    const raw = withAnalysis({ guard: { alpha: 0.0001, metrics: ['latency'] }, advance: 'evidence', maxDuration: '30m', onInconclusive: 'rollback', adaptive: {}, bake: '10m' })
    expect(validateCanary(raw)).toEqual([])
    expect(parseCanary(raw).spec.analysis).toMatchObject({ guard: { alpha: 0.0001, metrics: ['latency'] }, advance: 'evidence', maxDurationMs: 1_800_000, onInconclusive: 'rollback', adaptive: { harmBudget: 10 }, bakeMs: 600_000 })
  })

  it.each([
    ['canary', {}],
    ['blue-green', { stepWeight: 0, iterations: 3 }],
    ['ab-testing', { stepWeight: 0, iterations: 3, match: [{ cookies: { beta: { exact: 'yes' } } }] }],
  ])('has the strategy %s', (strategy, analysis) => expect(strategyOf(parseCanary(withAnalysis(analysis)).spec.analysis)).toBe(strategy))

  it('compares header names in lower case and cookie names as they are', () =>
    expect(parseCanary(withAnalysis({ match: [{ headers: { 'X-User': { prefix: 'a' } }, cookies: { Beta: { exact: 'b' } } }] })).spec.analysis.match).toEqual([
      { headers: { 'x-user': { prefix: 'a' } }, cookies: { Beta: { exact: 'b' } } },
    ]))

  it.each([undefined, null, 5, 'x', [], { spec: 5 }, { spec: { analysis: [], service: null } }])('is read without a throw from %j', (raw) =>
    expect(() => parseCanary(raw as unknown as JsonObject)).not.toThrow())

  it.each([
    ['spec.targetRef.kind', 'UnsupportedKind', withSpec({ targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'myapp' } })],
    ['spec.autoscalerRef.kind', 'UnsupportedKind', withSpec({ autoscalerRef: { apiVersion: 'keda.sh/v1', kind: 'ScaledObject', name: 'x' } })],
    ['spec.service.name', 'NameTooLong', withSpec({ service: { name: 'n'.repeat(60), port: 80 } })],
    ['spec.service.port', 'InvalidSpec', withSpec({ service: {} })],
    ['spec.analysis', 'AmbiguousStrategy', withAnalysis({ iterations: 5 })],
    ['spec.analysis', 'NoStrategy', withAnalysis({ stepWeight: 0 })],
    ['spec.analysis.interval', 'InvalidSpec', withAnalysis({ interval: 'soon' })],
    ['spec.analysis.stepWeights', 'InvalidSpec', withAnalysis({ stepWeight: 0, stepWeights: [20, 10] })],
    ['spec.analysis.maxWeight', 'InvalidSpec', withAnalysis({ maxWeight: 150 })],
    ['spec.analysis.metrics[0].thresholdRange.min', 'InvalidThreshold', withAnalysis({ metrics: [{ name: 'request-success-rate', thresholdRange: { min: 101 } }] })],
    ['spec.analysis.metrics[0].thresholdRange', 'InvalidThreshold', withAnalysis({ metrics: [{ name: 'request-duration', thresholdRange: { min: 9, max: 1 } }] })],
    ['spec.analysis.metrics[0].thresholdRange', 'InvalidThreshold', withAnalysis({ metrics: [{ name: 'request-duration' }] })],
    ['spec.analysis.guard.alpha', 'InvalidSpec', withAnalysis({ guard: { alpha: 0.7 } })],
    ['spec.analysis.guard.tolerance', 'InvalidSpec', withAnalysis({ guard: { tolerance: '1.1' } })],
    ['spec.analysis.guard.metrics[1]', 'InvalidSpec', withAnalysis({ guard: { metrics: ['latency', 'errors'] } })],
    ['spec.analysis.advance', 'InvalidSpec', withAnalysis({ advance: 'evidence', stickyHash: { header: 'x-user' } })],
    ['spec.analysis.adaptive', 'InvalidSpec', withAnalysis({ adaptive: {}, stickyHash: { header: 'x-user' } })],
    ['spec.analysis.guard.badRatio', 'InvalidSpec', withAnalysis({ guard: { tolerance: 3, badRatio: 2 } })],
    ['spec.analysis.advance', 'InvalidSpec', withAnalysis({ advance: 'quickly' })],
    ['spec.analysis.advance', 'InvalidSpec', withAnalysis({ advance: 'evidence', guard: { enabled: false } })],
    ['spec.analysis.maxDuration', 'InvalidSpec', withAnalysis({ maxDuration: '1 hour' })],
    ['spec.analysis.adaptive.harmBudget', 'InvalidSpec', withAnalysis({ adaptive: { harmBudget: 0 } })],
    ['spec.analysis.bake', 'InvalidSpec', withAnalysis({ bake: 600 })],
    ['spec.analysis.match[0].sourceLabels', 'UnsupportedField', withAnalysis({ match: [{ sourceLabels: { app: 'a' } }] })],
    ['spec.analysis.match[0].headers', 'InvalidSpec', withAnalysis({ match: [{ headers: { 'x a': { exact: '1' } } }] })],
    ['spec.analysis.match[0]', 'InvalidSpec', withAnalysis({ match: [{}] })],
    ['spec.analysis.sessionAffinity.cookieName', 'InvalidSpec', withAnalysis({ sessionAffinity: {} })],
    ['spec.analysis.sessionAffinity.primaryCookieName', 'InvalidSpec', withAnalysis({ sessionAffinity: { cookieName: 'a', primaryCookieName: 'a' } })],
    ['spec.analysis.sessionAffinity.domain', 'InvalidSpec', withAnalysis({ sessionAffinity: { cookieName: 'a', domain: 'x; Path=/' } })],
    ['spec.analysis.sessionAffinity.maxAge', 'InvalidSpec', withAnalysis({ sessionAffinity: { cookieName: 'a', maxAge: 0 } })],
    ['spec.analysis.sessionAffinity.sameSite', 'InvalidSpec', withAnalysis({ sessionAffinity: { cookieName: 'a', sameSite: 'Loose' } })],
    ['spec.analysis.stickyHash', 'InvalidSpec', withAnalysis({ stickyHash: { header: 'a', cookie: 'b' } })],
    ['spec.service.timeout', 'InvalidSpec', withSpec({ service: { port: 80, timeout: 'long' } })],
    ['spec.service.retries.retryOn', 'InvalidSpec', withSpec({ service: { port: 80, retries: { attempts: 3, retryOn: '5xx,always' } } })],
    ['spec.service.retries.attempts', 'InvalidSpec', withSpec({ service: { port: 80, retries: { attempts: 101 } } })],
    ['spec.service.headers.request.set', 'InvalidSpec', withSpec({ service: { port: 80, headers: { request: { set: { 'Content-Length': '1' } } } } })],
    ['spec.service.headers.response.remove', 'InvalidSpec', withSpec({ service: { port: 80, headers: { response: { remove: ['x-kinglet-hop'] } } } })],
    ['spec.service.rewrite.uri', 'InvalidSpec', withSpec({ service: { port: 80, rewrite: { uri: 'v2' } } })],
    ['spec.service.corsPolicy.maxAge', 'InvalidSpec', withSpec({ service: { port: 80, corsPolicy: { maxAge: 'day' } } })],
    ['spec.service.match[0].uri', 'InvalidSpec', withSpec({ service: { port: 80, match: [{ uri: { exact: '/', prefix: '/' } }] } })],
    ['spec.analysis.stickyHash', 'InvalidSpec', withAnalysis({ stickyHash: { header: 'a' }, sessionAffinity: { cookieName: 'a' } })],
    ['spec.analysis.stickyHash.header', 'InvalidSpec', withAnalysis({ stickyHash: { header: 'x user' } })],
    ['spec.analysis.stickyHash.trustedHops', 'InvalidSpec', withAnalysis({ stickyHash: { clientAddress: true, trustedHops: -1 } })],
    ['spec.analysis.match[0].headers.x-a', 'InvalidSpec', withAnalysis({ match: [{ headers: { 'x-a': { exact: '1', prefix: '2' } } }] })],
  ])('with a fault at %s is refused as %s, with a remedy', (path, code, raw) => {
    const [problem, ...others] = validateCanary(raw)
    expect(problem).toMatchObject({ path, code })
    expect(others).toEqual([])
    if (problem) expect(describeProblem(problem)).toMatch(new RegExp(`^${path.replaceAll(/[.[\]]/g, '\\$&')}: .+\\. [A-Z].+\\.$`))
  })
})

describe('what a Canary’s service asks of the way', () => {
  const policyOf = (service: object) => parseCanary(withSpec({ service: { port: 80, ...service } })).spec.service.policy

  it('is read with Istio’s meaning', () =>
    expect(
      policyOf({
        match: [{ uri: { prefix: '/' } }, { name: 'x', headers: { 'X-A': {} } }],
        timeout: '15s',
        retries: { attempts: 3, perTryTimeout: '1s', retryOn: 'gateway-error,503, reset' },
        headers: { request: { add: { a: 'b' } }, response: { remove: ['c'] } },
        rewrite: { uri: '/', authority: 'x', type: 'ReplacePrefixMatch' },
        corsPolicy: { allowOrigin: ['*'], allowOrigins: [{ regex: 'a' }], allowMethods: ['GET'], maxAge: '24h', allowCredentials: false },
      }),
    ).toEqual({
      match: [{ uri: { prefix: '/' } }, { headers: { 'x-a': { present: true } } }],
      timeoutMs: 15_000,
      retries: { attempts: 3, perTryTimeoutMs: 1000, retryOn: ['gateway-error', 'reset'], statuses: [503] },
      headers: { request: { add: { a: 'b' } }, response: { remove: ['c'] } },
      rewrite: { uri: '/', authority: 'x', type: 'ReplacePrefixMatch' },
      corsPolicy: { allowOrigins: [{ exact: '*' }, { regex: 'a' }], allowMethods: ['GET'], allowHeaders: [], exposeHeaders: [], maxAgeSeconds: 86_400, allowCredentials: false },
    }))

  it('has Istio’s conditions for retries that name none, and none without attempts', () => {
    expect(policyOf({ retries: { attempts: 2 } })?.retries).toEqual({ attempts: 2, retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'], statuses: [503] })
    expect(policyOf({ retries: { attempts: 0, retryOn: '5xx' } })).toBeUndefined()
  })

  it('is nothing where nothing is set', () => expect(policyOf({})).toBeUndefined())

  it('is combined with the rules of the analysis, whose headers count', () =>
    expect(combineRules([{ headers: { a: { exact: '1' } } }], [{ uri: { prefix: '/x' }, headers: { b: { exact: '2' } } }, {}])).toEqual([
      { uri: { prefix: '/x' }, headers: { a: { exact: '1' } } },
      { headers: { a: { exact: '1' } } },
    ]))
})

describe('the annotations of a Deployment', () => {
  const deployment = { name: 'web', namespace: 'shop', uid: 'u1' }

  it('alone make a Canary with the tutorial’s analysis', () => {
    const settings = parseSettings({})
    expect(settings.ok).toBe(true)
    if (!settings.ok) return
    const raw = buildCanary(deployment, settings.value, { service: 'web', port: 80 })
    expect(validateCanary(raw)).toEqual([])
    expect(parseCanary(raw).spec.analysis).toMatchObject({ intervalMs: 60_000, threshold: 5, stepWeight: 10, maxWeight: 50 })
  })

  it('set every field', () => {
    const settings = parseSettings({
      'kinglet.sh/port': '8080',
      'kinglet.sh/interval': '5s',
      'kinglet.sh/threshold': '2',
      'kinglet.sh/iterations': '4',
      'kinglet.sh/match-header': 'X-Canary=insider',
      'kinglet.sh/match-cookie': 'beta=~(on|true)',
      'kinglet.sh/success-rate': '99.5%',
      'kinglet.sh/latency-p99': '1s',
      'kinglet.sh/guard-alpha': '0.0001',
      'kinglet.sh/guard-tolerance': '1.5',
      'kinglet.sh/advance': 'evidence',
      'kinglet.sh/max-duration': '20m',
      'kinglet.sh/on-inconclusive': 'promote',
      'kinglet.sh/harm-budget': '25',
      'kinglet.sh/bake': '5m',
    })
    if (!settings.ok) throw new Error(JSON.stringify(settings.error))
    const { spec } = parseCanary(buildCanary(deployment, settings.value, { service: 'api', port: 8080 }))
    expect(strategyOf(spec.analysis)).toBe('ab-testing')
    expect(spec.service).toMatchObject({ name: 'api', port: 8080 })
    expect(spec.analysis).toMatchObject({ intervalMs: 5000, threshold: 2, iterations: 4 })
    expect(spec.analysis.match).toEqual([{ headers: { 'x-canary': { exact: 'insider' } } }, { cookies: { beta: { regex: '(on|true)' } } }])
    expect(spec.analysis.metrics.map(({ min, max }) => min ?? max)).toEqual([99.5, 1000])
    expect(spec.analysis).toMatchObject({ guard: { alpha: 0.0001, tolerance: 1.5 }, advance: 'evidence', maxDurationMs: 1_200_000, onInconclusive: 'promote', adaptive: { harmBudget: 25 }, bakeMs: 300_000 })
  })

  it.each([
    ['kinglet.sh/interval', '10'],
    ['kinglet.sh/threshold', '-1'],
    ['kinglet.sh/step-weight', '101'],
    ['kinglet.sh/step-weights', '50,10'],
    ['kinglet.sh/max-weight', '0'],
    ['kinglet.sh/iterations', 'many'],
    ['kinglet.sh/success-rate', '120'],
    ['kinglet.sh/latency-p99', 'fast'],
    ['kinglet.sh/match-header', 'x-canary'],
    ['kinglet.sh/match-cookie', '='],
    ['kinglet.sh/service', ''],
    ['kinglet.sh/guard', 'off'],
    ['kinglet.sh/guard-alpha', '0'],
    ['kinglet.sh/guard-tolerance', '0.9'],
    ['kinglet.sh/advance', 'fast'],
    ['kinglet.sh/max-duration', '5'],
    ['kinglet.sh/on-inconclusive', 'wait'],
    ['kinglet.sh/harm-budget', 'none'],
    ['kinglet.sh/bake', 'long'],
    ['kinglet.sh/pause', 'yes'],
    ['kinglet.sh/replicas', '-1'],
  ])('name the key of a bad value: %s: %s', (key, value) => {
    const settings = parseSettings({ [key]: value })
    expect(settings).toMatchObject({ ok: false, error: [{ code: 'BadAnnotation', path: `annotation ${key}` }] })
  })

  it.each<JsonObject>([
    { 'kinglet.sh/iterations': '5', 'kinglet.sh/step-weight': '10' },
    { 'kinglet.sh/step-weights': '5,10', 'kinglet.sh/step-weight': '10' },
  ])('refuse two strategies: %j', (annotations) => expect(parseSettings(annotations)).toMatchObject({ ok: false, error: [{ code: 'AmbiguousStrategy' }] }))
})

describe('conditions', () => {
  it('keep their transition time while their status stays', () => {
    const first = mergeConditions([], [promotedCondition('Progressing', 'Deployment')], 't1', 1)
    const second = mergeConditions(first, [promotedCondition('Promoting', 'Deployment')], 't2', 1)
    const third = mergeConditions(second, [promotedCondition('Succeeded', 'Deployment')], 't3', 1)
    expect(second).toMatchObject([{ status: 'Unknown', reason: 'Promoting', lastUpdateTime: 't2', lastTransitionTime: 't1' }])
    expect(third).toMatchObject([{ status: 'True', reason: 'Succeeded', lastTransitionTime: 't3' }])
    expect(mergeConditions(third, [promotedCondition('Succeeded', 'Deployment')], 't4', 1)).toEqual(third)
  })

  it.each([
    ['Succeeded', undefined, 'True', 'False', 'False'],
    ['Progressing', undefined, 'False', 'True', 'False'],
    ['Failed', undefined, 'False', 'False', 'True'],
    ['Initializing', { reason: 'TargetNotFound', message: 'm', permanent: true }, 'False', 'False', 'True'],
    ['Progressing', { reason: 'NotReady', message: 'm', permanent: false }, 'False', 'True', 'False'],
  ] as const)('of phase %s with %j say Ready %s, Reconciling %s, Stalled %s', (phase, stall, ready, reconciling, stalled) =>
    expect(kstatusConditions(phase, stall).map(({ status }) => status)).toEqual([ready, reconciling, stalled]))
})
