import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseCanary } from '../api/canary.ts'
import type { JsonObject } from '../base/json.ts'
import { printExplanation } from './explain-text.ts'

const guard: JsonObject = {
  decision: 'abort',
  by: 'failures',
  abortedAt: '2026-01-01T00:00:03Z',
  logEvidence: 8.37,
  logThreshold: 6.908,
  canary: { requests: 5, failures: 5 },
  primary: { requests: 95, failures: 0 },
  riskRatio: { low: 11.3, level: 0.95 },
  dispersion: 1,
  curve: [[0, 0], [1, 3.1], [2, 8.37]],
  pods: [{ pod: 'web-7d9-abc', requests: 5, failures: 5, slow: 1 }],
  routes: [{ route: 'POST /pay/{id}', canary: { failures: 5, slow: 1 }, primary: { failures: 0, slow: 3 } }],
}
const analysis: JsonObject = {
  result: 'fail',
  decidedBy: 'guard',
  time: '2026-01-01T00:00:03Z',
  weight: 5,
  windowSeconds: 60,
  canary: { requests: 5, failures: 5, outcomes: { '5xx': 5 }, successRatePercent: 0, p99Ms: 4.2 },
  primary: { requests: 95, failures: 0, outcomes: {}, successRatePercent: 100, p99Ms: 5 },
  checks: [{ name: 'request-success-rate', result: 'fail', value: 0 }],
  guard,
}
const canary = (status: JsonObject) => parseCanary({ metadata: { name: 'web', namespace: 'shop' }, spec: { targetRef: { kind: 'Deployment', name: 'web' } }, status })
const failed = canary({ phase: 'Failed', canaryWeight: 0, analysis })

describe('an explanation', () => {
  it('tells people what was counted, how sure it is and which pods it was', () => {
    const text = printExplanation(failed, 'text')
    expect(text).toContain('Failed at weight 0%')
    expect(text).toContain('✖ request-success-rate 0%')
    expect(text).toContain('Last verdict: fail, decided by guard, at weight 5%')
    expect(text).toContain('Sequential guard: the canary is shown to be worse at 2026-01-01T00:00:03Z; evidence 4,316:1 that it is worse, limit 1,000:1')
    expect(text).toMatch(/drawn by weight +requests +failed +rate\n +canary +5 +5 +100\.00%\n +primary +95 +0 +0\.00%/)
    expect(text).toContain('risk ratio at least 11 [11, ∞] at 95%')
    expect(text).toMatch(/web-7d9-abc +5 +5 +100\.00% +1\n/)
    expect(text).toMatch(/requests like +canary failed +primary failed +canary slow +primary slow\n +POST \/pay\/{id} +5 +0 +1 +3\n/)
    expect(text).toContain('evidence over 2s: ▁▃█')
  })

  it('tells how far the evidence for a version is, and how far the budget reaches', () => {
    const waiting = { ...guard, decision: 'none', advance: { metrics: [{ metric: 'failures', logEvidence: 1.1632 }, { metric: 'latency', logEvidence: -0.7 }], logThreshold: 2.996, obstacle: 'a sick pod' }, nextWeightPercent: 12 }
    const text = printExplanation(canary({ phase: 'Progressing', canaryWeight: 5, analysis: { ...analysis, guard: waiting } }), 'text')
    expect(text).toContain('  that it is no worse, in this step: failures 3.2:1, latency 1:2; each needs 20:1, and nothing passes because of a sick pod\n')
    expect(text).toContain('  within the harm budget the weight may be 12% next\n')
  })

  it('tells which requests were not compared, and why', () => {
    const counts = { canary: { requests: 40, failures: 3 }, primary: { requests: 160, failures: 1 } }
    const apart = [{ reason: 'affinity' as const, ...counts }, { reason: 'match' as const, ...counts, primary: { requests: 0, failures: 0 } }]
    const text = printExplanation(canary({ phase: 'Progressing', canaryWeight: 5, analysis: { ...analysis, guard: { ...guard, apart } } }), 'text')
    expect(text).toContain('  not compared: 40 requests that a match rule decided (canary 40, 3 failed; primary 0, 0 failed)\n')
    expect(text).toContain('  not compared: 200 requests of users who stay where they are (canary 40, 3 failed; primary 160, 1 failed)\n')
  })

  it('is the record itself for programs', () => {
    expect(JSON.parse(printExplanation(failed, 'json'))).toMatchObject({ name: 'web', phase: 'Failed', analysis: { guard: { pods: [{ pod: 'web-7d9-abc' }] } } })
    expect(parse(printExplanation(failed, 'yaml'))).toEqual(JSON.parse(printExplanation(failed, 'json')))
  })

  it('of a Canary that has analysed nothing says so', () => expect(printExplanation(canary({ phase: 'Initialized' }), 'text')).toContain('Nothing has been analysed yet.'))
})
