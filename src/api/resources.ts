import { stringAt, type JsonObject } from '../base/json.ts'

/** One kind of object as the API server names it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

const named = (group: string, version: string, plural: string, kind: string, namespaced = true): Resource => ({ group, version, plural, kind, namespaced })

/** The resources that Kinglet itself reads and writes. */
export const resources = {
  canaries: named('flagger.app', 'v1beta1', 'canaries', 'Canary'),
  metricTemplates: named('flagger.app', 'v1beta1', 'metrictemplates', 'MetricTemplate'),
  alertProviders: named('flagger.app', 'v1beta1', 'alertproviders', 'AlertProvider'),
  deployments: named('apps', 'v1', 'deployments', 'Deployment'),
  replicaSets: named('apps', 'v1', 'replicasets', 'ReplicaSet'),
  daemonSets: named('apps', 'v1', 'daemonsets', 'DaemonSet'),
  pods: named('', 'v1', 'pods', 'Pod'),
  services: named('', 'v1', 'services', 'Service'),
  endpointSlices: named('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  configMaps: named('', 'v1', 'configmaps', 'ConfigMap'),
  secrets: named('', 'v1', 'secrets', 'Secret'),
  serviceAccounts: named('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  namespaces: named('', 'v1', 'namespaces', 'Namespace', false),
  nodes: named('', 'v1', 'nodes', 'Node', false),
  events: named('', 'v1', 'events', 'Event'),
  ingresses: named('networking.k8s.io', 'v1', 'ingresses', 'Ingress'),
  networkPolicies: named('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  httpRoutes: named('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute'),
  horizontalPodAutoscalers: named('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
  podDisruptionBudgets: named('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  leases: named('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  tokenReviews: named('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', false),
  mutatingWebhookConfigurations: named('admissionregistration.k8s.io', 'v1', 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', false),
  validatingAdmissionPolicies: named('admissionregistration.k8s.io', 'v1', 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', false),
  validatingAdmissionPolicyBindings: named('admissionregistration.k8s.io', 'v1', 'validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', false),
  customResourceDefinitions: named('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false),
  clusterRoles: named('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false),
  clusterRoleBindings: named('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  roles: named('rbac.authorization.k8s.io', 'v1', 'roles', 'Role'),
  roleBindings: named('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding'),
} as const

/** `v1`, `apps/v1`: what stands in an object's `apiVersion`. */
export const apiVersionOf = (resource: Resource): string => (resource.group === '' ? resource.version : `${resource.group}/${resource.version}`)

/** The resource of an object by its apiVersion and kind, where it is one of ours. */
export function resourceOf(object: JsonObject): Resource | undefined {
  const apiVersion = stringAt(object, 'apiVersion')
  const kind = stringAt(object, 'kind')
  return Object.values<Resource>(resources).find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion)
}

/** Where one object is. */
export interface Address {
  /** Absent for resources without namespaces. */
  readonly namespace?: string
  readonly name: string
}

/** The address that an object gives itself. */
export function addressOf(object: JsonObject): Address {
  const name = stringAt(object, 'metadata', 'name') ?? ''
  const namespace = stringAt(object, 'metadata', 'namespace')
  return namespace === undefined ? { name } : { namespace, name }
}
