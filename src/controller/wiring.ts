import { canaryNameLabel, primaryName } from '../api/keys.ts'
import { readManagedService } from '../api/managed-service.ts'
import { isOptedIn } from '../api/settings.ts'
import { canonicalJson, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import type { Queue } from '../kube/queue.ts'
import type { Caches } from './caches.ts'

/** What changed → who must be looked at. Rather one look too many: a look at what has not changed writes nothing. */
export function wireEvents({ reflectors }: Caches, canaries: Queue, optIns: Queue): void {
  const inNamespace = (namespace: string): readonly JsonObject[] => reflectors.canaries.list(namespace)
  const addWhere = (namespace: string, test: (canary: JsonObject) => boolean): void => {
    for (const canary of inNamespace(namespace)) if (test(canary)) canaries.add(keyOf(canary))
  }
  const targetOf = (canary: JsonObject): string => stringAt(canary, 'spec', 'targetRef', 'name') ?? ''

  /** Somebody else's object may concern any Canary of its namespace. */
  const lookAround = (namespace: string): void => {
    addWhere(namespace, () => true)
    for (const deployment of reflectors.deployments.list(namespace)) if (isOptedIn(objectAt(deployment, 'metadata', 'annotations'))) optIns.add(keyOf(deployment))
  }

  reflectors.canaries.subscribe(({ object, type }) => {
    const namespace = namespaceOf(object)
    canaries.add(keyOf(object))
    // Of the Deployment that it is for, and of one that waits for its name.
    optIns.add(`${namespace}/${targetOf(object)}`)
    optIns.add(keyOf(object))
    // A rival that leaves makes room for the other.
    if (type === 'deleted') addWhere(namespace, (canary) => targetOf(canary) === targetOf(object))
  })
  reflectors.deployments.subscribe(({ object }) => {
    const name = nameOf(object)
    const owner = stringAt(object, 'metadata', 'labels', canaryNameLabel)
    if (owner === undefined) optIns.add(keyOf(object))
    addWhere(namespaceOf(object), (canary) => targetOf(canary) === name || `${targetOf(canary)}-primary` === name)
  })
  reflectors.pods.subscribe(({ object }) => {
    const name = nameOf(object)
    addWhere(namespaceOf(object), (canary) => name.startsWith(`${targetOf(canary)}-`))
  })
  reflectors.endpointSlices.subscribe(({ object }) => {
    const service = stringAt(object, 'metadata', 'labels', 'kubernetes.io/service-name')
    addWhere(namespaceOf(object), (canary) => (stringAt(canary, 'spec', 'service', 'name') ?? targetOf(canary)) === service)
  })
  reflectors.configMaps.subscribe(({ object }) => {
    const key = `configmap/${nameOf(object)}`
    addWhere(namespaceOf(object), (canary) => objectAt(canary, 'status', 'trackedConfigs')[key] !== undefined || isStalled(canary))
  })
  reflectors.services.subscribe(({ object }) => {
    const owner = ownerOf(object)
    if (owner !== undefined) canaries.add(`${namespaceOf(object)}/${owner}`)
    else lookAround(namespaceOf(object))
  })
  reflectors.horizontalPodAutoscalers.subscribe((change) => {
    const { object } = change
    // Its status changes every fifteen seconds, and says nothing to us.
    if (change.type === 'updated' && canonicalJson(object['spec']) === canonicalJson(change.previous['spec'])) return
    const namespace = namespaceOf(object)
    addWhere(namespace, (canary) => [nameOf(object), scaledBy(object)].some((name) => name === stringAt(canary, 'spec', 'autoscalerRef', 'name') || name === primaryName(stringAt(canary, 'spec', 'autoscalerRef', 'name') ?? '') || name === targetOf(canary)))
    if (reflectors.deployments.get(namespace, scaledBy(object))) optIns.add(`${namespace}/${scaledBy(object)}`)
  })
}

/** The Deployment that an autoscaler scales, by its name. */
const scaledBy = (scaler: JsonObject): string => stringAt(scaler, 'spec', 'scaleTargetRef', 'name') ?? ''

/** The Canary that made a Service, or manages it. */
const ownerOf = (service: JsonObject): string | undefined => stringAt(service, 'metadata', 'labels', canaryNameLabel) ?? readManagedService(objectAt(service, 'metadata', 'annotations'))?.canary

/** It waits for somebody to mend something, perhaps this. */
const isStalled = (canary: JsonObject): boolean => JSON.stringify(canary['status'] ?? null).includes('ConfigNotFound')

const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''
const namespaceOf = (object: JsonObject): string => stringAt(object, 'metadata', 'namespace') ?? ''
const keyOf = (object: JsonObject): string => `${namespaceOf(object)}/${nameOf(object)}`
