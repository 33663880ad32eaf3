import { isPaused, parseCanary, strategyOf, type Canary } from '../api/canary.ts'
import { appPortAnnotation, configTrackingAnnotation, injectLabel, managedByLabel, primaryName, replicasAnnotation, revisionAnnotation } from '../api/keys.ts'
import { readManagedService } from '../api/managed-service.ts'
import type { Track } from '../api/protocol.ts'
import { parseSettings } from '../api/settings.ts'
import { readTargetStatus } from '../api/target.ts'
import { validateCanary, type Problem } from '../api/validate.ts'
import { listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import type { Result } from '../base/result.ts'
import { hasSidecar, injectPod } from '../injection/inject.ts'
import { compileRules } from '../routing/match-rules.ts'
import { compilePolicy } from '../routing/policy.ts'
import type { Observation, PrimaryObservation, SidecarsObservation, TargetObservation, Workload } from './observation.ts'
import { buildPrimaryScaler, isScalerInSync } from './resources/scaler.ts'
import { configKey, configRefs, configText, isCopy, isTracked } from './resources/configs.ts'
import { equalsTarget, hasInjectKeys, revisionText } from './resources/primary.ts'
import { apexState, buildSplitServices, isServiceInSync, originalService } from './resources/services.ts'
import { resolveSplit, type Split } from './resources/split.ts'
import { heedProtocol } from './app-protocol.ts'
import { neighbourCaveats } from './neighbours.ts'
import { find, isOwned, nameOf, selects } from './objects.ts'
import { serviceProblem } from './service-problem.ts'
import type { Installation, World } from './world.ts'

/** What `decide` needs to know, made of raw objects. Also what `plan` builds from: the split and the configs that are copied. */
export interface Observed {
  readonly observation: Observation
  /** Absent where there is a problem with the target. */
  readonly split?: Split
  /** Keys of the configs that the primary has copies of. */
  readonly copiedConfigs: ReadonlySet<string>
}

export function observe(seen: World, installation: Installation): Observed {
  const canary = heedProtocol(parseCanary(seen.canary), seen.services, seen.target)
  const world = canary.isDeleting ? ownPart(seen, canary) : seen
  const configs = trackConfigs(world, installation)
  const resolved = world.target ? resolveSplit(canary, world.target, originalApex(world, canary), installation.selectorLabels) : undefined
  const split = resolved?.ok ? resolved.value : undefined
  const problem = firstProblem(world, canary, resolved, installation)
  const revision = world.target ? `sha256:${installation.sha256(revisionText(world.target, configs.checksums))}` : undefined
  const adoptionProblem = split && world.target ? serviceProblem(world, canary, split, world.target) : undefined
  const settingsProblem = world.target && unreadableSetting(world.canary, world.target)
  const copiedConfigs = new Set(Object.keys(configs.checksums))
  const pods = podsByTrack(world, split)
  const observation: Observation = {
    canary,
    ...(problem ? { problem } : {}),
    ...(adoptionProblem ? { adoptionProblem } : {}),
    ...(settingsProblem ? { settingsProblem } : {}),
    neighbourCaveats: neighbourCaveats(world, canary, split),
    isPaused: isPaused(canary.annotations, objectAt(world.target, 'metadata', 'annotations')),
    ...(world.target ? { target: observeTarget(world, canary, split, world.target) } : {}),
    ...(world.primary ? { primary: observePrimary(world, canary, { split, copiedConfigs, installation }, world.primary) } : {}),
    ...(revision === undefined ? {} : { revision }),
    trackedConfigs: configs.checksums,
    services: observeServices(world, canary, split, pods),
    isScalerInSync: !canary.spec.autoscalerRef || !world.scaler || isScalerInSync(world.primaryScaler, buildPrimaryScaler(world.scaler, canary, installation.labelPrefixes)),
    pods: {
      ready: { primary: pods.primary.filter(isServing).length, canary: pods.canary.filter(isServing).length },
      canaryNames: pods.canary.map(nameOf),
      uninjected: pods.canary.filter((pod) => lacksSidecar(pod, world.target)).map(nameOf),
    },
    sidecars: observeSidecars(world, canary, pods.primary),
    ...(world.verdict ? { verdict: world.verdict } : {}),
    ...(world.guard ? { guard: world.guard } : {}),
  }
  return { observation, ...(split ? { split } : {}), copiedConfigs }
}

/**
 * The world of a Canary that goes: what another one has, or what only bears the primary's name, is not its to give back, and
 * nothing waits for it.
 */
function ownPart(world: World, canary: Canary): World {
  const { primary, target, services, ...rest } = world
  const mark = target && readTargetStatus(objectAt(target, 'metadata', 'annotations'))
  const apex = find(services, canary.spec.service.name)
  const manager = apex && readManagedService(objectAt(apex, 'metadata', 'annotations'))?.canary
  const isOurs = (holder: string | undefined): boolean => holder === undefined || holder === canary.name
  return {
    ...rest,
    ...(primary && isOwned(primary, canary) ? { primary } : {}),
    ...(target && isOurs(mark?.canary) ? { target } : {}),
    services: isOurs(manager) ? services : services.filter((service) => service !== apex),
  }
}

// --- what is wrong

function firstProblem(world: World, canary: Canary, split: Result<Split, Problem> | undefined, installation: Installation): Problem | undefined {
  const older = world.rivals.find((rival) => isOlder(rival, world.canary))
  const { targetRef } = canary.spec
  if (older) return { code: 'TargetTaken', path: 'spec.targetRef', message: `Canary ${nameOf(older)} is older and has the same target, Deployment ${targetRef.name}`, remedy: 'Delete one of the two Canaries' }
  const [invalid] = validateCanary(world.canary)
  if (invalid) return invalid
  const refused = refusedExpression(canary)
  if (refused) return refused
  if (!world.target) return { code: 'TargetNotFound', path: 'spec.targetRef.name', message: `Deployment ${targetRef.name}.${canary.namespace} does not exist`, remedy: 'Create it, or correct the name' }
  if (split && !split.ok) return split.error
  const scaler = canary.spec.autoscalerRef
  if (scaler && !world.scaler) return { code: 'ScalerNotFound', path: 'spec.autoscalerRef.name', message: `there is no HorizontalPodAutoscaler ${scaler.name} in namespace ${canary.namespace}`, remedy: 'Create it, or remove autoscalerRef' }
  return missingConfig(world, world.target) ?? (installation.tracksConfigs ? takenCopy(world, world.target) : undefined) ?? (split?.ok ? refusedInjection(world.target, split.value, installation) : undefined)
}

/** Of a Canary that annotations made: the first of them that cannot be read any more. */
function unreadableSetting(canary: JsonObject, target: JsonObject): Problem | undefined {
  const isMade = Object.entries(managedByLabel).every(([key, value]) => objectAt(canary, 'metadata', 'labels')[key] === value)
  const settings = isMade ? parseSettings(objectAt(target, 'metadata', 'annotations')) : undefined
  return settings?.ok === false ? settings.error[0] : undefined
}

function refusedExpression({ spec }: Canary): Problem | undefined {
  const rules = compileRules(spec.analysis.match, 'spec.analysis.match')
  const policy = spec.service.policy && compilePolicy(spec.service.policy)
  const fault = rules.ok ? (policy?.ok === false ? { ...policy.error, path: `spec.service.${policy.error.path}` } : undefined) : rules.error
  return fault && { code: 'InvalidSpec', path: fault.path, message: fault.reason, remedy: 'Write it in the syntax of RE2: no look-around, no back-references' }
}

/** By creation, then by name, so that two of the same second do not both give way. */
function isOlder(rival: JsonObject, canary: JsonObject): boolean {
  const age = (object: JsonObject): string => `${stringAt(object, 'metadata', 'creationTimestamp') ?? ''} ${nameOf(object)}`
  return age(rival) < age(canary)
}

function missingConfig(world: World, target: JsonObject): Problem | undefined {
  const missing = configRefs(objectAt(target, 'spec', 'template', 'spec')).find((ref) => !ref.isOptional && !world.configs.has(configKey(ref)))
  return missing && { code: 'ConfigNotFound', path: `Deployment ${nameOf(target)}`, message: `its pods read ${missing.kind} ${missing.name}, which does not exist`, remedy: 'Create it, or mark the reference as optional' }
}

/** The primary's copy of a config would be written over somebody's own. */
function takenCopy(world: World, target: JsonObject): Problem | undefined {
  const refs = configRefs(objectAt(target, 'spec', 'template', 'spec')).filter((ref) => {
    const config = world.configs.get(configKey(ref))
    return config !== undefined && isTracked(config)
  })
  const taken = refs.find((ref) => {
    const live = world.configs.get(primaryName(configKey(ref)))
    return live !== undefined && !isCopy(live)
  })
  if (!taken) return undefined
  const { kind, name } = taken
  return { code: 'NameTaken', path: `${kind} ${primaryName(name)}`, message: `it exists already, and the primary's copy of ${kind} ${name} would have its name`, remedy: `Rename it, or annotate ${kind} ${name} with ${configTrackingAnnotation}=disabled so that both versions read the same` }
}

function refusedInjection(target: JsonObject, split: Split, installation: Installation): Problem | undefined {
  const template = objectAt(target, 'spec', 'template')
  const metadata = objectAt(template, 'metadata')
  const marked = { metadata: { ...metadata, annotations: { ...objectAt(metadata, 'annotations'), [appPortAnnotation]: String(split.appPort) } }, spec: objectAt(template, 'spec') }
  const injection = injectPod(marked, installation.injection)
  if (injection.kind !== 'refused') return undefined
  return { code: 'InjectionRefused', path: `Deployment ${nameOf(target)}`, message: `its pods cannot have a sidecar: ${injection.reason}`, remedy: 'Change its pod template' }
}

function originalApex(world: World, canary: Canary) {
  const live = find(world.services, canary.spec.service.name)
  return live && originalService(live)
}

// --- what is

function trackConfigs(world: World, installation: Installation): { readonly checksums: Readonly<Record<string, string>> } {
  if (!installation.tracksConfigs || !world.target) return { checksums: {} }
  const checksums: Record<string, string> = {}
  for (const ref of configRefs(objectAt(world.target, 'spec', 'template', 'spec'))) {
    const config = world.configs.get(configKey(ref))
    if (config && isTracked(config)) checksums[configKey(ref)] = stringAt(config, 'checksum') ?? installation.sha256(configText(config)).slice(0, 16)
  }
  return { checksums }
}

function observeWorkload(deployment: JsonObject): Workload {
  const status = objectAt(deployment, 'status')
  const progressing = listAt(status, 'conditions').find((condition) => stringAt(condition, 'type') === 'Progressing')
  return {
    name: nameOf(deployment),
    generation: numberAt(deployment, 'metadata', 'generation') ?? 0,
    observedGeneration: numberAt(status, 'observedGeneration') ?? 0,
    desired: numberAt(deployment, 'spec', 'replicas') ?? 1,
    replicas: numberAt(status, 'replicas') ?? 0,
    updated: numberAt(status, 'updatedReplicas') ?? 0,
    available: numberAt(status, 'availableReplicas') ?? 0,
    isPastDeadline: stringAt(progressing, 'reason') === 'ProgressDeadlineExceeded',
  }
}

function observeTarget(world: World, canary: Canary, split: Split | undefined, target: JsonObject): TargetObservation {
  const workload = observeWorkload(target)
  const annotations = objectAt(target, 'metadata', 'annotations')
  const mark = readTargetStatus(annotations)
  const wish = Number(stringAt(annotations, replicasAnnotation) ?? Number.NaN)
  const appPort = split?.appPort ?? mark?.appPort ?? 0
  const hasWish = Number.isInteger(wish) && wish >= 0
  const primaryReplicas = world.primary ? (numberAt(world.primary, 'spec', 'replicas') ?? 1) : 0
  const serving = primaryReplicas || workload.desired || (hasWish ? wish : 0) || 1
  return {
    ...workload,
    ...(mark ? { mark } : {}),
    hasInjectKeys: hasInjectKeys(objectAt(target, 'spec', 'template'), appPort),
    ...(hasWish ? { wish } : {}),
    appPort,
    canaryReplicas: canaryReplicas(world, canary, serving),
    servingReplicas: serving,
  }
}

/** Flagger's rule: as many as the primary has, or the autoscaler's least. Blue/green must be able to take everything at once. */
function canaryReplicas(world: World, canary: Canary, serving: number): number {
  if (!canary.spec.autoscalerRef || strategyOf(canary.spec.analysis) === 'blue-green') return serving
  return Math.max(1, numberAt(world.scaler, 'spec', 'minReplicas') ?? 1)
}

function observePrimary(world: World, canary: Canary, context: { readonly split: Split | undefined; readonly copiedConfigs: ReadonlySet<string>; readonly installation: Installation }, primary: JsonObject): PrimaryObservation {
  const template = objectAt(primary, 'spec', 'template')
  const revision = stringAt(template, 'metadata', 'annotations', revisionAnnotation)
  const { split, copiedConfigs, installation } = context
  const options = split && { canary, split, revision: '', replicas: 0, copiedConfigs, labelPrefixes: installation.labelPrefixes, injection: installation.injection }
  return {
    ...observeWorkload(primary),
    ...(revision === undefined ? {} : { revision }),
    hasSidecar: hasSidecar(objectAt(template, 'spec')),
    equalsTarget: revision === undefined && world.target !== undefined && options !== undefined && equalsTarget(primary, world.target, options),
  }
}

interface PodsByTrack {
  readonly primary: readonly JsonObject[]
  readonly canary: readonly JsonObject[]
}

/** Pods that are there to stay, by track. */
export function podsByTrack(world: Pick<World, 'pods' | 'target'>, split: Split | undefined): PodsByTrack {
  const { primary, canary } = runningByTrack(world, split)
  return { primary: primary.filter(isStaying), canary: canary.filter(isStaying) }
}

/** Pods that still run, by track: also those on their way out, whose sidecars serve their last clients. */
export function runningByTrack(world: Pick<World, 'pods' | 'target'>, split: Split | undefined): PodsByTrack {
  if (!split) return { primary: [], canary: [] }
  const targetSelector = objectAt(world.target, 'spec', 'selector', 'matchLabels')
  const running = world.pods.filter((pod) => !['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? ''))
  const labelled = (pod: JsonObject): JsonObject => objectAt(pod, 'metadata', 'labels')
  return {
    primary: running.filter((pod) => labelled(pod)[split.label] === split.primaryValue),
    canary: running.filter((pod) => Object.keys(targetSelector).length > 0 && selects(targetSelector, labelled(pod))),
  }
}

const isStaying = (pod: JsonObject): boolean => valueAt(pod, 'metadata', 'deletionTimestamp') === undefined

/**
 * Without a sidecar, though it asked for one or the template does not ask yet. Pods of an older template that did not ask are
 * none of these: the Deployment's rollout is replacing them.
 */
function lacksSidecar(pod: JsonObject, target: JsonObject | undefined): boolean {
  const asks = (labels: JsonObject): boolean => labels[injectLabel] === 'true'
  return !hasSidecar(objectAt(pod, 'spec')) && (asks(objectAt(pod, 'metadata', 'labels')) || !asks(objectAt(target, 'spec', 'template', 'metadata', 'labels')))
}

/** Ready and with a sidecar: requests can be sent to its direct port. */
export const isServing = (pod: JsonObject): boolean => isReady(pod) && hasSidecar(objectAt(pod, 'spec'))

/** Ready, not on its way out, and with an address. */
export const isReady = (pod: JsonObject): boolean =>
  isStaying(pod) && stringAt(pod, 'status', 'podIP') !== undefined && listAt(pod, 'status', 'conditions').some((condition) => stringAt(condition, 'type') === 'Ready' && stringAt(condition, 'status') === 'True')

function observeServices(world: World, canary: Canary, split: Split | undefined, pods: PodsByTrack): Observation['services'] {
  const apex = find(world.services, canary.spec.service.name)
  if (!split) {
    const isManaged = apex !== undefined && readManagedService(objectAt(apex, 'metadata', 'annotations')) !== undefined
    return { areSplitServicesInSync: true, apex: apex ? (isManaged ? 'other' : 'original') : 'missing', endpoints: { primary: 0, canary: 0 } }
  }
  const original = apex && originalService(apex)
  const built = buildSplitServices({ canary, split, target: world.target, original })
  return {
    areSplitServicesInSync: built.every((service) => isServiceInSync(find(world.services, nameOf(service)), service)),
    apex: apexState(apex, canary, split),
    endpoints: countEndpoints(world, pods),
  }
}

/** Ready endpoints of the apex by track; one whose pod is not known any more counts for the track that its name belongs to. */
function countEndpoints(world: World, pods: PodsByTrack): Record<Track, number> {
  const isPrimary = new Set(pods.primary.map(nameOf))
  const primaryPrefix = `${nameOf(world.target ?? {})}-primary-`
  const counts = { primary: 0, canary: 0 }
  for (const slice of world.slices) {
    for (const endpoint of listAt(slice, 'endpoints')) {
      if (valueAt(endpoint, 'conditions', 'ready') === false) continue
      const pod = stringAt(endpoint, 'targetRef', 'name') ?? ''
      counts[isPrimary.has(pod) || pod.startsWith(primaryPrefix) ? 'primary' : 'canary'] += listAt(endpoint, 'addresses').length > 0 ? 1 : 0
    }
  }
  return counts
}

function observeSidecars(world: World, canary: Canary, primaryPods: readonly JsonObject[]): SidecarsObservation {
  const { generation } = canary.status.kinglet
  const unacknowledged = primaryPods.filter(isServing).map(nameOf).filter((pod) => (world.acknowledged.get(pod) ?? -1) < generation)
  return { unacknowledged: generation === 0 ? [] : unacknowledged, listeningSince: world.listeningSince }
}
