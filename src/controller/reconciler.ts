import { parseCanary, strategyOf, type Canary } from '../api/canary.ts'
import type { CanaryStatus, RolloutEvent } from '../api/canary-status.ts'
import type { GuardObservation, GuardRecord } from '../api/guard-record.ts'
import { resources } from '../api/resources.ts'
import { readTargetStatus } from '../api/target.ts'
import type { Clock } from '../base/clock.ts'
import { AppError, describeError } from '../base/errors.ts'
import { objectAt, type JsonObject } from '../base/json.ts'
import type { Logger } from '../runtime/log.ts'
import { decide, isBeginning, type Decision } from '../rollout/decide.ts'
import { observe, type Observed } from '../rollout/observe.ts'
import type { Timing, Unwritten } from '../rollout/observation.ts'
import type { Installation, World } from '../rollout/world.ts'
import { applyActions, withStatus, type Refusal } from './apply.ts'
import { gather, type GatherOptions } from './gather.ts'
import type { Hub } from './hub.ts'
import type { Cluster, ClusterReader, ControllerMetrics, EventSink } from './ports.ts'
import { buildPublication } from './tables.ts'

/**
 * One look at one Canary: gather → decide → apply. The caches say whether there is anything to do; if there is, everything is read
 * again from the API server and decided again, and only that is acted upon. Status first, with its resourceVersion, then the
 * actions, then nothing is remembered: the next look starts from what is.
 */
export interface ReconcilerOptions {
  readonly cluster: Cluster
  /** Copies of the cluster, perhaps a little behind. */
  readonly cache: ClusterReader
  readonly hub: Pick<Hub, 'publish' | 'forget' | 'telemetryOf'>
  readonly events: EventSink
  /** The time of the last events that this process has told, by Canary. Owned by the caller, kept between looks. */
  readonly told: Map<string, number>
  /** What was found out and not written yet, by Canary. Owned by the caller, kept between looks. */
  readonly unwritten: Map<string, Unwritten>
  readonly metrics: ControllerMetrics
  readonly installation: Installation
  readonly timing: Timing
  readonly clock: Clock
  readonly log: Logger
}

/** Looked at again after this long even if nothing happens, milliseconds: endpoints, deadlines and configs change without a word. */
const lookAgainMs = { busy: 1000, idle: 60_000 } as const

/** Looks at the Canary `namespace/name`; the time until the next look, of one that is gone none. Errors: the cluster's; CONFLICT where somebody wrote meanwhile. */
export async function reconcile(key: string, options: ReconcilerOptions): Promise<void | { readonly afterMs: number }> {
  const { hub, clock, metrics } = options
  const startedAt = clock.now()
  const at = addressOfKey(key)
  const read = (reader: ClusterReader, looksAround = false): Promise<World | undefined> => gather(at, gatherOptions(key, { reader, looksAround }, options))
  const cached = await read(options.cache)
  if (!cached) {
    hub.forget(key)
    options.told.delete(key)
    options.unwritten.delete(key)
    options.told.delete(refusalsOf(key))
    metrics.forgetCanary(at.namespace, at.name)
    return undefined
  }
  const glance = look(key, cached, options)
  // Where pods are is a fact that needs no decision, and one on its way out waits for it.
  publish(key, glance.observed.observation.canary, cached, glance.observed, options)
  if (!isConsequential(glance, options.unwritten.get(key))) return settled(key, cached, glance, options)
  const world = await read(options.cluster, isBeginning(glance.observed.observation, glance.decision.status))
  // The watch has yet to tell: it may be seconds behind, or lost.
  if (!world) return { afterMs: lookAgainMs.busy }
  const { observed, decision } = look(key, world, options)
  const canary = await writeStatus(world.canary, observed.observation.canary, decision.status, options)
  remember(key, decision, options)
  const after = { ...world, canary }
  const parsed = parseCanary(canary)
  publish(key, parsed, after, observed, options)
  tell(key, canary, world, options)
  countEnd(observed.observation.canary, decision, options)
  observeMetrics(parsed, observed.observation.guard, decision, options)
  const refusals = await applyActions(decision.actions, after, observed, options.installation, options.cluster).catch((error: unknown) => {
    tellDenial(key, canary, world, error, options)
    throw error
  })
  tellRefusals(key, canary, world, refusals, options)
  metrics.observeReconcile(parsed.spec.targetRef.name, parsed.namespace, (clock.now() - startedAt) / 1000)
  // Pods without a sidecar wait for the webhook, and sick ones for their budget, however often they are asked.
  const isDone = decision.actions.every(({ type }) => type === 'replace-pods' || type === 'evict-pods')
  return { afterMs: isDone ? untilNext(decision, parsed.status, clock.now()) : 200 }
}

