import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt, valueAt } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { nameOf } from '../object-meta.ts'
import { formatLabelSelector } from '../selectors.ts'
import { ageSince } from './age.ts'
import type { Cell, Column } from './column.ts'
import { podColumns } from './pod-columns.ts'

/** The columns of `kubectl get` for Kubernetes' own resources, as the API server prints them. */

const text = (name: string, cell: (object: JsonObject, now: Date) => Cell): Column => ({ name, type: 'string', cell })
const integer = (name: string, cell: (object: JsonObject) => number): Column => ({ name, type: 'integer', cell })
const wide = (name: string, cell: (object: JsonObject, now: Date) => Cell): Column => ({ name, type: 'string', priority: 1, cell })

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', cell: nameOf }
export const ageColumn: Column = text('Age', (object, now) => ageSince(stringAt(object, 'metadata', 'creationTimestamp'), now))
export const createdColumn: Column = { name: 'Created At', type: 'date', cell: (object) => stringAt(object, 'metadata', 'creationTimestamp') ?? null }

const containersOf = (object: JsonObject): readonly unknown[] => listAt(object, 'spec', 'template', 'spec', 'containers')
const workloadDetails: readonly Column[] = [
  wide('Containers', (object) => containersOf(object).map((container) => stringAt(container, 'name') ?? '').join(',')),
  wide('Images', (object) => containersOf(object).map((container) => stringAt(container, 'image') ?? '').join(',')),
  wide('Selector', (object) => formatLabelSelector(valueAt(object, 'spec', 'selector'))),
]

const status = (field: string) => (object: JsonObject): number => numberAt(object, 'status', field) ?? 0
const keyCount = (...fields: readonly string[]) => (object: JsonObject): number => fields.reduce((sum, field) => sum + Object.keys(objectAt(object, field)).length, 0)

function servicePorts(object: JsonObject): string {
  const ports = listAt(object, 'spec', 'ports').map((port) => {
    const nodePort = numberAt(port, 'nodePort')
    return `${numberAt(port, 'port') ?? 0}${nodePort === undefined || nodePort === 0 ? '' : `:${nodePort}`}/${stringAt(port, 'protocol') ?? 'TCP'}`
  })
  return ports.length === 0 ? '<none>' : ports.join(',')
}

function externalIp(object: JsonObject): string {
  const type = stringAt(object, 'spec', 'type')
  if (type === 'ExternalName') return stringAt(object, 'spec', 'externalName') ?? '<none>'
  const external = listAt(object, 'spec', 'externalIPs')
  const ingress = listAt(object, 'status', 'loadBalancer', 'ingress').map((one) => stringAt(one, 'ip') ?? stringAt(one, 'hostname') ?? '')
  const all = [...external, ...ingress].map(String)
  if (all.length > 0) return all.join(',')
  return type === 'LoadBalancer' ? '<pending>' : '<none>'
}

const shorten = (items: readonly string[], most: number): string =>
  items.length === 0 ? '<none>' : items.length > most ? `${items.slice(0, most).join(',')} + ${items.length - most} more...` : items.join(',')

const sliceAddresses = (object: JsonObject): string => shorten(listAt(object, 'endpoints').flatMap((endpoint) => listAt(endpoint, 'addresses').map(String)), 3)
const slicePorts = (object: JsonObject): string => shorten(listAt(object, 'ports').map((port) => String(numberAt(port, 'port') ?? '*')), 3)

