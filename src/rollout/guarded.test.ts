import { describe, expect, it } from 'vitest'
import type { GuardRecord } from '../api/guard-record.ts'
import type { JsonObject } from '../base/json.ts'
import { adopted, applyRevision, eventTexts, intervalMs, look, pass, settle, type Model } from './model.testkit.ts'

const steps: JsonObject = { interval: '1m', threshold: 5, maxWeight: 50, stepWeight: 10 }
const worse: Partial<GuardRecord> = {
  decision: 'abort',
  by: 'failures',
  logEvidence: 8.37,
  canary: { requests: 5, failures: 5 },
  primary: { requests: 95, failures: 0 },
  riskRatio: { low: 11.3, level: 0.95 },
}

/** A canary at its first weight, watched by a guard. */
function atFirstWeight(analysis: JsonObject = {}, afterMs = intervalMs): Model {
  const model = adopted({ ...steps, ...analysis })
  model.guard = {}
  applyRevision(model, 'v2')
  settle(model)
  pass(model, afterMs)
  pass(model, 2000)
  expect(model.status.canaryWeight).toBeGreaterThan(0)
  return model
}

describe('given a guard that is certain', () => {
  it('has weight 0 in that very decision, with the counts in event, condition and record', () => {
    const model = atFirstWeight()
    model.guard = worse
    look(model)
    expect(model.status).toMatchObject({ phase: 'Failed', canaryWeight: 0, failedChecks: 0, analysis: { result: 'fail', decidedBy: 'guard', guard: { canary: { failures: 5 } } } })
    const evidence = 'canary failed 5 of 5 requests (100.00%), primary 0 of 95 requests (0.00%), risk ratio at least 11 [11, ∞] at 95%; evidence 4,316:1 that it is worse, limit 1,000:1'
    expect(eventTexts(model).slice(-3)).toEqual([`Halt myapp.test advancement guard: ${evidence}`, 'Rolling back myapp.test guard is certain: evidence 4,316:1 that it is worse, limit 1,000:1', 'Canary failed! Scaling down myapp.test'])
    expect(model.status.conditions.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', message: `The guard took the canary back: ${evidence.replace('; evidence', '; evidence')}. Apply another revision to start again.` })
  })

  it('keeps the reason in the conditions while it rests', () => {
    const model = atFirstWeight()
    model.guard = worse
    pass(model, 3 * intervalMs)
    expect(model.status.phase).toBe('Failed')
    expect(model.status.conditions.find(({ type }) => type === 'Ready')?.message).toContain('canary failed 5 of 5 requests')
  })

  it('does not wait for a pause to end', () => {
    const model = atFirstWeight()
    model.isPaused = true
    model.guard = worse
    look(model)
    expect(model.status).toMatchObject({ phase: 'Failed', canaryWeight: 0 })
  })
})

describe('the first step', () => {
  it('is told what may be expected of the guard', () => {
    const model = adopted(steps)
    model.guard = { plan: { requestsPerSecond: 100, primary: { requests: 6000, failures: 6 }, primaryFailurePercent: 0.1, smallestRatio: 4.2, broken: { seconds: 1.1, failedRequests: 5.8 } } }
    applyRevision(model, 'v2')
    settle(model)
    pass(model, intervalMs + 2000)
    expect(eventTexts(model)).toContain(
      "Guard of myapp.test: at 100 requests/s, 6 of the primary's last 6000 failed, a version that fails 0.42% of its requests is found in the planned time (4.2 times the 0.1% reckoned with); one that fails always is taken back after about 2s and 6 failed requests",
    )
    expect(model.status.analysis?.guard?.plan).toMatchObject({ smallestRatio: 4.2 })
  })
})

describe('advance: evidence', () => {
  it('goes on before the interval is over once the canary is shown to be well', () => {
    const model = atFirstWeight({ advance: 'evidence' })
    model.guard = { decision: 'advance' }
    pass(model, 4000)
    expect(model.status.canaryWeight).toBeGreaterThanOrEqual(20)
  })

  it('lets the canary begin as soon as it is ready: at weight 0 nothing can be shown', () => {
    const model = adopted({ ...steps, advance: 'evidence' })
    model.guard = {}
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 8000)
    expect(model.status.canaryWeight).toBe(10)
  })

  it('says nothing of missing evidence while the interval lasts', () => {
    const model = atFirstWeight({ advance: 'evidence' })
    model.guard = { decision: 'advance' }
    look(model)
    model.guard = {}
    pass(model, intervalMs / 2)
    expect(model.status.canaryWeight).toBe(20)
    expect(eventTexts(model).filter((text) => text.includes('not enough evidence'))).toEqual([])
  })

  it('waits beyond the interval without evidence, and says so', () => {
    const model = atFirstWeight({ advance: 'evidence' })
    pass(model, 5 * intervalMs)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10 })
    expect(model.status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'AwaitingEvidence' })
  })

  it('does not overrule a check that fails', () => {
    const model = atFirstWeight({ advance: 'evidence' })
    model.guard = { decision: 'advance' }
    model.verdict = 'fail'
    pass(model, intervalMs + 2000)
    expect(model.status).toMatchObject({ canaryWeight: 10, failedChecks: 1 })
  })

  it.each([
    ['hold', 'Progressing', 10],
    ['promote', 'Succeeded', 0],
    ['rollback', 'Failed', 0],
  ])('after maxDuration without evidence follows onInconclusive: %s', (onInconclusive, phase, canaryWeight) => {
    const model = atFirstWeight({ advance: 'evidence', maxDuration: '3m', onInconclusive })
    pass(model, 5 * intervalMs)
    expect(model.status).toMatchObject({ phase, canaryWeight })
  })

  it.each([
    ['hold', 'Progressing', 10],
    ['promote', 'Succeeded', 0],
    ['rollback', 'Failed', 0],
  ])('does so without a single request too: %s', (onInconclusive, phase, canaryWeight) => {
    const model = atFirstWeight({ advance: 'evidence', maxDuration: '3m', onInconclusive })
    model.verdict = 'no-data'
    pass(model, 5 * intervalMs)
    expect(model.status).toMatchObject({ phase, canaryWeight, failedChecks: 0 })
  })

  it('tells an inconclusive hold once', () => {
    const model = atFirstWeight({ advance: 'evidence', maxDuration: '3m' })
    pass(model, 10 * intervalMs)
    expect(eventTexts(model).filter((text) => text.includes('inconclusive'))).toHaveLength(1)
    expect(model.status.conditions.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', reason: 'Inconclusive' })
  })
})

