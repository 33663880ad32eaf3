import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import { decide } from './decide.ts'
import { adopted, applyRevision, catchUp, createModel, look, observeModel, pass, settle, type Model } from './model.testkit.ts'
import { carriesTraffic } from './step.ts'

/** What people, failures and time do to a world. Each is small, so that shrinking tells a story. */
type Happening =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'apply'; readonly revision: string }
  | { readonly kind: 'canary-ready' | 'primary-ready'; readonly pods: number }
  | { readonly kind: 'verdict'; readonly verdict: Model['verdict'] }
  | { readonly kind: 'catch-up' | 'good-interval' | 'endpoints' | 'acknowledge' | 'crash' | 'pause' | 'suspend' | 'service-reapplied' | 'webhook-away' | 'delete' | 'primary-deadline' | 'canary-deadline' | 'target-deleted' }
  | { readonly kind: 'scale'; readonly replicas: number }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1000, 10_000, 15_000, 60_000, 61_000) }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'catch-up' as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'good-interval' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('apply' as const), revision: fc.constantFrom('v1', 'v2', 'v3') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('canary-ready' as const, 'primary-ready' as const), pods: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('verdict' as const), verdict: fc.constantFrom('pass' as const, 'fail' as const, 'no-data' as const, 'unsupported' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('endpoints' as const, 'acknowledge' as const, 'crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'suspend' as const, 'service-reapplied' as const, 'webhook-away' as const, 'primary-deadline' as const, 'canary-deadline' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('scale' as const), replicas: fc.integer({ min: 0, max: 4 }) }) },
)
const ending: fc.Arbitrary<Happening> = fc.constantFrom({ kind: 'delete' as const }, { kind: 'target-deleted' as const }, { kind: 'catch-up' as const })

const analyses: readonly JsonObject[] = [
  { interval: '1m', threshold: 2, maxWeight: 50, stepWeight: 20 },
  { interval: '1m', threshold: 1, stepWeights: [1, 50], stepWeightPromotion: 20 },
  { interval: '1m', threshold: 2, maxWeight: 50, stepWeight: 20, mirror: true },
  { interval: '1m', threshold: 2, iterations: 2, mirror: true },
  { interval: '1m', threshold: 2, iterations: 2 },
  { interval: '1m', threshold: 2, iterations: 2, match: [{ headers: { 'x-canary': { exact: 'yes' } } }] },
]

const history = fc.record({ analysis: fc.constantFrom(...analyses), happenings: fc.array(happening, { maxLength: 40 }), end: ending, start: fc.constantFrom('plain', 'resting', 'analysing', 'promoting'), after: fc.array(happening, { maxLength: 20 }) })

function happen(model: Model, event: Happening): void {
  const { target, primary } = model
  switch (event.kind) {
    case 'time':
      model.now += event.ms
      return
    case 'apply':
      applyRevision(model, event.revision)
      return
    case 'canary-ready':
      if (target) target.ready = event.pods
      return
    case 'primary-ready':
      if (primary) primary.ready = event.pods
      return
    case 'verdict':
      model.verdict = event.verdict
      return
    case 'catch-up':
      catchUp(model)
      return
    case 'good-interval':
      pass(model, 62_000, 15_000)
      return
    case 'endpoints':
      model.endpoints = model.apex
      return
    case 'acknowledge':
      model.acknowledged = model.status.kinglet.generation
      return
    case 'crash':
      look(model, true)
      return
    case 'scale':
      if (target) model.target = { ...target, desired: event.replicas, ready: event.replicas }
      return
    default:
      interfere(model, event.kind)
  }
}

function interfere(model: Model, kind: Happening['kind']): void {
  const { target, primary } = model
  if (kind === 'pause') model.isPaused = !model.isPaused
  if (kind === 'suspend') model.spec = { ...model.spec, suspend: !model.spec.suspend }
  if (kind === 'service-reapplied') model.apex = 'original'
  if (kind === 'webhook-away' && target) target.uninjected = target.desired
  if (kind === 'delete') model.isDeleting = true
  if (kind === 'primary-deadline' && primary) primary.isPastDeadline = !primary.isPastDeadline
  if (kind === 'canary-deadline' && target) target.isPastDeadline = !target.isPastDeadline
  if (kind === 'target-deleted') model.target = undefined
}

function begin(start: string, analysis: JsonObject): Model {
  if (start === 'plain') return createModel(analysis)
  const model = adopted(analysis)
  if (start === 'resting') return model
  applyRevision(model, 'v2')
  settle(model)
  const until = start === 'promoting' ? 'Promoting' : 'Progressing'
  do pass(model, 61_000, 61_000)
  while (model.status.phase !== until)
  model.history.length = 0
  return model
}

/** Runs a history; after each happening the controller looks once or until nothing differs. */
function run(input: typeof history extends fc.Arbitrary<infer H> ? H : never, inspect: (model: Model) => void): Model {
  const model = begin(input.start, input.analysis)
  for (const event of [...input.happenings, input.end, ...input.after]) {
    if (model.isGone) break
    happen(model, event)
    // Between two looks anything may happen to the world: only every second time everything is finished.
    if (event.kind === 'time' || event.kind === 'good-interval') settle(model)
    else look(model)
    inspect(model)
  }
  return model
}

const last = (model: Model) => {
  const entry = model.history.at(-1)
  if (!entry) throw new Error('nothing was decided')
  return entry
}

const forAllHistories = (inspect: (model: Model) => void, parameters: fc.Parameters<unknown> = { numRuns: 200 }): void =>
  fc.assert(fc.property(history, (input) => void run(input, inspect)), parameters as fc.Parameters<[typeof history extends fc.Arbitrary<infer H> ? H : never]>)

describe('over every history', () => {
  it('there is something to see: histories reach every phase and a held promotion', () => {
    const seen = new Set<string>()
    forAllHistories((model) => {
      for (const { decision } of model.history.splice(0)) seen.add(decision.status.kinglet.heldOnCanary ? 'held' : (decision.status.phase ?? ''))
      if (model.isGone) seen.add('gone')
    }, { numRuns: 600, seed: 1 })
    expect([...seen].toSorted()).toEqual(['Failed', 'Finalising', 'Initialized', 'Initializing', 'Progressing', 'Promoting', 'Succeeded', 'Terminating', 'gone', 'held'])
  })

  it('a decision is made for everything that can be seen, and the world comes to rest', () => forAllHistories(settleCopy))

  it('the weight rises only after a pass, one step at a time', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const from = before.canary.status
        const to = decision.status
        if (to.canaryWeight <= from.canaryWeight) continue
        const isForced = to.kinglet.heldOnCanary === true || (to.phase === 'Promoting' && before.canary.spec.analysis.iterations > 0)
        if (isForced) continue
        expect(from.phase).toBe('Progressing')
        const isMirroring = from.kinglet.mirroring === true
        expect(isMirroring, 'copies come before the first weight').toBe(from.canaryWeight === 0 && before.canary.spec.analysis.mirrorPercent > 0)
        if (from.canaryWeight > 0 || isMirroring) expect(before.verdict?.result).toBe('pass')
        const { stepWeight, stepWeights } = before.canary.spec.analysis
        const steps = stepWeights.length > 0 ? stepWeights : [20, 40, 60]
        expect(stepWeight === 0 || stepWeight === 20).toBe(true)
        expect(steps.indexOf(to.canaryWeight)).toBe(steps.indexOf(from.canaryWeight) + 1)
      }
    }))

  it('an abort reaches weight 0 in one decision', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const hasFailed = before.canary.status.phase !== 'Failed' && decision.status.phase === 'Failed'
        if (hasFailed && !decision.status.kinglet.heldOnCanary) expect(carriesTraffic({ spec: before.canary.spec, status: decision.status })).toBe(false)
      }
    }))

  it('no request is sent to a revision that was not judged, except at its step', () =>
    forAllHistories((model) => {
      const { before, decision } = last(model)
      const { status } = decision
      if (before.canary.isDeleting || !before.target || before.problem || before.canary.spec.suspend) return
      if (!carriesTraffic({ spec: before.canary.spec, status }) || status.kinglet.heldOnCanary) return
      const isSamePods = before.revision === status.lastAppliedSpec
      const hasNoOther = before.pods.ready.primary === 0
      expect(isSamePods || hasNoOther).toBe(true)
    }))

  it('no track is scaled to zero while it carries traffic or nobody else serves', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const zeroes = decision.actions.some((action) => (action.type === 'scale-target' && action.replicas === 0) || action.type === 'take-wish')
        if (!zeroes) continue
        expect(carriesTraffic({ spec: before.canary.spec, status: decision.status })).toBe(false)
        expect(before.services.apex).toBe('primary')
        expect(before.services.endpoints.canary).toBe(0)
        expect(before.pods.ready.primary).toBeGreaterThan(0)
      }
    }))

  it('the primary is deleted only when its clients have moved to the target, or there is no target', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        if (!decision.actions.some(({ type }) => type === 'delete-split') || !before.primary || !before.target) continue
        expect(before.services.apex).toBe('original')
        expect(before.services.endpoints.primary).toBe(0)
        expect(before.services.endpoints.canary).toBeGreaterThan(0)
      }
    }))

  it('clients do not enter through a track without ready pods while the judged canary has some, during a promotion', () =>
    forAllHistories((model) => {
      const { before, decision } = last(model)
      const { status } = decision
      if (before.canary.isDeleting || before.problem || before.canary.spec.suspend) return
      const isPromoting = (status.phase === 'Promoting' && before.canary.status.phase === 'Promoting' && before.primary?.revision === status.lastAppliedSpec) || status.kinglet.heldOnCanary
      if (!isPromoting || before.pods.ready.primary > 0 || before.pods.ready.canary === 0 || before.revision !== status.lastAppliedSpec) return
      expect(status.kinglet.apex).toBe('canary')
    }))

  it('a promotion that fails keeps the healthy canary and its traffic', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const isFailing = before.canary.status.phase === 'Promoting' && decision.status.phase === 'Failed'
        if (!isFailing) continue
        expect(decision.status).toMatchObject({ canaryWeight: 100, kinglet: { heldOnCanary: true } })
        expect(decision.actions.some((action) => action.type === 'scale-target' && action.replicas === 0)).toBe(false)
      }
    }))

  it('a terminal phase holds until the revision changes, a held promotion can end, or the Canary is deleted', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const { phase, lastAppliedSpec, kinglet } = before.canary.status
        if (phase !== 'Failed' && phase !== 'Succeeded') continue
        if (decision.status.phase === phase || before.canary.isDeleting || kinglet.heldOnCanary) continue
        expect(before.revision).not.toBe(lastAppliedSpec)
      }
    }))

  it('generations only rise, and rise with every change of the routing', () =>
    forAllHistories((model) => {
      for (const { before, decision } of model.history.splice(0)) {
        const [from, to] = [before.canary.status, decision.status]
        expect(to.kinglet.generation).toBeGreaterThanOrEqual(from.kinglet.generation)
        if (from.canaryWeight !== to.canaryWeight || from.kinglet.mirroring !== to.kinglet.mirroring) expect(to.kinglet.generation).toBeGreaterThan(from.kinglet.generation)
      }
    }))
})

/** Looks at a copy, so that the history itself stays as random as it was. */
function settleCopy(model: Model): void {
  const copy = structuredClone(model)
  settle(copy)
  if (copy.isGone) return
  const again = decide(observeModel(copy), copy.now)
  expect(again.actions).toEqual([])
  expect(again.status).toBe(copy.status)
  expect(again.events).toEqual([])
}
