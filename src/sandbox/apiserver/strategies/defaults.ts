import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { defaultPodSpec, defaultRequests, mapField, mapList, withDefaults } from './pod-defaults.ts'

/** The defaults of Kubernetes' own types. */

const template = (value: JsonObject): JsonObject => mapField(withDefaults(value, { metadata: {} }), 'spec', defaultPodSpec)

function deployment(object: JsonObject): JsonObject {
  return mapField(object, 'spec', (spec) => {
    const filled = withDefaults(spec, { replicas: 1, strategy: {}, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 })
    const rolled = mapField(filled, 'strategy', (strategy) => {
      const typed = withDefaults(strategy, { type: 'RollingUpdate' })
      if (typed['type'] !== 'RollingUpdate') return typed
      return mapField(withDefaults(typed, { rollingUpdate: {} }), 'rollingUpdate', (rolling) => withDefaults(rolling, { maxUnavailable: '25%', maxSurge: '25%' }))
    })
    return mapField(rolled, 'template', template)
  })
}

function replicaSet(object: JsonObject): JsonObject {
  const labels = objectAt(object, 'spec', 'template', 'metadata', 'labels')
  const own = Object.keys(labels).length > 0 && objectAt(object, 'metadata')['labels'] === undefined ? mapField(object, 'metadata', (metadata) => ({ ...metadata, labels })) : object
  return mapField(own, 'spec', (spec) => mapField(withDefaults(spec, { replicas: 1 }), 'template', template))
}

function service(object: JsonObject): JsonObject {
  return mapField(object, 'spec', (spec) => {
    const typed = withDefaults(spec, { sessionAffinity: 'None', type: 'ClusterIP' })
    const external = typed['type'] === 'ExternalName'
    const internal = external ? typed : withDefaults(typed, { internalTrafficPolicy: 'Cluster' })
    const outside = internal['type'] === 'NodePort' || internal['type'] === 'LoadBalancer' ? withDefaults(internal, { externalTrafficPolicy: 'Cluster' }) : internal
    return mapList(outside, 'ports', (port) => withDefaults(withDefaults(port, { protocol: 'TCP' }), { targetPort: numberAt(port, 'port') }))
  })
}

/** stringData is a way to write, not to store. */
function secret(object: JsonObject): JsonObject {
  const { stringData, ...rest } = withDefaults(object, { type: 'Opaque' })
  if (!isObject(stringData)) return rest
  const encoded = Object.fromEntries(Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value as string)).toString('base64')]))
  return { ...rest, data: { ...objectAt(rest, 'data'), ...encoded } }
}

const webhooks = (isMutating: boolean) => (object: JsonObject): JsonObject =>
  mapList(object, 'webhooks', (webhook) => {
    const filled = withDefaults(webhook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...(isMutating ? { reinvocationPolicy: 'Never' } : {}),
    })
    const ruled = mapList(filled, 'rules', (rule) => withDefaults(rule, { scope: '*' }))
    return mapField(ruled, 'clientConfig', (config) => mapField(config, 'service', (place) => withDefaults(place, { port: 443 })))
  })

function definition(object: JsonObject): JsonObject {
  return mapField(object, 'spec', (spec) =>
    mapField(withDefaults(spec, { conversion: { strategy: 'None' } }), 'names', (names) => {
      const kind = stringAt(names, 'kind') ?? ''
      return withDefaults(names, { singular: kind.toLowerCase(), listKind: `${kind}List` })
    }),
  )
}

const binding = (object: JsonObject): JsonObject => {
  const filled = mapField(object, 'roleRef', (ref) => withDefaults(ref, { apiGroup: 'rbac.authorization.k8s.io' }))
  return mapList(filled, 'subjects', (subject) => (stringAt(subject, 'kind') === 'ServiceAccount' ? subject : withDefaults(subject, { apiGroup: 'rbac.authorization.k8s.io' })))
}

const cpuTarget = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }

const autoscaler = (object: JsonObject): JsonObject =>
  mapField(object, 'spec', (spec) => withDefaults(withDefaults(spec, { minReplicas: 1 }), listAt(spec, 'metrics').length === 0 ? { metrics: [cpuTarget] } : {}))

const slice = (object: JsonObject): JsonObject => mapList(object, 'ports', (port) => withDefaults(port, { name: '', protocol: 'TCP' }))

const networkPolicy = (object: JsonObject): JsonObject =>
  mapField(object, 'spec', (spec) => withDefaults(spec, { policyTypes: spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress'] }))

const table: Readonly<Record<ResourceName, (object: JsonObject) => JsonObject>> = {
  '/pods': (object) => mapField(object, 'spec', (spec) => withDefaults(defaultRequests(defaultPodSpec(spec)), { enableServiceLinks: true })),
  '/services': service,
  '/secrets': secret,
  'apps/deployments': deployment,
  'apps/replicasets': replicaSet,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhooks(true),
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhooks(false),
  'apiextensions.k8s.io/customresourcedefinitions': definition,
  'rbac.authorization.k8s.io/rolebindings': binding,
  'rbac.authorization.k8s.io/clusterrolebindings': binding,
  'autoscaling/horizontalpodautoscalers': autoscaler,
  'discovery.k8s.io/endpointslices': slice,
  'networking.k8s.io/networkpolicies': networkPolicy,
}

export const defaultBuiltIn = (storage: ResourceName, object: JsonObject): JsonObject => table[storage]?.(object) ?? object
