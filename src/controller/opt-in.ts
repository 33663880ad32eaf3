import { canaryNameLabel, managedByLabel, settingAnnotations } from '../api/keys.ts'
import { readManagedService } from '../api/managed-service.ts'
import { proxyProblems } from '../api/proxy-settings.ts'
import { resources } from '../api/resources.ts'
import { buildCanary, isOptedIn, misunderstood, parseSettings, type Settings } from '../api/settings.ts'
import { describeProblem, type Problem } from '../api/validate.ts'
import type { Clock } from '../base/clock.ts'
import { canonicalJson, listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Cluster, ClusterReader, EventSink } from './ports.ts'

/**
 * The annotation `kinglet.sh/canary: enabled` on a Deployment makes its Canary, changes it with the other annotations, and its
 * removal deletes it; the finalizer then gives everything back. A Canary that a person wrote is never touched.
 */
export interface OptInOptions {
  readonly cluster: Cluster
  readonly cache: ClusterReader
  readonly events: EventSink
  readonly clock: Clock
  /** What was told last of each Deployment with faults, so that it is told once. Owned by the caller, kept between looks. */
  readonly told: Map<string, string>
}

/** A Service that is applied together with its Deployment may come a moment later: nobody is told before. */
const patienceMs = 10_000

/** Looks at the Deployment `namespace/name`; when to look again, where something may still come. Errors: the cluster's. */
export async function reconcileOptIn(key: string, options: OptInOptions): Promise<void | { readonly afterMs: number }> {
  const { cluster, cache, clock } = options
  const [namespace = '', name = ''] = key.split('/')
  const deployment = await cache.find(resources.deployments, { namespace, name })
  if (!deployment || isOurs(deployment) || stringAt(deployment, 'metadata', 'deletionTimestamp') !== undefined) return void options.told.delete(key)
  const annotations = objectAt(deployment, 'metadata', 'annotations')
  const canaries = (await cache.list(resources.canaries, { namespace })).filter((canary) => stringAt(canary, 'spec', 'targetRef', 'name') === name)
  const made = canaries.find((canary) => isMadeFor(canary, deployment))
  const onPods = isOptedIn(annotations) || canaries.length > 0 ? proxyProblems(objectAt(deployment, 'spec', 'template', 'metadata', 'annotations')) : []
  const tell = (problems: readonly Problem[]): void => tellOnce(key, deployment, [...misunderstood(annotations), ...onPods, ...problems], options)
  if (!isOptedIn(annotations)) {
    tell([])
    if (made) await optOut(made, cluster)
    return undefined
  }
  if (canaries.some((canary) => canary !== made) || (made && stringAt(made, 'metadata', 'deletionTimestamp') !== undefined)) return undefined
  const wanted = await design(deployment, annotations, made, cache)
  if (!wanted.ok) {
    const youngMs = clock.now() - Date.parse(stringAt(deployment, 'metadata', 'creationTimestamp') ?? '')
    if (youngMs < patienceMs && wanted.error.every(({ code }) => code === 'ServiceNotFound')) return { afterMs: patienceMs - youngMs }
    tell(wanted.error)
    return undefined
  }
  tell([])
  if (!made) await cluster.create(resources.canaries, wanted.value)
  else if (canonicalJson(made['spec']) !== canonicalJson(wanted.value['spec'])) await cluster.replace(resources.canaries, { ...made, spec: objectAt(wanted.value, 'spec') })
  return undefined
}

/** Ours has the Deployment's name. */
const nameTaken = (name: string, namesake: JsonObject): Problem => ({
  code: 'NameTaken',
  path: `Canary ${name}`,
  message: `it exists already, for ${stringAt(namesake, 'spec', 'targetRef', 'kind') ?? ''} ${stringAt(namesake, 'spec', 'targetRef', 'name') ?? ''}, and the Canary of this Deployment would have its name`,
  remedy: 'Give it another name',
})

/** Events on the Deployment, when they are others than the last time. */
function tellOnce(key: string, deployment: JsonObject, problems: readonly Problem[], { events, told }: OptInOptions): void {
  const messages = problems.map(describeProblem)
  const text = messages.join('\n')
  if (text === (told.get(key) ?? '')) return
  if (text === '') told.delete(key)
  else told.set(key, text)
  for (const message of messages) events.record({ regarding: { ...deployment, apiVersion: 'apps/v1', kind: 'Deployment' }, type: 'Warning', reason: 'Synced', message })
}

const isOurs = (deployment: JsonObject): boolean => objectAt(deployment, 'metadata', 'labels')[canaryNameLabel] !== undefined

/** Made by an annotation of this very Deployment, not by a person. */
function isMadeFor(canary: JsonObject, deployment: JsonObject): boolean {
  const [key, value] = Object.entries(managedByLabel)[0] ?? ['', '']
  const isManaged = objectAt(canary, 'metadata', 'labels')[key] === value
  return isManaged && listAt(canary, 'metadata', 'ownerReferences').some((owner) => stringAt(owner, 'uid') === stringAt(deployment, 'metadata', 'uid'))
}

