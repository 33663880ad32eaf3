import type { ResourceName } from '../contract.ts'
import { allVerbs, type ResourceType, type Subresource } from './resource-type.ts'
import { builtInTypes } from './schema/built-in.ts'
import type { Schema } from './schema/openapi-schema.ts'
import { builtInColumns } from './tables/built-in-columns.ts'

/** Kubernetes' own resources, one line each. */

interface Line {
  readonly group?: string
  readonly version?: string
  readonly resource: string
  readonly kind: string
  readonly schemaPackage: string
  readonly cluster?: true
  readonly short?: readonly string[]
  readonly all?: true
  readonly status?: true
  readonly scale?: true
  /** Only POST: reviews, which are answered and not stored. */
  readonly review?: true
  readonly storage?: ResourceName
  readonly more?: readonly Subresource[]
}

const core = { schemaPackage: 'io.k8s.api.core.v1' }
const apps = { group: 'apps', schemaPackage: 'io.k8s.api.apps.v1' }
const rbac = { group: 'rbac.authorization.k8s.io', schemaPackage: 'io.k8s.api.rbac.v1' }
const admission = { group: 'admissionregistration.k8s.io', schemaPackage: 'io.k8s.api.admissionregistration.v1', cluster: true } as const
const authorization = { group: 'authorization.k8s.io', schemaPackage: 'io.k8s.api.authorization.v1', review: true } as const
const networking = { group: 'networking.k8s.io', schemaPackage: 'io.k8s.api.networking.v1' }
const proxyVerbs = ['create', 'delete', 'get', 'patch', 'update']

const lines: readonly Line[] = [
  { ...core, resource: 'namespaces', kind: 'Namespace', cluster: true, short: ['ns'], status: true },
  {
    ...core,
    resource: 'pods',
    kind: 'Pod',
    short: ['po'],
    all: true,
    status: true,
    more: [
      { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
      { name: 'log', kind: 'Pod', verbs: ['get'] },
      { name: 'proxy', kind: 'PodProxyOptions', verbs: proxyVerbs },
    ],
  },
  { ...core, resource: 'services', kind: 'Service', short: ['svc'], all: true, status: true, more: [{ name: 'proxy', kind: 'ServiceProxyOptions', verbs: proxyVerbs }] },
  { ...core, resource: 'configmaps', kind: 'ConfigMap', short: ['cm'] },
  { ...core, resource: 'secrets', kind: 'Secret' },
  { ...core, resource: 'serviceaccounts', kind: 'ServiceAccount', short: ['sa'], more: [{ name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] }] },
  { ...core, resource: 'events', kind: 'Event', short: ['ev'] },
  { ...core, resource: 'nodes', kind: 'Node', cluster: true, short: ['no'], status: true },
  { ...apps, resource: 'deployments', kind: 'Deployment', short: ['deploy'], all: true, status: true, scale: true },
  { ...apps, resource: 'replicasets', kind: 'ReplicaSet', short: ['rs'], all: true, status: true, scale: true },
  { group: 'events.k8s.io', schemaPackage: 'io.k8s.api.events.v1', resource: 'events', kind: 'Event', short: ['ev'], storage: '/events' },
  { group: 'discovery.k8s.io', schemaPackage: 'io.k8s.api.discovery.v1', resource: 'endpointslices', kind: 'EndpointSlice' },
  { group: 'coordination.k8s.io', schemaPackage: 'io.k8s.api.coordination.v1', resource: 'leases', kind: 'Lease' },
  {
    group: 'apiextensions.k8s.io',
    schemaPackage: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
    resource: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    cluster: true,
    short: ['crd', 'crds'],
    status: true,
  },
  { ...admission, resource: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration' },
  { ...admission, resource: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
  { group: 'authentication.k8s.io', schemaPackage: 'io.k8s.api.authentication.v1', resource: 'tokenreviews', kind: 'TokenReview', cluster: true, review: true },
  { ...authorization, resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', cluster: true },
  { ...authorization, resource: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', cluster: true },
  { ...authorization, resource: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', cluster: true },
  { ...authorization, resource: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview' },
  { ...rbac, resource: 'roles', kind: 'Role' },
  { ...rbac, resource: 'rolebindings', kind: 'RoleBinding' },
  { ...rbac, resource: 'clusterroles', kind: 'ClusterRole', cluster: true },
  { ...rbac, resource: 'clusterrolebindings', kind: 'ClusterRoleBinding', cluster: true },
  { group: 'autoscaling', version: 'v2', schemaPackage: 'io.k8s.api.autoscaling.v2', resource: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler', short: ['hpa'], all: true, status: true },
  { group: 'policy', schemaPackage: 'io.k8s.api.policy.v1', resource: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', short: ['pdb'], status: true },
  { ...networking, resource: 'ingresses', kind: 'Ingress', short: ['ing'], status: true },
  { ...networking, resource: 'networkpolicies', kind: 'NetworkPolicy', short: ['netpol'] },
]

const singulars: Readonly<Record<string, string>> = { ingresses: 'ingress', networkpolicies: 'networkpolicy' }

function build(line: Line): ResourceType {
  const group = line.group ?? ''
  const version = line.version ?? 'v1'
  const storage: ResourceName = line.storage ?? `${group}/${line.resource}`
  const schemaName = `${line.schemaPackage}.${line.kind}`
  const schema: Schema = builtInTypes.get(schemaName) ?? {}
  return {
    group,
    version,
    resource: line.resource,
    kind: line.kind,
    listKind: `${line.kind}List`,
    storage,
    schema,
    schemaName,
    singular: singulars[line.resource] ?? line.kind.toLowerCase(),
    namespaced: line.cluster !== true,
    shortNames: line.short ?? [],
    categories: line.all === true ? ['all'] : [],
    verbs: line.review === true ? ['create'] : allVerbs,
    hasStatus: line.status === true,
    scale: line.scale === true ? { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] } : undefined,
    subresources: line.more ?? [],
    columns: builtInColumns(storage),
    custom: undefined,
  }
}

export const builtInResources: readonly ResourceType[] = lines.map(build)