const addressOfKey = (key: string): { readonly namespace: string; readonly name: string } => {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}

const gatherOptions = (key: string, { reader, looksAround }: { readonly reader: ClusterReader; readonly looksAround: boolean }, { hub, installation, log }: ReconcilerOptions): GatherOptions => ({
  reader,
  ...(looksAround ? { neighbours: { onError: (error) => log.warn('neighbours of a Canary cannot be read', { canary: key, error: describeError(error) }) } } : {}),
  telemetryOf: (canary) => hub.telemetryOf(key, canary),
  selectorLabels: installation.selectorLabels,
  tracksConfigs: installation.tracksConfigs,
})

interface Look {
  readonly observed: Observed
  readonly decision: Decision
}

function look(key: string, world: World, { installation, timing, clock, unwritten }: ReconcilerOptions): Look {
  const observed = observe(world, installation)
  const known = unwritten.get(key)
  return { observed, decision: decide({ ...observed.observation, ...(known ? { unwritten: known } : {}) }, clock.now(), timing) }
}

const isConsequential = ({ observed, decision }: Look, known: Unwritten | undefined): boolean =>
  decision.status !== observed.observation.canary.status || decision.actions.length > 0 || decision.unwritten !== known

function remember(key: string, { unwritten }: Decision, options: ReconcilerOptions): void {
  if (unwritten) options.unwritten.set(key, unwritten)
  else options.unwritten.delete(key)
}

/** Of one target one Canary has the split, as its mark says; to another one's sidecars there is nothing to say. */
function publish(key: string, canary: Canary, world: World, { split }: Observed, { hub }: ReconcilerOptions): void {
  const holder = readTargetStatus(objectAt(world.target, 'metadata', 'annotations'))?.canary
  if (holder === undefined || holder === canary.name) hub.publish(key, buildPublication(canary, world, split), canary)
}

/** Nothing to write; what a controller before this one could not tell any more is told. */
function settled(key: string, world: World, { observed, decision }: Look, options: ReconcilerOptions): { readonly afterMs: number } {
  const { canary } = observed.observation
  tell(key, world.canary, world, options)
  observeMetrics(canary, observed.observation.guard, decision, options)
  return { afterMs: untilNext(decision, canary.status, options.clock.now()) }
}

async function writeStatus(raw: JsonObject, canary: Canary, status: CanaryStatus, { cluster }: ReconcilerOptions): Promise<JsonObject> {
  if (status === canary.status) return raw
  return cluster.replace(resources.canaries, withStatus(raw, status as unknown as JsonObject), { subresource: 'status' })
}

function untilNext(decision: Decision, status: CanaryStatus, now: number): number {
  const isResting = ['Initialized', 'Succeeded', 'Failed'].includes(status.phase ?? '') && !status.kinglet.settling && !status.kinglet.heldOnCanary
  const regular = isResting ? lookAgainMs.idle : lookAgainMs.busy
  return decision.wakeAt === undefined ? regular : Math.max(20, Math.min(regular, decision.wakeAt - now))
}

/** How old the last events of another controller may be to be told again. */
const retellMs = 60_000

/**
 * The events that the durable status holds, once each by this process: on the Canary, the important ones on its target too, because
 * people look at what they wrote. A controller that is killed after its status write leaves them to the next one.
 */