function nodeStatus(object: JsonObject): string {
  const ready = listAt(object, 'status', 'conditions').find((condition) => stringAt(condition, 'type') === 'Ready')
  const state = ready === undefined ? 'Unknown' : stringAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady'
  return valueAt(object, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state
}

function nodeRoles(object: JsonObject): string {
  const prefix = 'node-role.kubernetes.io/'
  const roles = Object.keys(objectAt(object, 'metadata', 'labels')).filter((label) => label.startsWith(prefix)).map((label) => label.slice(prefix.length))
  return roles.length === 0 ? '<none>' : roles.toSorted().join(',')
}

const nodeAddress = (type: string) => (object: JsonObject): string => stringAt(listAt(object, 'status', 'addresses').find((address) => stringAt(address, 'type') === type), 'address') ?? '<none>'

function lastSeen(object: JsonObject, now: Date): string {
  const series = stringAt(object, 'series', 'lastObservedTime')
  return ageSince(series ?? stringAt(object, 'lastTimestamp') ?? stringAt(object, 'eventTime') ?? stringAt(object, 'firstTimestamp'), now)
}

const involvedName = (object: JsonObject): string => `${(stringAt(object, 'involvedObject', 'kind') ?? '').toLowerCase()}/${stringAt(object, 'involvedObject', 'name') ?? ''}`

/** E.g. `cpu: 10%/80%`, with `<unknown>` where nothing measures. */
function scalerTargets(object: JsonObject): string {
  const metrics = listAt(object, 'spec', 'metrics').map((metric) => {
    const resource = objectAt(metric, 'resource')
    const target = objectAt(resource, 'target')
    const wanted = numberAt(target, 'averageUtilization')
    return `${stringAt(resource, 'name') ?? 'metric'}: <unknown>/${wanted === undefined ? (stringAt(target, 'averageValue') ?? '?') : `${wanted}%`}`
  })
  return metrics.length === 0 ? '<none>' : metrics.join(', ')
}

const scalerReference = (object: JsonObject): string => `${stringAt(object, 'spec', 'scaleTargetRef', 'kind') ?? ''}/${stringAt(object, 'spec', 'scaleTargetRef', 'name') ?? ''}`

const intOrString = (object: JsonObject, ...path: readonly string[]): string => {
  const value = valueAt(object, ...path)
  return typeof value === 'number' || typeof value === 'string' ? String(value) : 'N/A'
}

const role = (object: JsonObject): string => `${stringAt(object, 'roleRef', 'kind') ?? ''}/${stringAt(object, 'roleRef', 'name') ?? ''}`
const webhookCount = integer('Webhooks', (object) => listAt(object, 'webhooks').length)
const hosts = (object: JsonObject): string => {
  const named = listAt(object, 'spec', 'rules').map((rule) => stringAt(rule, 'host') ?? '').filter((host) => host !== '')
  return named.length === 0 ? '*' : named.join(',')
}

const columns: Readonly<Record<ResourceName, readonly Column[]>> = {
  '/pods': podColumns,
  '/namespaces': [nameColumn, text('Status', (object) => stringAt(object, 'status', 'phase') ?? ''), ageColumn],
  '/services': [
    nameColumn,
    text('Type', (object) => stringAt(object, 'spec', 'type') ?? ''),
    text('Cluster-IP', (object) => stringAt(object, 'spec', 'clusterIP') ?? '<none>'),
    text('External-IP', externalIp),
    text('Port(s)', servicePorts),
    ageColumn,
    wide('Selector', (object) => {
      const pairs = Object.entries(objectAt(object, 'spec', 'selector')).map(([key, value]) => `${key}=${typeof value === 'string' ? value : ''}`)
      return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',')
    }),
  ],
  '/configmaps': [nameColumn, integer('Data', keyCount('data', 'binaryData')), ageColumn],
  '/secrets': [nameColumn, text('Type', (object) => stringAt(object, 'type') ?? ''), integer('Data', keyCount('data')), ageColumn],
  '/serviceaccounts': [nameColumn, integer('Secrets', (object) => listAt(object, 'secrets').length), ageColumn],
  '/events': [
    text('Last Seen', lastSeen),
    text('Type', (object) => stringAt(object, 'type') ?? ''),
    text('Reason', (object) => stringAt(object, 'reason') ?? ''),
    text('Object', involvedName),
    wide('Subobject', (object) => stringAt(object, 'involvedObject', 'fieldPath') ?? ''),
    wide('Source', (object) => [stringAt(object, 'source', 'component'), stringAt(object, 'source', 'host')].filter((part) => part !== undefined).join(', ')),
    text('Message', (object) => (stringAt(object, 'message') ?? '').trim()),
    wide('First Seen', (object, now) => ageSince(stringAt(object, 'firstTimestamp') ?? stringAt(object, 'eventTime'), now)),
    { name: 'Count', type: 'integer', priority: 1, cell: (object) => numberAt(object, 'count') ?? 1 },
    { ...nameColumn, priority: 1 },
  ],
  '/nodes': [
    nameColumn,
    text('Status', nodeStatus),
    text('Roles', nodeRoles),
    ageColumn,
    text('Version', (object) => stringAt(object, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
    wide('Internal-IP', nodeAddress('InternalIP')),
    wide('External-IP', nodeAddress('ExternalIP')),
    wide('OS-Image', (object) => stringAt(object, 'status', 'nodeInfo', 'osImage') ?? '<unknown>'),
    wide('Kernel-Version', (object) => stringAt(object, 'status', 'nodeInfo', 'kernelVersion') ?? '<unknown>'),
    wide('Container-Runtime', (object) => stringAt(object, 'status', 'nodeInfo', 'containerRuntimeVersion') ?? '<unknown>'),
  ],
  'apps/deployments': [
    nameColumn,
    text('Ready', (object) => `${status('readyReplicas')(object)}/${numberAt(object, 'spec', 'replicas') ?? 0}`),
    integer('Up-to-date', status('updatedReplicas')),
    integer('Available', status('availableReplicas')),
    ageColumn,
    ...workloadDetails,
  ],
  'apps/replicasets': [
    nameColumn,
    integer('Desired', (object) => numberAt(object, 'spec', 'replicas') ?? 0),
    integer('Current', status('replicas')),
    integer('Ready', status('readyReplicas')),
    ageColumn,
    ...workloadDetails,
  ],
  'discovery.k8s.io/endpointslices': [nameColumn, text('AddressType', (object) => stringAt(object, 'addressType') ?? ''), text('Ports', slicePorts), text('Endpoints', sliceAddresses), ageColumn],
  'coordination.k8s.io/leases': [nameColumn, text('Holder', (object) => stringAt(object, 'spec', 'holderIdentity') ?? ''), ageColumn],
  'apiextensions.k8s.io/customresourcedefinitions': [nameColumn, createdColumn],
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': [nameColumn, webhookCount, ageColumn],
  'admissionregistration.k8s.io/validatingwebhookconfigurations': [nameColumn, webhookCount, ageColumn],
  'rbac.authorization.k8s.io/roles': [nameColumn, createdColumn],
  'rbac.authorization.k8s.io/clusterroles': [nameColumn, createdColumn],
  'rbac.authorization.k8s.io/rolebindings': [nameColumn, text('Role', role), ageColumn],
  'rbac.authorization.k8s.io/clusterrolebindings': [nameColumn, text('Role', role), ageColumn],
  'autoscaling/horizontalpodautoscalers': [
    nameColumn,
    text('Reference', scalerReference),
    text('Targets', scalerTargets),
    text('MinPods', (object) => String(numberAt(object, 'spec', 'minReplicas') ?? '<unset>')),
    integer('MaxPods', (object) => numberAt(object, 'spec', 'maxReplicas') ?? 0),
    integer('Replicas', status('currentReplicas')),
    ageColumn,
  ],
  'policy/poddisruptionbudgets': [
    nameColumn,
    text('Min Available', (object) => intOrString(object, 'spec', 'minAvailable')),
    text('Max Unavailable', (object) => intOrString(object, 'spec', 'maxUnavailable')),
    integer('Allowed Disruptions', status('disruptionsAllowed')),
    ageColumn,
  ],
  'networking.k8s.io/ingresses': [
    nameColumn,
    text('Class', (object) => stringAt(object, 'spec', 'ingressClassName') ?? '<none>'),
    text('Hosts', hosts),
    text('Address', (object) => listAt(object, 'status', 'loadBalancer', 'ingress').map((one) => stringAt(one, 'ip') ?? stringAt(one, 'hostname') ?? '').join(',')),
    text('Ports', (object) => (listAt(object, 'spec', 'tls').some(isObject) ? '80, 443' : '80')),
    ageColumn,
  ],
  'networking.k8s.io/networkpolicies': [nameColumn, text('Pod-Selector', (object) => formatLabelSelector(valueAt(object, 'spec', 'podSelector')) || '<none>'), ageColumn],
}

export const builtInColumns = (storage: ResourceName): readonly Column[] => columns[storage] ?? [nameColumn, ageColumn]
