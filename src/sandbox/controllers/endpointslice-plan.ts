import { canonicalJson, listAt, numberAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../../base/json.ts'
import { isReadyPod } from './replicaset-plan.ts'

/**
 * The EndpointSlices of a Service, pure. Pods are grouped by what the Service's ports mean in them: a named targetPort may be another
 * number in each pod. Kubernetes, staging/src/k8s.io/endpointslice.
 */

export const serviceNameLabel = 'kubernetes.io/service-name'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const manager = 'endpointslice-controller.k8s.io'
/** As the real controller's --max-endpoints-per-slice. */
const maxEndpoints = 100

export interface SlicePlan {
  readonly create: readonly JsonObject[]
  readonly update: readonly JsonObject[]
  readonly delete: readonly string[]
}

interface SliceContent {
  readonly ports: readonly JsonObject[]
  readonly endpoints: readonly JsonObject[]
}

/** Changes that make `existing` (all slices labelled with the Service's name) what it should be. */
export function planSlices(service: JsonObject, pods: readonly JsonObject[], existing: readonly JsonObject[]): SlicePlan {
  const own = existing.filter((slice) => stringAt(slice, 'metadata', 'labels', managedByLabel) === manager)
  const spare = new Set(own)
  const create: JsonObject[] = []
  const update: JsonObject[] = []
  const metadata = sliceMetadata(service)
  const contents = sliceContents(service, pods)
  // A slice keeps its ports where it can, so that a rollout changes few of them.
  for (const content of contents.toSorted((a, b) => Number(hasSamePorts(spare, b)) - Number(hasSamePorts(spare, a)))) {
    const slice = [...spare].find((candidate) => canonicalJson(candidate['ports'] ?? []) === canonicalJson(content.ports)) ?? spare.values().next().value
    if (slice) {
      spare.delete(slice)
      const wanted = { ...slice, ...content, metadata: { ...objectAt(slice, 'metadata'), labels: metadata.labels } }
      if (canonicalJson(wanted) !== canonicalJson(slice)) update.push(wanted)
    } else create.push({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType: 'IPv4', ...content })
  }
  return { create, update, delete: [...spare].map((slice) => stringAt(slice, 'metadata', 'name') ?? '') }
}

const hasSamePorts = (slices: ReadonlySet<JsonObject>, content: SliceContent): boolean =>
  [...slices].some((slice) => canonicalJson(slice['ports'] ?? []) === canonicalJson(content.ports))

/** What the slices say: at least one, without endpoints if no pod is there. */
function sliceContents(service: JsonObject, pods: readonly JsonObject[]): readonly SliceContent[] {
  const publishesAll = valueAt(service, 'spec', 'publishNotReadyAddresses') === true
  const groups = new Map<string, { readonly ports: readonly JsonObject[]; readonly endpoints: JsonObject[] }>()
  for (const pod of pods.filter(hasEndpoint).toSorted(byName)) {
    const ports = portsOf(service, pod)
    if (ports.length === 0 && listAt(service, 'spec', 'ports').length > 0) continue
    const key = canonicalJson(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(buildEndpoint(pod, publishesAll))
  }
  if (groups.size === 0) return [{ ports: [], endpoints: [] }]
  return [...groups.values()].flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / maxEndpoints) }, (_, index) => ({ ports, endpoints: endpoints.slice(index * maxEndpoints, (index + 1) * maxEndpoints) })),
  )
}

const hasEndpoint = (pod: JsonObject): boolean =>
  stringAt(pod, 'status', 'podIP') !== undefined && !['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? '')

const byName = (a: JsonObject, b: JsonObject): number => ((stringAt(a, 'metadata', 'name') ?? '') < (stringAt(b, 'metadata', 'name') ?? '') ? -1 : 1)

/** The Service's ports as numbers in this pod; a port whose name the pod does not have is left out. */
export function portsOf(service: JsonObject, pod: JsonObject): readonly JsonObject[] {
  return listAt(service, 'spec', 'ports').flatMap((port) => {
    const number = targetNumber(port, pod)
    if (number === undefined) return []
    const appProtocol = stringAt(port, 'appProtocol')
    const resolved: JsonObject = {
      name: stringAt(port, 'name') ?? '',
      port: number,
      protocol: stringAt(port, 'protocol') ?? 'TCP',
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }
    return [resolved]
  })
}

/** Regular containers are searched before restartable init containers, the others never run beside the app (since Kubernetes 1.33). */
function targetNumber(port: Json, pod: JsonObject): number | undefined {
  const target = valueAt(port, 'targetPort') ?? valueAt(port, 'port')
  if (typeof target === 'number') return target
  if (typeof target !== 'string') return undefined
  if (/^\d+$/.test(target)) return Number(target)
  const protocol = stringAt(port, 'protocol') ?? 'TCP'
  const sidecars = listAt(pod, 'spec', 'initContainers').filter((container) => stringAt(container, 'restartPolicy') === 'Always')
  const ports = [...listAt(pod, 'spec', 'containers'), ...sidecars].flatMap((container) => listAt(container, 'ports'))
  const named = ports.find((candidate) => stringAt(candidate, 'name') === target && (stringAt(candidate, 'protocol') ?? 'TCP') === protocol)
  return numberAt(named, 'containerPort')
}

function buildEndpoint(pod: JsonObject, publishesAll: boolean): JsonObject {
  const isTerminating = stringAt(pod, 'metadata', 'deletionTimestamp') !== undefined
  const isServing = publishesAll || isReadyPod(pod)
  const hostname = stringAt(pod, 'spec', 'hostname')
  return {
    addresses: [stringAt(pod, 'status', 'podIP') ?? ''],
    conditions: { ready: isServing && (publishesAll || !isTerminating), serving: isServing, terminating: isTerminating },
    ...(hostname === undefined ? {} : { hostname }),
    nodeName: stringAt(pod, 'spec', 'nodeName') ?? '',
    targetRef: {
      kind: 'Pod',
      namespace: stringAt(pod, 'metadata', 'namespace') ?? '',
      name: stringAt(pod, 'metadata', 'name') ?? '',
      uid: stringAt(pod, 'metadata', 'uid') ?? '',
    },
  }
}

function sliceMetadata(service: JsonObject): JsonObject & { readonly labels: JsonObject } {
  const name = stringAt(service, 'metadata', 'name') ?? ''
  const isHeadless = stringAt(service, 'spec', 'clusterIP') === 'None'
  return {
    generateName: `${name}-`,
    namespace: stringAt(service, 'metadata', 'namespace'),
    labels: {
      ...objectAt(service, 'metadata', 'labels'),
      [serviceNameLabel]: name,
      [managedByLabel]: manager,
      ...(isHeadless ? { 'service.kubernetes.io/headless': '' } : {}),
    },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid: stringAt(service, 'metadata', 'uid'), controller: true, blockOwnerDeletion: true }],
  }
}
