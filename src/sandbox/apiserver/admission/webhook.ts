import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import { nameOf } from '../object-meta.ts'
import type { ResourceType } from '../resource-type.ts'
import { matchesLabelSelector } from '../selectors.ts'
import { evaluateCel } from '../cel.ts'

/** Which webhooks a request concerns. Pure: configuration, request and namespace in, decision out. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly type: ResourceType
  readonly subresource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly object: JsonObject | null
  readonly oldObject: JsonObject | null
  /** Labels of the object's namespace; for a Namespace its own. */
  readonly namespaceLabels: JsonObject
  readonly userInfo: JsonObject
  readonly dryRun: boolean
  readonly options: JsonObject
}

export interface Webhook {
  readonly name: string
  /** Unique in the cluster: configuration and index. */
  readonly id: string
  readonly rules: readonly JsonObject[]
  readonly config: JsonObject
  readonly failurePolicy: 'Ignore' | 'Fail'
  readonly timeoutSeconds: number
  readonly sideEffects: string
  readonly reinvokes: boolean
}

/** The webhooks of all configurations, by configuration name, then in their list's order. */
export function listWebhooks(configurations: readonly JsonObject[]): readonly Webhook[] {
  return configurations
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap((configuration) => listAt(configuration, 'webhooks').filter(isObject).map((webhook, index) => parseWebhook(webhook, `${nameOf(configuration)}/${index}`)))
}

function parseWebhook(webhook: JsonObject, id: string): Webhook {
  return {
    name: stringAt(webhook, 'name') ?? '',
    id,
    rules: listAt(webhook, 'rules').filter(isObject),
    config: webhook,
    failurePolicy: stringAt(webhook, 'failurePolicy') === 'Ignore' ? 'Ignore' : 'Fail',
    timeoutSeconds: numberAt(webhook, 'timeoutSeconds') ?? 10,
    sideEffects: stringAt(webhook, 'sideEffects') ?? 'Unknown',
    reinvokes: stringAt(webhook, 'reinvocationPolicy') === 'IfNeeded',
  }
}

/** Webhook configurations never pass webhooks: a broken one can always be removed. */
export const isExempt = (request: AdmissionRequest): boolean => request.type.group === 'admissionregistration.k8s.io' && request.type.resource.endsWith('webhookconfigurations')

/** Rules and selectors; matchConditions come last since they may fail. */
export function concerns(webhook: Webhook, request: AdmissionRequest): boolean {
  return webhook.rules.some((rule) => ruleMatches(rule, request)) && matchesNamespace(webhook.config, request) && matchesObject(webhook.config, request)
}

function ruleMatches(rule: JsonObject, { operation, type, subresource }: AdmissionRequest): boolean {
  const has = (field: string, value: string): boolean => listAt(rule, field).some((item) => item === '*' || item === value)
  const scope = stringAt(rule, 'scope') ?? '*'
  const scopeFits = scope === '*' || (scope === 'Namespaced') === type.namespaced
  return scopeFits && has('operations', operation) && has('apiGroups', type.group) && has('apiVersions', type.version) && listAt(rule, 'resources').some((item) => typeof item === 'string' && resourceMatches(item, type.resource, subresource))
}

// `pods`, `pods/status`, `pods/*`, `*` (no subresources), `*/scale`, `*/*`.
function resourceMatches(pattern: string, resource: string, subresource: string): boolean {
  const [wantedResource = '', wantedSubresource = ''] = pattern.split('/')
  const fits = wantedResource === '*' || wantedResource === resource
  if (!pattern.includes('/')) return fits && subresource === ''
  return fits && (wantedSubresource === '*' || wantedSubresource === subresource)
}

function matchesNamespace(config: JsonObject, { type, namespace, namespaceLabels }: AdmissionRequest): boolean {
  const selector = config['namespaceSelector']
  if (selector === undefined) return true
  if (namespace === undefined && !(type.group === '' && type.resource === 'namespaces')) return true
  return matchesLabelSelector(selector, namespaceLabels)
}

/** Old or new: an object that leaves the selection is still seen once. */
function matchesObject(config: JsonObject, { object, oldObject }: AdmissionRequest): boolean {
  const selector = config['objectSelector']
  if (selector === undefined) return true
  return [object, oldObject].some((one) => one !== null && matchesLabelSelector(selector, objectAt(one, 'metadata', 'labels')))
}

export type ConditionVerdict = { readonly kind: 'matches' } | { readonly kind: 'skips' } | { readonly kind: 'fails'; readonly error: string }

/** All must hold. One that is false skips the webhook even if others cannot be evaluated; else an error is the webhook's failure. */
export function evaluateMatchConditions(webhook: Webhook, request: AdmissionRequest, requestFields: JsonObject): ConditionVerdict {
  const conditions = listAt(webhook.config, 'matchConditions')
  const errors: string[] = []
  for (const condition of conditions) {
    const name = stringAt(condition, 'name') ?? ''
    const result = evaluateCel(stringAt(condition, 'expression') ?? '', { object: request.object, oldObject: request.oldObject, request: requestFields })
    if (!result.ok) errors.push(`expression '${stringAt(condition, 'expression') ?? ''}' resulted in error: ${result.error}`)
    else if (result.value !== true) {
      if (result.value === false) return { kind: 'skips' }
      errors.push(`match condition "${name}" is not a boolean`)
    }
  }
  return errors.length === 0 ? { kind: 'matches' } : { kind: 'fails', error: errors.join('; ') }
}
