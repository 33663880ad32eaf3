import { appPortAnnotation, finalizer, injectLabel, primaryName, replicasAnnotation, targetStatusAnnotation } from '../api/keys.ts'
import { resources, addressOf, type Address, type Resource } from '../api/resources.ts'
import type { Track } from '../api/protocol.ts'
import { writeTargetStatus } from '../api/target.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import type { Action } from './converge.ts'
import { find, isOwned } from './objects.ts'
import type { Observed } from './observe.ts'
import { buildConfigCopy } from './resources/configs.ts'
import { buildPrimary, injectPrimary, updatePrimary } from './resources/primary.ts'
import { buildPrimaryScaler } from './resources/scaler.ts'
import { buildApex, buildSplitServices, isServiceInSync, originalService, pointApex, restoreApex, updateService, type ServiceInputs } from './resources/services.ts'
import type { Split } from './resources/split.ts'
import type { Installation, World } from './world.ts'

/** One call to the API server. Replacements and patches carry the resourceVersion that they were built from: a newer object refuses them. */
export type Write =
  | { readonly verb: 'create'; readonly resource: Resource; readonly object: JsonObject }
  | { readonly verb: 'replace'; readonly resource: Resource; readonly object: JsonObject }
  /** RFC 7386. */
  | { readonly verb: 'patch'; readonly resource: Resource; readonly at: Address; readonly body: JsonObject }
  | { readonly verb: 'delete'; readonly resource: Resource; readonly at: Address; readonly uid: string | undefined }
  /** Pods that are deleted, or evicted, once a dry run shows that new ones would be injected. */
  | { readonly verb: 'replace-pods'; readonly pods: readonly JsonObject[] }
  | { readonly verb: 'evict-pods'; readonly pods: readonly JsonObject[] }

/** The writes that an action stands for, in order. Empty where the world has it already. */
export function plan(action: Action, world: World, observed: Observed, installation: Installation): readonly Write[] {
  const { canary } = observed.observation
  switch (action.type) {
    case 'add-finalizer':
      return [patchCanary(world, [...canary.finalizers, finalizer])]
    case 'remove-finalizer':
      return [patchCanary(world, canary.finalizers.filter((name) => name !== finalizer))]
    case 'copy-to-primary':
      return copyToPrimary(world, observed, installation, action.revision)
    case 'inject-primary':
      return withSplit(observed, (split) => (world.primary ? [replace(resources.deployments, injectPrimary(world.primary, { canary, split, injection: installation.injection, revision: observed.observation.primary?.equalsTarget ? observed.observation.revision : undefined }))] : []))
    case 'scale-primary':
      return world.primary ? [patch(resources.deployments, world.primary, { spec: { replicas: action.replicas } })] : []
    case 'sync-scaler':
      return syncScaler(world, observed, installation)
    case 'sync-split-services':
      return syncSplitServices(world, observed)
    case 'point-apex':
      return point(world, observed, action.to)
    case 'mark-target':
    case 'scale-target':
    case 'take-wish':
    case 'release-target':
      return world.target ? [patch(resources.deployments, world.target, targetPatch(action, observed))] : []
    case 'replace-pods':
    case 'evict-pods':
      return [{ verb: action.type, pods: world.pods.filter((pod) => action.pods.includes(stringAt(pod, 'metadata', 'name') ?? '')) }]
    case 'delete-split':
      return deleteSplit(world, observed)
  }
}

const replace = (resource: Resource, object: JsonObject): Write => ({ verb: 'replace', resource, object })
const create = (resource: Resource, object: JsonObject): Write => ({ verb: 'create', resource, object })

/** A merge patch that a newer object refuses. */
function patch(resource: Resource, live: JsonObject, body: JsonObject): Write {
  const metadata = { ...objectAt(body, 'metadata'), resourceVersion: stringAt(live, 'metadata', 'resourceVersion') }
  return { verb: 'patch', resource, at: addressOf(live), body: { ...body, metadata } }
}

const patchCanary = (world: World, finalizers: readonly string[]): Write => patch(resources.canaries, world.canary, { metadata: { finalizers } })

/** Without a split there is nothing to build; the problem that says why keeps decide from asking for it. */
const withSplit = (observed: Observed, build: (split: Split) => readonly Write[]): readonly Write[] => (observed.split ? build(observed.split) : [])

