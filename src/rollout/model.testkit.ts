import type { Canary, CanarySpec } from '../api/canary.ts'
import { parseCanary } from '../api/canary.ts'
import { initialStatus, type CanaryStatus, type Verdict, type VerdictResult } from '../api/canary-status.ts'
import type { GuardObservation, GuardRecord } from '../api/guard-record.ts'
import { finalizer } from '../api/keys.ts'
import type { JsonObject } from '../base/json.ts'
import type { TargetStatus } from '../api/target.ts'
import type { Action } from './converge.ts'
import { decide, type Decision } from './decide.ts'
import type { Observation, TargetObservation, Unwritten } from './observation.ts'
import { knownOf, withClocks } from './unwritten.ts'

/**
 * A little world for the state machine: two workloads, an apex and time. It does what a cluster does with Kinglet's actions, and
 * what people and failures do in between. It does not imitate: rolling updates pod by pod (a workload is ready or not), several
 * Services, autoscalers, or who sends requests; those are the business of the sandbox and of real clusters.
 */
export interface Model {
  spec: CanarySpec
  status: CanaryStatus
  /** What the controller remembers. */
  unwritten: Unwritten | undefined
  now: number
  isDeleting: boolean
  finalizers: string[]
  isPaused: boolean
  isGone: boolean
  target: { revision: string; desired: number; ready: number; isPastDeadline: boolean; mark?: TargetStatus; hasInjectKeys: boolean; wish?: number; generation: number; uninjected: number } | undefined
  primary: { revision: string; desired: number; ready: number; isPastDeadline: boolean } | undefined
  apex: 'original' | 'primary' | 'canary' | 'other'
  /** Where the endpoints lead: follows `apex` when the endpoint controller gets to it. */
  endpoints: 'original' | 'primary' | 'canary' | 'other'
  splitServices: boolean
  verdict: VerdictResult
  /** What the primary served meanwhile. */
  primaryRequests: number
  /** What the guard says; undefined where none watches. */
  guard?: Partial<GuardRecord>
  nextWeightPercent?: number
  /** The generation that the primary's sidecars have acknowledged. */
  acknowledged: number
  /** Every decision so far with what it was made from. */
  history: { readonly before: Observation; readonly decision: Decision; readonly now: number }[]
}

export const intervalMs = 60_000

export function createModel(analysis: JsonObject = { interval: '1m', threshold: 5, maxWeight: 50, stepWeight: 10 }, spec: JsonObject = {}): Model {
  const raw = {
    metadata: { name: 'myapp', namespace: 'test' },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'myapp' }, service: { port: 80, targetPort: 8080 }, analysis, ...spec },
  }
  return {
    spec: parseCanary(raw).spec,
    status: initialStatus,
    unwritten: undefined,
    now: 1_700_000_000_000,
    isDeleting: false,
    finalizers: [],
    isPaused: false,
    isGone: false,
    target: { revision: 'v1', desired: 2, ready: 2, isPastDeadline: false, hasInjectKeys: false, generation: 1, uninjected: 2 },
    primary: undefined,
    apex: 'original',
    endpoints: 'original',
    splitServices: false,
    verdict: 'pass',
    primaryRequests: 1,
    acknowledged: 0,
    history: [],
  }
}

const verdictOf = ({ verdict: result, primaryRequests, status: { canaryWeight: weight }, now }: Model): Verdict => ({
  result,
  time: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
  weight,
  windowSeconds: 60,
  canary: { requests: result === 'no-data' ? 0 : 1, failures: 0, outcomes: {} },
  primary: { requests: primaryRequests, failures: 0, outcomes: {} },
  checks: result === 'pass' ? [] : [{ name: 'request-success-rate', result, message: `Halt myapp.test advancement: ${result}` }],
  ...(result === 'pass' ? {} : { decidedBy: 'request-success-rate' }),
})

const guardOf = ({ status, now, nextWeightPercent }: Model, change: Partial<GuardRecord>): GuardObservation => {
  const record: GuardRecord = { decision: 'none', logEvidence: 0, logThreshold: 6.908, canary: { requests: 100, failures: 0 }, primary: { requests: 900, failures: 0 }, dispersion: 1, curve: [], pods: [], ...change }
  const { requests } = record.canary
  return { record, checkpoint: { run: status.kinglet.runGeneration, atMs: now, boots: {}, state: { requests }, pods: [] }, ...(nextWeightPercent === undefined ? {} : { nextWeightPercent }) }
}

