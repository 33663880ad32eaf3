import { addressOf, apiVersionOf, resourceOf, resources, type Address, type Resource } from '../api/resources.ts'
import { injectLabel } from '../api/keys.ts'
import { AppError } from '../base/errors.ts'
import { listAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { KubeError } from '../kube/errors.ts'
import { hasSidecar } from '../injection/inject.ts'
import type { Action } from '../rollout/converge.ts'
import type { Observed } from '../rollout/observe.ts'
import { plan, type Write } from '../rollout/plan.ts'
import type { Installation, World } from '../rollout/world.ts'
import type { Cluster } from './ports.ts'

/**
 * Does the actions in order. Each is built from the world as the writes before have left it, so that two of them may
 * change one object. What it gives is what the cluster did not let happen now. Errors: the cluster's; what was done stays done, and the next
 * look finds the rest.
 */
export async function applyActions(actions: readonly Action[], world: World, observed: Observed, installation: Installation, cluster: Cluster): Promise<readonly Refusal[]> {
  let current = world
  const refusals: Refusal[] = []
  for (const action of actions) {
    for (const write of plan(action, current, observed, installation)) {
      if (write.verb === 'evict-pods') {
        refusals.push(...(await evictPods(cluster, write.pods)))
        continue
      }
      const written = await perform(write, cluster)
      if (written) current = withWritten(current, written)
    }
  }
  return refusals
}

/** A pod that may not go now, and what the API server says of it. */
export interface Refusal {
  readonly pod: string
  readonly message: string
}

/** One call. What is deleted already is deleted. */
async function perform(write: Exclude<Write, { readonly verb: 'evict-pods' }>, cluster: Cluster): Promise<JsonObject | undefined> {
  switch (write.verb) {
    case 'create':
      return typed(write.resource, await cluster.create(write.resource, write.object))
    case 'replace':
      return typed(write.resource, await cluster.replace(write.resource, write.object))
    case 'patch':
      return typed(write.resource, await cluster.patch(write.resource, write.at, { type: 'merge', body: write.body }))
    case 'delete':
      await remove(cluster, write.resource, write.at, write.uid)
      return undefined
    case 'replace-pods':
      await replacePods(cluster, write.pods)
      return undefined
  }
}

/** An answer always says what it is, also where the API server leaves it to the path. */
const typed = (resource: Resource, object: JsonObject): JsonObject => ({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object })

async function remove(cluster: Cluster, resource: Resource, at: Address, uid: string | undefined): Promise<void> {
  try {
    await cluster.delete(resource, at, { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error
  }
}

/** Pods without a sidecar come back with one, if the webhook answers: a dry run tells. Otherwise they stay, for the next look. */
async function replacePods(cluster: Cluster, pods: readonly JsonObject[]): Promise<void> {
  const [sample] = pods
  if (!sample || !(await isInjectionAlive(cluster, sample))) return
  for (const pod of pods) await remove(cluster, resources.pods, addressOf(pod), stringAt(pod, 'metadata', 'uid'))
}

/** The same for pods that serve; those that a PodDisruptionBudget keeps stay for the next look. */
async function evictPods(cluster: Cluster, pods: readonly JsonObject[]): Promise<readonly Refusal[]> {
  const [sample] = pods
  if (!sample || !(await isInjectionAlive(cluster, sample))) return []
  const refusals: Refusal[] = []
  for (const pod of pods) {
    const uid = stringAt(pod, 'metadata', 'uid')
    try {
      await cluster.evict(addressOf(pod), uid === undefined ? {} : { uid })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      // INTERNAL is the API server's answer where several budgets select the pod.
      if (error.code === 'TOO_MANY_REQUESTS' || error.code === 'INTERNAL') refusals.push({ pod: addressOf(pod).name, message: whyRefused(error) })
      // Gone already, and perhaps another of its name is there.
      else if (error.code !== 'NOT_FOUND' && error.code !== 'CONFLICT') throw error
    }
  }
  return refusals
}

/** With the causes, which name the budget. */
function whyRefused(error: AppError): string {
  const causes = error instanceof KubeError ? listAt(error.details, 'causes').flatMap((cause) => stringAt(cause, 'message') ?? []) : []
  return [error.message, ...causes].map((sentence) => (sentence.endsWith('.') ? sentence : `${sentence}.`)).join(' ')
}

async function isInjectionAlive(cluster: Cluster, sample: JsonObject): Promise<boolean> {
  const live = await cluster.find(resources.pods, addressOf(sample))
  if (!live) return false
  const metadata = objectAt(live, 'metadata')
  const { nodeName: _bound, ...spec } = objectAt(live, 'spec')
  const probe: JsonObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'kinglet-dry-run-',
      name: `kinglet-dry-run-${stringAt(metadata, 'uid')?.slice(0, 8) ?? 'x'}`,
      namespace: stringAt(metadata, 'namespace'),
      // Without its own labels: no Service may take it for one of its pods, not even in a dry run.
      labels: { [injectLabel]: 'true' },
      annotations: objectAt(metadata, 'annotations'),
    },
    spec,
  }
  const answer = await cluster.create(resources.pods, probe, { dryRun: true })
  return hasSidecar(objectAt(answer, 'spec'))
}

/** The world with a written object in the place of the one that was read. */
function withWritten(world: World, written: JsonObject): World {
  const name = stringAt(written, 'metadata', 'name')
  const isSame = (object: JsonObject | undefined): boolean => object !== undefined && stringAt(object, 'metadata', 'name') === name
  switch (resourceOf(written)?.plural) {
    case 'canaries':
      return { ...world, canary: written }
    case 'deployments':
      return isSame(world.target) ? { ...world, target: written } : { ...world, primary: written }
    case 'services':
      return { ...world, services: [...world.services.filter((service) => !isSame(service)), written] }
    case 'horizontalpodautoscalers':
      return { ...world, primaryScaler: written }
    default:
      return world
  }
}

/** The body of a status write: the whole object with its resourceVersion, so that a newer one refuses it. Fields that Flagger knows and we don't stay. */
export function withStatus(canary: JsonObject, status: JsonObject): JsonObject {
  const { analysis: _old, ...others } = objectAt(canary, 'status')
  return { ...canary, status: { ...others, ...status } }
}