async function optOut(made: JsonObject, cluster: Cluster): Promise<void> {
  if (stringAt(made, 'metadata', 'deletionTimestamp') !== undefined) return
  const uid = stringAt(made, 'metadata', 'uid')
  await cluster.delete(resources.canaries, { namespace: stringAt(made, 'metadata', 'namespace') ?? '', name: stringAt(made, 'metadata', 'name') ?? '' }, uid === undefined ? {} : { preconditions: { uid } })
}

/** The Canary that the annotations ask for. */
async function design(deployment: JsonObject, annotations: JsonObject, made: JsonObject | undefined, cache: ClusterReader): Promise<Result<JsonObject, readonly Problem[]>> {
  const settings = parseSettings(annotations)
  if (!settings.ok) return settings
  const metadata = objectAt(deployment, 'metadata')
  const namespace = stringAt(metadata, 'namespace') ?? ''
  const name = stringAt(metadata, 'name') ?? ''
  const namesake = made ? undefined : await cache.find(resources.canaries, { namespace, name })
  if (namesake) return err([nameTaken(name, namesake)])
  const service = await findService(deployment, settings.value, made, cache)
  if (!service.ok) return err([service.error])
  const port = findPort(service.value, settings.value)
  if (!port.ok) return err([port.error])
  const scalers = await cache.list(resources.horizontalPodAutoscalers, { namespace })
  const scaler = scalers.find((candidate) => stringAt(candidate, 'spec', 'scaleTargetRef', 'kind') === 'Deployment' && stringAt(candidate, 'spec', 'scaleTargetRef', 'name') === metadata['name'])
  const autoscaler = stringAt(scaler, 'metadata', 'name')
  const identity = { name, namespace, uid: stringAt(metadata, 'uid') ?? '' }
  return ok(buildCanary(identity, settings.value, { service: stringAt(service.value, 'metadata', 'name') ?? '', port: port.value, ...(autoscaler === undefined ? {} : { autoscaler }) }))
}

/** The Service that the annotation names, or the only one that selects the Deployment's pods as its owner wrote it. */
async function findService(deployment: JsonObject, settings: Settings, made: JsonObject | undefined, cache: ClusterReader): Promise<Result<JsonObject, Problem>> {
  const namespace = stringAt(deployment, 'metadata', 'namespace') ?? ''
  const name = stringAt(deployment, 'metadata', 'name') ?? ''
  const services = await cache.list(resources.services, { namespace })
  const wanted = settings.service ?? stringAt(made, 'spec', 'service', 'name')
  const path = `annotation ${settingAnnotations.service}`
  if (wanted !== undefined) {
    const found = services.find((service) => stringAt(service, 'metadata', 'name') === wanted)
    return found ? ok(found) : err({ code: 'ServiceNotFound', path, message: `Service ${wanted}.${namespace} does not exist`, remedy: 'Create it, or correct the name' })
  }
  const labels = objectAt(deployment, 'spec', 'template', 'metadata', 'labels')
  const selecting = services.filter((service) => {
    const selector = Object.entries(selectorOf(service))
    return !isOurs(service) && selector.length > 0 && selector.every(([key, value]) => labels[key] === value)
  })
  const [only, ...others] = selecting
  if (!only) return err({ code: 'ServiceNotFound', path, message: `no Service in namespace ${namespace} selects the pods of Deployment ${name}`, remedy: `Create one, or name it by the annotation ${settingAnnotations.service}` })
  if (others.length > 0) {
    const names = selecting.map((service) => stringAt(service, 'metadata', 'name')).join(', ')
    return err({ code: 'ServiceAmbiguous', path, message: `several Services select the pods of Deployment ${name}: ${names}`, remedy: `Name the one that clients call by the annotation ${settingAnnotations.service}` })
  }
  return ok(only)
}

const selectorOf = (service: JsonObject): Readonly<Record<string, unknown>> => readManagedService(objectAt(service, 'metadata', 'annotations'))?.original.selector ?? objectAt(service, 'spec', 'selector')

/** The port that the annotation names by its number or name, or the Service's only one. */
function findPort(service: JsonObject, { port: wanted }: Settings): Result<number, Problem> {
  const ports = listAt(service, 'spec', 'ports').map((port) => ({ number: numberAt(port, 'port') ?? 0, name: stringAt(port, 'name') }))
  const found = wanted === undefined ? ports : ports.filter(({ number, name }) => String(number) === wanted || name === wanted)
  const [only, ...others] = found
  if (only && others.length === 0) return ok(only.number)
  const title = `Service ${stringAt(service, 'metadata', 'name') ?? ''}`
  const list = ports.map(({ number, name }) => (name === undefined ? `${number}` : `${number} (${name})`)).join(', ')
  const path = `annotation ${settingAnnotations.port}`
  if (wanted !== undefined) return err({ code: 'PortNotFound', path, message: `${title} has no port ${wanted}, it has ${list}`, remedy: 'Name one of its ports' })
  return err({ code: 'PortAmbiguous', path, message: `${title} has ${ports.length} ports: ${list}`, remedy: `Name the one that clients call, by number or name, by the annotation ${settingAnnotations.port}` })
}