/** Configs first: the pods that the new template starts must find them. */
function copyToPrimary(world: World, observed: Observed, installation: Installation, revision: string): readonly Write[] {
  const { target, primary } = world
  const { canary } = observed.observation
  if (!target) return []
  return withSplit(observed, (split) => {
    const replicas = observed.observation.target?.servingReplicas ?? 1
    const built = buildPrimary(target, { canary, split, revision, replicas, copiedConfigs: observed.copiedConfigs, labelPrefixes: installation.labelPrefixes, injection: installation.injection })
    const deployment = primary ? replace(resources.deployments, updatePrimary(primary, built)) : create(resources.deployments, built)
    return [...copyConfigs(world, observed, installation), deployment]
  })
}

function copyConfigs(world: World, observed: Observed, installation: Installation): readonly Write[] {
  return [...observed.copiedConfigs].flatMap((key) => {
    const config = world.configs.get(key)
    if (!config) return []
    const live = world.configs.get(primaryName(key))
    const copy = buildConfigCopy(config, observed.observation.canary, installation.labelPrefixes, live)
    const resource = stringAt(copy, 'kind') === 'Secret' ? resources.secrets : resources.configMaps
    return [live ? replace(resource, copy) : create(resource, copy)]
  })
}

function syncScaler(world: World, observed: Observed, installation: Installation): readonly Write[] {
  const { scaler, primaryScaler } = world
  if (!scaler) return []
  const built = buildPrimaryScaler(scaler, observed.observation.canary, installation.labelPrefixes)
  if (!primaryScaler) return [create(resources.horizontalPodAutoscalers, built)]
  return [replace(resources.horizontalPodAutoscalers, { ...primaryScaler, spec: objectAt(built, 'spec') })]
}

function inputs(world: World, observed: Observed, split: Split): ServiceInputs {
  const { canary } = observed.observation
  const apex = find(world.services, canary.spec.service.name)
  return { canary, split, target: world.target, original: apex && originalService(apex) }
}

function syncSplitServices(world: World, observed: Observed): readonly Write[] {
  return withSplit(observed, (split) =>
    buildSplitServices(inputs(world, observed, split)).flatMap((built) => {
      const live = find(world.services, addressOf(built).name)
      if (!live) return [create(resources.services, built)]
      return isServiceInSync(live, built) ? [] : [replace(resources.services, updateService(live, built))]
    }),
  )
}

function point(world: World, observed: Observed, to: Track | 'original'): readonly Write[] {
  const { canary } = observed.observation
  const live = find(world.services, canary.spec.service.name)
  if (to === 'original') return live ? [replace(resources.services, restoreApex(live, canary))] : []
  return withSplit(observed, (split) => [live ? replace(resources.services, pointApex(live, canary, split, to)) : create(resources.services, buildApex(inputs(world, observed, split), to))])
}

function targetPatch(action: Action & { readonly type: 'mark-target' | 'scale-target' | 'take-wish' | 'release-target' }, { observation }: Observed): JsonObject {
  const appPort = observation.target?.appPort ?? 0
  switch (action.type) {
    case 'mark-target':
      return { metadata: { annotations: { [targetStatusAnnotation]: writeTargetStatus({ phase: action.phase, canary: observation.canary.name, appPort }) } } }
    case 'scale-target': {
      if (action.replicas === 0) return { spec: { replicas: 0 } }
      const keys = { labels: { [injectLabel]: 'true' }, annotations: { [appPortAnnotation]: String(appPort) } }
      return { spec: { replicas: action.replicas, template: { metadata: keys } } }
    }
    case 'take-wish':
      return { metadata: { annotations: { [replicasAnnotation]: String(action.replicas) } }, spec: { replicas: 0 } }
    case 'release-target': {
      const keys = { labels: { [injectLabel]: null }, annotations: { [appPortAnnotation]: null } }
      return { metadata: { annotations: { [targetStatusAnnotation]: null, [replicasAnnotation]: null } }, spec: { replicas: action.replicas, template: { metadata: keys } } }
    }
  }
}

/** Everything of ours; what the garbage collector finds by its owner is left to it. */
function deleteSplit(world: World, observed: Observed): readonly Write[] {
  const { canary } = observed.observation
  const { name } = canary.spec.service
  const services = [primaryName(name), `${name}-canary`].map((splitName) => find(world.services, splitName))
  const gone = (resource: Resource, object: JsonObject | undefined): readonly Write[] =>
    object && isOwned(object, canary) && stringAt(object, 'metadata', 'deletionTimestamp') === undefined ? [{ verb: 'delete', resource, at: addressOf(object), uid: stringAt(object, 'metadata', 'uid') }] : []
  return [
    ...gone(resources.horizontalPodAutoscalers, world.primaryScaler),
    ...gone(resources.deployments, world.primary),
    ...services.flatMap((service) => gone(resources.services, service)),
  ]
}