const workload = (live: { readonly desired: number; readonly ready: number; readonly isPastDeadline: boolean }, name: string) => ({
  name,
  generation: 1,
  observedGeneration: 1,
  desired: live.desired,
  replicas: live.desired,
  updated: live.desired,
  available: Math.min(live.ready, live.desired),
  isPastDeadline: live.isPastDeadline,
})

const observedCanary = ({ isDeleting, finalizers, spec, status }: Model): Canary => ({
  name: 'myapp',
  namespace: 'test',
  uid: 'u',
  generation: 1,
  resourceVersion: '1',
  createdAt: '2026-01-01T00:00:00Z',
  isDeleting,
  finalizers,
  annotations: {},
  owners: [],
  spec,
  status,
})

const missingTarget = { code: 'TargetNotFound', path: 'spec.targetRef.name', message: 'there is no Deployment myapp', remedy: 'Create it' }

const observedTarget = (target: NonNullable<Model['target']>, serving: number): TargetObservation => ({
  ...workload(target, 'myapp'),
  generation: target.generation,
  observedGeneration: target.generation,
  ...(target.mark ? { mark: target.mark } : {}),
  hasInjectKeys: target.hasInjectKeys,
  ...(target.wish === undefined ? {} : { wish: target.wish }),
  appPort: 8080,
  canaryReplicas: serving,
  servingReplicas: Math.max(1, serving),
})

export function observeModel(model: Model): Observation {
  const { target, primary } = model
  const serving = primary?.desired ?? target?.desired ?? 1
  return {
    canary: observedCanary(model),
    ...(target ? { target: observedTarget(target, serving), revision: target.revision } : { problem: missingTarget }),
    ...(primary ? { primary: { ...workload(primary, 'myapp-primary'), revision: primary.revision, hasSidecar: true, equalsTarget: false } } : {}),
    neighbourCaveats: [],
    isPaused: model.isPaused,
    trackedConfigs: {},
    isScalerInSync: true,
    verdict: verdictOf(model),
    ...(model.guard ? { guard: guardOf(model, model.guard) } : {}),
    ...observedTraffic(model),
    ...(model.unwritten ? { unwritten: model.unwritten } : {}),
  }
}

function observedTraffic(model: Model): Pick<Observation, 'services' | 'pods' | 'sidecars'> {
  const { target, primary } = model
  const ready = { primary: primary ? Math.min(primary.ready, primary.desired) : 0, canary: target ? Math.min(target.ready, target.desired) : 0 }
  const isBare = target !== undefined && target.uninjected > 0
  const leadsTo = model.endpoints === 'primary' ? 'primary' : 'canary'
  const isBehind = ready.primary > 0 && model.acknowledged < model.status.kinglet.generation
  return {
    services: { areSplitServicesInSync: model.splitServices, apex: model.apex, endpoints: { primary: leadsTo === 'primary' ? ready.primary : 0, canary: leadsTo === 'canary' ? ready.canary : 0 } },
    pods: { ready: { primary: ready.primary, canary: isBare ? 0 : ready.canary }, uninjected: isBare && target.desired > 0 ? ['myapp-x'] : [], canaryNames: Array.from({ length: ready.canary }, (_unused, index) => `myapp-${index}`) },
    sidecars: { unacknowledged: isBehind ? ['myapp-primary-a'] : [], listeningSince: 0 },
  }
}

/** One look of the controller. With `crash` it dies after the status is written. */
export function look(model: Model, crash = false): Decision {
  const before = observeModel(model)
  const decision = decide(before, model.now)
  model.history.push({ before, decision, now: model.now })
  model.status = decision.status
  model.unwritten = crash ? undefined : decision.unwritten
  if (!crash) for (const action of decision.actions) act(model, action)
  return decision
}

/** Looks until nothing differs, as the events of its own writes make the controller do. */
export function settle(model: Model): void {
  for (let turn = 0; turn < 12; turn += 1) {
    const { status, unwritten } = model
    const decision = look(model)
    if (decision.actions.length === 0 && decision.status === status && decision.unwritten === unwritten) return
  }
  throw new Error(`no fixpoint: ${JSON.stringify(model.history.slice(-2).map(({ decision }) => decision))}`)
}