function tell(key: string, canary: JsonObject, world: World, { events: sink, told, clock, log }: ReconcilerOptions): void {
  const { status } = parseCanary(canary)
  const last = status.kinglet.told
  if (!last || last.at <= (told.get(key) ?? clock.now() - retellMs)) return
  told.set(key, last.at)
  for (const event of last.events) record(event, { key, canary, world }, { events: sink, log })
}

function record({ type, message, isImportant }: RolloutEvent, { key, canary, world }: { readonly key: string; readonly canary: JsonObject; readonly world: World }, { events: sink, log }: Pick<ReconcilerOptions, 'events' | 'log'>): void {
  log[type === 'Warning' ? 'warn' : 'info']('rollout event', { canary: key, event: message })
  sink.record({ regarding: { apiVersion: 'flagger.app/v1beta1', kind: 'Canary', metadata: objectAt(canary, 'metadata') }, type, reason: 'Synced', message })
  if (isImportant && world.target) sink.record({ regarding: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: objectAt(world.target, 'metadata') }, type, reason: 'Synced', message })
}

const refusalsOf = (key: string): string => `${key} refusals`

/** Pods that may not go now, once a minute: they are asked for with each look. */
function tellRefusals(key: string, canary: JsonObject, world: World, refusals: readonly Refusal[], { events, told, clock, log }: ReconcilerOptions): void {
  const now = clock.now()
  if (refusals.length === 0 || now - (told.get(refusalsOf(key)) ?? -retellMs) < retellMs) return
  told.set(refusalsOf(key), now)
  for (const { pod, message } of refusals) record({ type: 'Warning', message: `Pod ${pod} is not replaced yet: ${message} It is tried again`, isImportant: true }, { key, canary, world }, { events, log })
}

/** A write that the cluster denies (a quota, a policy, a right that is missing) is denied again until somebody changes something: told once a minute. */
function tellDenial(key: string, canary: JsonObject, world: World, error: unknown, { events, told, clock, log }: ReconcilerOptions): void {
  const now = clock.now()
  const isDenied = error instanceof AppError && ['FORBIDDEN', 'INVALID', 'BAD_REQUEST', 'TOO_LARGE'].includes(error.code)
  if (!isDenied || now - (told.get(refusalsOf(key)) ?? -retellMs) < retellMs) return
  told.set(refusalsOf(key), now)
  record({ type: 'Warning', message: `The cluster does not let this go on: ${error.message}. It is tried again`, isImportant: true }, { key, canary, world }, { events, log })
}

function observeMetrics(canary: Canary, guard: GuardObservation | undefined, { status }: Decision, { metrics }: ReconcilerOptions): void {
  const checks = (status.analysis?.checks ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, name === 'request-duration' ? value / 1000 : value] as const]))
  metrics.observeCanary({
    namespace: canary.namespace,
    canary: canary.name,
    target: canary.spec.targetRef.name,
    phase: status.phase ?? '',
    weightPercent: status.canaryWeight,
    checks: Object.fromEntries(checks),
    ...guardReadings(guard?.record ?? status.analysis?.guard),
  })
}

function guardReadings(record: GuardRecord | undefined): Pick<Parameters<ControllerMetrics['observeCanary']>[0], 'guard'> {
  if (!record) return {}
  const { logEvidence, logThreshold, riskRatio } = record
  return { guard: { logEvidence, logThreshold, ...(riskRatio?.estimate === undefined ? {} : { riskRatio: riskRatio.estimate }) } }
}

/** An analysis has ended with this decision. */
function countEnd(canary: Canary, { status }: Decision, { metrics }: ReconcilerOptions): void {
  const hasEnded = status.phase !== canary.status.phase && (status.phase === 'Succeeded' || status.phase === 'Failed')
  if (!hasEnded) return
  const { spec, namespace } = canary
  metrics.countEnd({ name: spec.targetRef.name, namespace, strategy: strategyOf(spec.analysis), status: spec.skipAnalysis ? 'skipped' : 'completed', hasSucceeded: status.phase === 'Succeeded' })
}
