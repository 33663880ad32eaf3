import type { JsonObject } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { bornNamespace } from '../namespaces.ts'
import type { ObjectStore } from '../store.ts'

/** The objects that a Kubernetes cluster has before anybody writes to it. */

const rbac = 'rbac.authorization.k8s.io'
const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const workloads: readonly JsonObject[] = [
  { apiGroups: [''], resources: ['configmaps', 'endpoints', 'events', 'persistentvolumeclaims', 'pods', 'pods/log', 'pods/status', 'serviceaccounts', 'services', 'services/status'], verbs: read },
  { apiGroups: ['apps'], resources: ['*'], verbs: read },
  { apiGroups: ['autoscaling', 'policy', 'networking.k8s.io', 'discovery.k8s.io', 'batch'], resources: ['*'], verbs: read },
]
const edits: readonly JsonObject[] = [
  { apiGroups: [''], resources: ['configmaps', 'events', 'persistentvolumeclaims', 'pods', 'pods/eviction', 'pods/proxy', 'secrets', 'serviceaccounts', 'services', 'services/proxy'], verbs: [...read, ...write] },
  { apiGroups: ['apps', 'autoscaling', 'policy', 'networking.k8s.io', 'batch'], resources: ['*'], verbs: write },
]
const documents = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/']

const clusterRole = (name: string, rules: readonly JsonObject[], selects?: JsonObject): JsonObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRole',
  metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
  ...(selects === undefined ? {} : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: selects }] } }),
  rules,
})

const clusterRoleBinding = (name: string, role: string, groups: readonly string[]): JsonObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: groups.map((group) => ({ apiGroup: rbac, kind: 'Group', name: group })),
})

const review = (resource: string): JsonObject => ({ apiGroups: ['authorization.k8s.io'], resources: [resource], verbs: ['create'] })

const objects: readonly (readonly [ResourceName, JsonObject])[] = [
  ...['kube-system', 'kube-public', 'kube-node-lease', 'default'].map((name): readonly [ResourceName, JsonObject] => ['/namespaces', bornNamespace({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })]),
  ...[
    clusterRole('cluster-admin', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] }]),
    clusterRole('view', workloads, { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }),
    clusterRole('edit', [...workloads, ...edits], { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' }),
    clusterRole('admin', [...workloads, ...edits, { apiGroups: [rbac], resources: ['roles', 'rolebindings'], verbs: [...read, ...write] }], { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' }),
    clusterRole('system:discovery', [{ nonResourceURLs: documents, verbs: ['get'] }]),
    clusterRole('system:public-info-viewer', [{ nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'], verbs: ['get'] }]),
    clusterRole('system:basic-user', [review('selfsubjectaccessreviews'), review('selfsubjectrulesreviews')]),
    clusterRole('system:auth-delegator', [review('subjectaccessreviews'), { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }]),
  ].map((role): readonly [ResourceName, JsonObject] => [`${rbac}/clusterroles`, role]),
  ...[
    clusterRoleBinding('cluster-admin', 'cluster-admin', ['system:masters']),
    clusterRoleBinding('system:discovery', 'system:discovery', ['system:authenticated']),
    clusterRoleBinding('system:basic-user', 'system:basic-user', ['system:authenticated']),
    clusterRoleBinding('system:public-info-viewer', 'system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
  ].map((binding): readonly [ResourceName, JsonObject] => [`${rbac}/clusterrolebindings`, binding]),
]

export function bootstrap(store: ObjectStore): void {
  for (const [resource, object] of objects) store.create(resource, object)
}

/** Service `kubernetes` in `default`, so that pods find the API server by its name. */
export function publishApiServer(store: ObjectStore, { serviceIp, host, port }: { readonly serviceIp: string; readonly host: string; readonly port: number }): void {
  const metadata = { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } }
  const addresses = { clusterIP: serviceIp, clusterIPs: [serviceIp], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }]
  const spec = { ...addresses, internalTrafficPolicy: 'Cluster', ports, sessionAffinity: 'None', type: 'ClusterIP' }
  store.create('/services', { apiVersion: 'v1', kind: 'Service', metadata, spec, status: { loadBalancer: {} } })
  store.create('discovery.k8s.io/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [host], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  })
}
