import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt, valueAt } from '../../../base/json.ts'
import type { ResourceName } from '../../contract.ts'
import { celSyntaxError } from '../cel.ts'
import { matchesLabelSelector } from '../selectors.ts'
import { duplicate, type FieldError, required, unsupported, wrong } from '../status.ts'
import { choice, podSpecErrors, portErrors, portNameErrors, templateErrors } from './pod-validation.ts'

/** Validation of Kubernetes' own types: what people get wrong, in the API server's words; `previous` for what may not change. */
type Rule = (object: JsonObject, previous: JsonObject | undefined) => readonly FieldError[]

const immutable = (object: JsonObject, previous: JsonObject | undefined, ...path: readonly string[]): readonly FieldError[] => {
  if (previous === undefined) return []
  const [next, before] = [valueAt(object, ...path), valueAt(previous, ...path)]
  return isDeepStrictEqual(next, before) ? [] : [wrong(path.join('.'), next, 'field is immutable')]
}

const notNegative = (object: JsonObject, field: string, ...path: readonly string[]): readonly FieldError[] => {
  const value = numberAt(object, ...path, field)
  return value !== undefined && value < 0 ? [wrong([...path, field].join('.'), value, 'must be greater than or equal to 0')] : []
}

const workload: Rule = (object, previous) => {
  const selector = valueAt(object, 'spec', 'selector')
  const labels = objectAt(object, 'spec', 'template', 'metadata', 'labels')
  const isEmpty = Object.keys(objectAt(selector, 'matchLabels')).length + listAt(selector, 'matchExpressions').length === 0
  return [
    ...notNegative(object, 'replicas', 'spec'),
    ...(!isObject(selector) ? [required('spec.selector')] : isEmpty ? [wrong('spec.selector', selector, 'empty selector is invalid for deployment')] : []),
    ...(isObject(selector) && !isEmpty && !matchesLabelSelector(selector, labels) ? [wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')] : []),
    ...templateErrors(objectAt(object, 'spec', 'template'), 'spec.template'),
    ...immutable(object, previous, 'spec', 'selector'),
  ]
}

const deployment: Rule = (object, previous) => {
  const strategy = objectAt(object, 'spec', 'strategy')
  const rolling = objectAt(strategy, 'rollingUpdate')
  const isZero = (value: unknown): boolean => value === 0 || value === '0%'
  return [
    ...workload(object, previous),
    ...choice(strategy, 'type', ['Recreate', 'RollingUpdate'], 'spec.strategy'),
    ...(strategy['type'] === 'Recreate' && strategy['rollingUpdate'] !== undefined
      ? [{ reason: 'FieldValueForbidden', field: 'spec.strategy.rollingUpdate', message: "Forbidden: may not be specified when strategy `type` is 'Recreate'" } as const]
      : []),
    ...(isZero(rolling['maxUnavailable']) && isZero(rolling['maxSurge']) ? [wrong('spec.strategy.rollingUpdate.maxUnavailable', rolling['maxUnavailable'], 'may not be 0 when `maxSurge` is 0')] : []),
  ]
}

/** A pod's spec is what runs: only images and a few settings may change. */
const pod: Rule = (object, previous) => {
  const errors = podSpecErrors(objectAt(object, 'spec'), 'spec')
  if (previous === undefined || isDeepStrictEqual(fixedPodSpec(object), fixedPodSpec(previous))) return errors
  const detail = 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
  return [...errors, { reason: 'FieldValueForbidden', field: 'spec', message: `Forbidden: ${detail}` }]
}

function fixedPodSpec(object: JsonObject): unknown {
  const spec = objectAt(object, 'spec')
  const withoutImages = (field: string): unknown => listAt(spec, field).map((container) => ({ ...objectAt(container), image: '' }))
  return { ...spec, containers: withoutImages('containers'), initContainers: withoutImages('initContainers'), tolerations: [], activeDeadlineSeconds: 0, nodeName: '', schedulingGates: [] }
}

const service: Rule = (object, previous) => {
  const spec = objectAt(object, 'spec')
  const ports = listAt(spec, 'ports').map((port) => objectAt(port))
  const isExternal = spec['type'] === 'ExternalName'
  const names = ports.map((port) => stringAt(port, 'name') ?? '')
  const wasCluster = stringAt(previous, 'spec', 'clusterIP') !== undefined && stringAt(previous, 'spec', 'type') !== 'ExternalName' && !isExternal
  return [
    ...choice(spec, 'type', ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], 'spec'),
    ...choice(spec, 'sessionAffinity', ['ClientIP', 'None'], 'spec'),
    ...(ports.length === 0 && !isExternal && spec['clusterIP'] !== 'None' ? [required('spec.ports')] : []),
    ...ports.flatMap((port, index) => servicePortErrors(port, index, names)),
    ...(wasCluster && spec['clusterIP'] !== stringAt(previous, 'spec', 'clusterIP') ? [wrong('spec.clusterIPs[0]', spec['clusterIP'] === undefined ? [] : [spec['clusterIP']], 'may not change once set')] : []),
  ]
}

function servicePortErrors(port: JsonObject, index: number, names: readonly string[]): readonly FieldError[] {
  const field = `spec.ports[${index}]`
  const name = names[index] ?? ''
  const target = port['targetPort']
  const number = numberAt(port, 'port')
  return [
    ...(names.length > 1 && name === '' ? [required(`${field}.name`)] : []),
    ...(name !== '' && names.indexOf(name) < index ? [duplicate(`${field}.name`, name)] : []),
    ...(number === undefined ? [required(`${field}.port`)] : portErrors(number, `${field}.port`)),
    ...choice(port, 'protocol', ['SCTP', 'TCP', 'UDP'], field),
    ...(typeof target === 'number' ? portErrors(target, `${field}.targetPort`) : typeof target === 'string' ? portNameErrors(target, `${field}.targetPort`) : []),
  ]
}

const webhooks: Rule = (object) => {
  const names = listAt(object, 'webhooks').map((webhook) => stringAt(webhook, 'name') ?? '')
  return listAt(object, 'webhooks').flatMap((value, index) => {
    const webhook = objectAt(value)
    const field = `webhooks[${index}]`
    const name = names[index] ?? ''
    const config = objectAt(webhook, 'clientConfig')
    const timeout = numberAt(webhook, 'timeoutSeconds') ?? 10
    return [
      ...(name.split('.').length < 3 ? [wrong(`${field}.name`, name, 'should be a domain with at least three segments separated by dots')] : []),
      ...(names.indexOf(name) < index ? [duplicate(`${field}.name`, name)] : []),
      ...((config['url'] === undefined) === (config['service'] === undefined) ? [required(`${field}.clientConfig`, 'exactly one of url or service is required')] : []),
      ...(typeof config['url'] === 'string' && !config['url'].startsWith('https://') ? [wrong(`${field}.clientConfig.url`, config['url'].split(':')[0], "'https' is the only allowed URL scheme; desired format: https://host[/path]")] : []),
      ...(timeout < 1 || timeout > 30 ? [wrong(`${field}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds')] : []),
      ...choice(webhook, 'failurePolicy', ['Fail', 'Ignore'], field),
      ...(['None', 'NoneOnDryRun'].includes(stringAt(webhook, 'sideEffects') ?? '') ? [] : [unsupported(`${field}.sideEffects`, webhook['sideEffects'] ?? '', ['None', 'NoneOnDryRun'])]),
      ...(listAt(webhook, 'admissionReviewVersions').includes('v1') ? [] : [wrong(`${field}.admissionReviewVersions`, webhook['admissionReviewVersions'] ?? [], 'must include at least one of v1, v1beta1')]),
      ...listAt(webhook, 'matchConditions').flatMap((condition, at) => conditionErrors(objectAt(condition), `${field}.matchConditions[${at}]`)),
    ]
  })
}

function conditionErrors(condition: JsonObject, field: string): readonly FieldError[] {
  const expression = stringAt(condition, 'expression') ?? ''
  if (expression === '') return [required(`${field}.expression`)]
  const problem = celSyntaxError(expression)
  return problem === undefined ? [] : [wrong(`${field}.expression`, expression, `compilation failed: ${problem}`)]
}

const definition: Rule = (object, previous) => {
  const group = stringAt(object, 'spec', 'group') ?? ''
  const plural = stringAt(object, 'spec', 'names', 'plural') ?? ''
  const versions = listAt(object, 'spec', 'versions').map((version) => objectAt(version))
  const name = stringAt(object, 'metadata', 'name') ?? ''
  const storing = versions.filter((version) => version['storage'] === true).length
  return [
    ...(name === `${plural}.${group}` ? [] : [wrong('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...(versions.length === 0 ? [required('spec.versions')] : storing === 1 ? [] : [wrong('spec.versions', versions.map((version) => version['name']), 'must have exactly one version marked as storage version')]),
    ...versions.flatMap((version, index) => (stringAt(version, 'schema', 'openAPIV3Schema', 'type') === 'object' ? [] : [required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')])),
    ...choice(objectAt(object, 'spec'), 'scope', ['Cluster', 'Namespaced'], 'spec'),
    ...['group', 'scope'].flatMap((field) => immutable(object, previous, 'spec', field)),
    ...['kind', 'plural'].flatMap((field) => immutable(object, previous, 'spec', 'names', field)),
  ]
}

const binding: Rule = (object, previous) => {
  if (previous === undefined || isDeepStrictEqual(object['roleRef'], previous['roleRef'])) return []
  return [wrong('roleRef', object['roleRef'], 'cannot change roleRef')]
}

const configMap: Rule = (object, previous) =>
  previous?.['immutable'] === true && !(isDeepStrictEqual(object['data'], previous['data']) && object['immutable'] === true)
    ? [{ reason: 'FieldValueForbidden', field: 'data', message: 'Forbidden: field is immutable when `immutable` is set' }]
    : []

const autoscaler: Rule = (object) => {
  const most = numberAt(object, 'spec', 'maxReplicas') ?? 0
  const least = numberAt(object, 'spec', 'minReplicas') ?? 1
  return most < 1 ? [wrong('spec.maxReplicas', most, 'must be greater than 0')] : most < least ? [wrong('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`')] : []
}

const disruptionBudget: Rule = (object) =>
  valueAt(object, 'spec', 'minAvailable') !== undefined && valueAt(object, 'spec', 'maxUnavailable') !== undefined ? [wrong('spec', 'object', 'minAvailable and maxUnavailable cannot be both set')] : []

const rules: Readonly<Record<ResourceName, Rule>> = {
  '/pods': pod,
  '/services': service,
  '/configmaps': configMap,
  '/secrets': (object, previous) => [...configMap(object, previous), ...immutable(object, previous, 'type')],
  'apps/deployments': deployment,
  'apps/replicasets': workload,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhooks,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhooks,
  'apiextensions.k8s.io/customresourcedefinitions': definition,
  'rbac.authorization.k8s.io/rolebindings': binding,
  'rbac.authorization.k8s.io/clusterrolebindings': binding,
  'autoscaling/horizontalpodautoscalers': autoscaler,
  'policy/poddisruptionbudgets': disruptionBudget,
}

export const validateBuiltIn = (storage: ResourceName, object: JsonObject, previous: JsonObject | undefined): readonly FieldError[] => rules[storage]?.(object, previous) ?? []
