import { isObject, listAt, numberAt, objectAt, valueAt, type JsonObject } from '../base/json.ts'

/**
 * Fields of Flagger's API that are accepted and have no effect here: what configures somebody else's proxies, and what this version
 * does not do yet. A person is told once. A field that Kinglet learns to act on is taken out of this list. `provider` and
 * `metricsServer` are not in it: what they are for, the sidecars do.
 */
const withoutEffect: readonly (readonly string[])[] = [
  ...['ingressRef', 'routeRef', 'upstreamRef'].map((field) => [field]),
  ...['gateways', 'gatewayRefs', 'hosts', 'delegation', 'trafficPolicy', 'meshName', 'backends', 'mirror', 'backendTimeout'].map((field) => ['service', field]),
  ['analysis', 'alerts'],
]

/** Webhooks that only tell somebody. Those whose answer decides are not passed over: the analysis waits. */
const telling = ['event', 'post-rollout']

/** Paths of such fields in the raw `spec` of a Canary, e.g. `spec.service.gateways`. */
export function unheededFields(spec: JsonObject): readonly string[] {
  const fields = withoutEffect.filter((path) => isSet(valueAt(spec, ...path))).map((path) => ['spec', ...path].join('.'))
  const hooks = listAt(spec, 'analysis', 'webhooks').flatMap((hook, index) => {
    const type = valueAt(hook, 'type')
    return typeof type === 'string' && telling.includes(type) ? [`spec.analysis.webhooks[${index}] (${type})`] : []
  })
  const rules = listAt(spec, 'service', 'match').flatMap((rule, index) =>
    ['sourceLabels', 'sourceNamespace', 'gateways', 'port'].filter((field) => isSet(valueAt(rule, field))).map((field) => `spec.service.match[${index}].${field}`),
  )
  const mirror = valueAt(spec, 'analysis', 'mirror') === true && isAbTesting(objectAt(spec, 'analysis')) ? ['spec.analysis.mirror (A/B testing)'] : []
  return [...fields, ...hooks, ...rules, ...mirror]
}

/** Flagger mirrors before weights and in blue/green: who tests by header has chosen already. */
export const isAbTesting = (analysis: JsonObject): boolean => (numberAt(analysis, 'iterations') ?? 0) > 0 && listAt(analysis, 'match').length > 0

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isObject(value)) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== false && value !== ''
}