/** What the cluster does with an action. */
export function act(model: Model, action: Action): void {
  const { target } = model
  switch (action.type) {
    case 'add-finalizer':
      model.finalizers = [finalizer]
      return
    case 'remove-finalizer':
      model.finalizers = []
      model.isGone = true
      return
    case 'copy-to-primary':
      copyToPrimary(model, action.revision)
      return
    case 'inject-primary':
    case 'sync-scaler':
      return
    case 'scale-primary':
      if (model.primary) model.primary = { ...model.primary, desired: action.replicas, ready: action.replicas }
      return
    case 'sync-split-services':
      model.splitServices = true
      return
    case 'point-apex':
      model.apex = action.to
      return
    case 'mark-target':
      if (target) target.mark = { phase: action.phase, canary: 'myapp', appPort: 8080 }
      return
    case 'scale-target':
      changeTarget(model, (target) => scaled(target, action.replicas))
      return
    case 'take-wish':
      changeTarget(model, (target) => ({ ...scaled(target, 0), wish: action.replicas }))
      return
    case 'replace-pods':
    case 'evict-pods':
      changeTarget(model, (target) => ({ ...target, ready: 0, uninjected: 0 }))
      return
    case 'release-target':
      releaseTarget(model, action.replicas)
      return
    case 'delete-split':
      model.primary = undefined
      model.splitServices = false
  }
}

function changeTarget(model: Model, change: (target: NonNullable<Model['target']>) => NonNullable<Model['target']>): void {
  if (model.target) model.target = change(model.target)
}

const scaled = (target: NonNullable<Model['target']>, replicas: number): NonNullable<Model['target']> =>
  replicas === 0 ? { ...target, desired: 0, ready: 0, uninjected: 0 } : { ...target, desired: replicas, ready: 0, hasInjectKeys: true, uninjected: target.hasInjectKeys ? target.uninjected : 0 }

/** A rolling update takes one pod at a time. */
function copyToPrimary(model: Model, revision: string): void {
  const { primary, target } = model
  if (primary?.revision === revision) return
  model.primary = { desired: primary?.desired ?? Math.max(1, target?.desired ?? 1), revision, ready: Math.max(0, (primary?.ready ?? 0) - 1), isPastDeadline: false }
}

function releaseTarget(model: Model, replicas: number): void {
  const { target } = model
  if (!target) return
  const { mark: _mark, wish: _wish, ...bare } = target
  const isRolled = target.hasInjectKeys || target.desired === 0
  model.target = { ...bare, desired: replicas, ready: isRolled ? 0 : target.ready, hasInjectKeys: false, uninjected: replicas }
}

/** When the running step began; undefined while it is waited for. */
export const stepStartedAt = ({ status, unwritten }: Model): number | undefined => withClocks(status, knownOf(status, unwritten)).kinglet.stepStartedAt

/** The good part of a cluster's life: pods become ready, endpoints follow, sidecars acknowledge. */
export function catchUp(model: Model): void {
  if (model.target) model.target.ready = model.target.desired
  if (model.primary) model.primary.ready = model.primary.desired
  model.endpoints = model.apex
  model.acknowledged = model.status.kinglet.generation
}

/** Time passes in steps, with a healthy cluster. */
export function pass(model: Model, ms: number, stepMs = 1000): void {
  for (let left = ms; left > 0; left -= stepMs) {
    model.now += Math.min(stepMs, left)
    catchUp(model)
    settle(model)
  }
}

/** A model that has been adopted and rests. */
export function adopted(analysis?: JsonObject, spec?: JsonObject): Model {
  const model = createModel(analysis, spec)
  settle(model)
  pass(model, 20_000)
  if (model.status.phase !== 'Initialized' || model.target?.desired !== 0) throw new Error(`not adopted: ${JSON.stringify(model.status)}`)
  return model
}

/** Somebody applies another template. While the webhook answers, the inject keys stay and replicas stay at the live value. */
export function applyRevision(model: Model, revision: string): void {
  if (!model.target) return
  model.target = { ...model.target, revision, ready: 0, isPastDeadline: false, generation: model.target.generation + 1 }
}

export const eventTexts = (model: Model): readonly string[] => model.history.flatMap(({ decision }) => decision.events.map(({ message }) => message))
