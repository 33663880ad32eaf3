import { resources, type Resource } from '../../../src/api/resources.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, type JsonObject } from '../../../src/base/json.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'

/** Questions about objects of one namespace, as a person would ask them with kubectl. */

export const get = (resource: Resource, namespace: string, name: string): Promise<JsonObject | undefined> => cluster().find(resource, { namespace, name })

export async function getDeployment(namespace: string, name: string): Promise<JsonObject> {
  return cluster().get(resources.deployments, { namespace, name })
}

export const specReplicas = (deployment: JsonObject): number => numberAt(deployment, 'spec', 'replicas') ?? 1
export const availableReplicas = (deployment: JsonObject): number => numberAt(deployment, 'status', 'availableReplicas') ?? 0

/** Resolves when the Deployment's rollout is over and all of its pods are available. */
export async function rolledOut(namespace: string, name: string): Promise<void> {
  await eventually(`Deployment ${namespace}/${name} is rolled out`, async () => {
    const found = await getDeployment(namespace, name)
    const wanted = specReplicas(found)
    return (
      (numberAt(found, 'status', 'observedGeneration') ?? 0) >= (numberAt(found, 'metadata', 'generation') ?? 1) &&
      (numberAt(found, 'status', 'updatedReplicas') ?? 0) === wanted &&
      (numberAt(found, 'status', 'replicas') ?? 0) === wanted &&
      availableReplicas(found) === wanted
    )
  })
}

/** Pods with these labels that are not on their way out. */
export async function podsOf(namespace: string, labelSelector: string): Promise<readonly JsonObject[]> {
  const pods = await cluster().list(resources.pods, { namespace, labelSelector })
  return pods.filter((pod) => stringAt(pod, 'metadata', 'deletionTimestamp') === undefined)
}

export const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''
export const uidOf = (object: JsonObject): string => stringAt(object, 'metadata', 'uid') ?? ''

export interface SeenEvent {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly component: string
  readonly kind: string
  readonly count: number
}

/** Events about the object of this name, oldest first. */
export async function eventsOf(namespace: string, name: string): Promise<readonly SeenEvent[]> {
  const events = await cluster().list(resources.events, { namespace, fieldSelector: `involvedObject.name=${name}` })
  return events
    .toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
    .map((event) => ({
      type: stringAt(event, 'type') ?? '',
      reason: stringAt(event, 'reason') ?? '',
      message: stringAt(event, 'message') ?? '',
      component: stringAt(event, 'source', 'component') ?? '',
      kind: stringAt(event, 'involvedObject', 'kind') ?? '',
      count: numberAt(event, 'count') ?? 1,
    }))
}

const timeOf = (event: JsonObject): string => stringAt(event, 'eventTime') ?? stringAt(event, 'firstTimestamp') ?? stringAt(event, 'metadata', 'creationTimestamp') ?? ''

/** Resolves with the first event whose message fits; fails with all messages that there are. */
export async function eventWith(namespace: string, name: string, message: RegExp, withinMs = 30_000): Promise<SeenEvent> {
  return eventually(`an event of ${namespace}/${name} like ${String(message)}`, async () => {
    const events = await eventsOf(namespace, name)
    const found = events.find((event) => message.test(event.message))
    if (found) return found
    throw new Error(`events: ${events.map((event) => event.message).join(' | ') || 'none'}`)
  }, withinMs)
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

export const conditionsOf = (object: JsonObject | undefined): readonly Condition[] =>
  listAt(object, 'status', 'conditions')
    .filter(isObject)
    .map((condition) => ({
      type: stringAt(condition, 'type') ?? '',
      status: stringAt(condition, 'status') ?? '',
      reason: stringAt(condition, 'reason') ?? '',
      message: stringAt(condition, 'message') ?? '',
    }))

/** Resolves with the first condition of the Canary whose message fits. */
export async function conditionWith(namespace: string, name: string, message: RegExp, withinMs = 30_000): Promise<Condition> {
  return eventually(`a condition of Canary ${namespace}/${name} like ${String(message)}`, async () => {
    const conditions = conditionsOf(await get(resources.canaries, namespace, name))
    const found = conditions.find((condition) => message.test(condition.message))
    if (found) return found
    throw new Error(`conditions: ${conditions.map((condition) => `${condition.type}=${condition.status} ${condition.message}`).join(' | ') || 'none'}`)
  }, withinMs)
}

export const selectorOf = (service: JsonObject | undefined): JsonObject => objectAt(service, 'spec', 'selector')
export const targetPortOf = (service: JsonObject | undefined): unknown => objectAt({ first: listAt(service, 'spec', 'ports')[0] }, 'first')['targetPort']

/** Merge patch by a person. */
export const patch = (resource: Resource, namespace: string, name: string, body: JsonObject, subresource?: 'scale' | 'status'): Promise<JsonObject> =>
  cluster().patch(resource, { namespace, name }, { type: 'merge', body }, subresource === undefined ? {} : { subresource })

export const annotate = (resource: Resource, namespace: string, name: string, annotations: Readonly<Record<string, string | null>>): Promise<JsonObject> =>
  patch(resource, namespace, name, { metadata: { annotations } })