describe('adaptive steps', () => {
  it('go as far as the budget allows, and wait where it allows nothing more', () => {
    const model = adopted({ ...steps, adaptive: { harmBudget: 10 } })
    model.guard = {}
    model.nextWeightPercent = 3
    applyRevision(model, 'v2')
    settle(model)
    pass(model, intervalMs + 2000)
    expect(model.status.canaryWeight).toBe(3)
    pass(model, 2 * intervalMs)
    expect(model.status.canaryWeight).toBe(3)
    expect(model.status.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'HarmBudget' })
    model.nextWeightPercent = 100
    pass(model, intervalMs + 2000)
    expect(model.status.canaryWeight).toBe(50)
    pass(model, 3 * intervalMs)
    expect(model.status.phase).toBe('Succeeded')
  })
})

describe('a bake', () => {
  const baking = (): Model => {
    const model = atFirstWeight({ maxWeight: 10, bake: '5m' })
    pass(model, intervalMs + 2000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 100 })
    return model
  }

  it('lets the canary serve everybody before the primary is touched, and then promotes', () => {
    const model = baking()
    pass(model, 3 * intervalMs)
    expect(model.primary?.revision).not.toBe('v2')
    pass(model, 3 * intervalMs)
    expect(model.status.phase).toBe('Succeeded')
    expect(model.primary?.revision).toBe('v2')
  })

  it('brings the old version back when the new one turns bad', () => {
    const model = baking()
    model.guard = { ...worse, bake: { canary: { requests: 5000, failures: 40 }, allowedFailurePercent: 0.2 } }
    look(model)
    expect(model.status).toMatchObject({ phase: 'Failed', canaryWeight: 0 })
    expect(model.primary?.revision).not.toBe('v2')
    expect(eventTexts(model).join('\n')).toContain('while serving everybody it failed 40 of 5000 requests (0.80%), allowed 0.2%')
  })
})

describe('the record', () => {
  it.each([
    ['promoted', 'pass', 'Succeeded'],
    ['rolled back by a check', 'fail', 'Failed'],
  ] as const)('of the guard stays beside the last verdict when the version is %s', (_how, verdict, phase) => {
    const model = atFirstWeight({ maxWeight: 10, threshold: 1 })
    model.guard = { canary: { requests: 200, failures: 1 } }
    model.verdict = verdict
    pass(model, 5 * intervalMs)
    expect(model.status).toMatchObject({ phase, analysis: { result: verdict, guard: { canary: { requests: 200, failures: 1 } } } })
  })
})

describe('the fairness of the data', () => {
  it('evicts a sick pod that has others, and names it once', () => {
    const model = atFirstWeight()
    model.guard = { suspect: { pod: 'myapp-1', since: '2026-01-01T00:00:00Z', requests: 30, bad: 29 } }
    const { actions } = look(model)
    expect(actions).toContainEqual({ type: 'evict-pods', pods: ['myapp-1'] })
    pass(model, 5000)
    expect(eventTexts(model).filter((text) => text.includes('myapp-1'))).toEqual(['Pod myapp-1 alone makes the canary look bad: 29 of its 30 requests; it is replaced'])
  })

  it('goes no further on a broken split', () => {
    const model = atFirstWeight()
    model.guard = { split: { isBroken: true, expectedShare: 0.1, observedShare: 0.3 } }
    pass(model, 3 * intervalMs)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10 })
    expect(model.status.conditions.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', reason: 'SplitBroken' })
  })
})

describe('the checkpoint', () => {
  it('is written with whatever is written, alone once a minute at most, and not where nothing was counted', () => {
    const model = atFirstWeight({ interval: '30m' }, 30 * intervalMs)
    const writes = (ms: number): number => {
      const before = new Set(model.history.map(({ decision }) => decision.status))
      pass(model, ms)
      return new Set(model.history.map(({ decision }) => decision.status)).size - before.size
    }
    pass(model, 2 * intervalMs)
    for (let minute = 0; minute < 5; minute += 1) {
      model.guard = { canary: { requests: 200 + minute, failures: 0 } }
      expect(writes(60_000)).toBeLessThanOrEqual(1)
    }
    expect(model.status.kinglet.guard?.state).toEqual({ requests: 204 })
    expect(writes(600_000)).toBe(0)
  })

  it('goes with the analysis', () => {
    const model = atFirstWeight()
    model.guard = worse
    look(model)
    expect(model.status.kinglet.guard).toBeUndefined()
  })
})
