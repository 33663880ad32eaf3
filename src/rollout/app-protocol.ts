import type { Canary } from '../api/canary.ts'
import { proxyAnnotations } from '../api/keys.ts'
import type { AppProtocol } from '../api/protocol.ts'
import { listAt, numberAt, stringAt, type JsonObject } from '../base/json.ts'

/** Values of a port's `appProtocol`, or of its name up to the first `-`, that are not HTTP to a proxy: Istio's list of opaque protocols. */
const opaque = new Set(['tcp', 'tls', 'mongo', 'mysql', 'redis', 'postgres', 'postgresql'])

/**
 * What the app speaks, as far as a sidecar must be told: where the server speaks first, the first bytes cannot tell. Said by
 * `service.appProtocol` of the Canary, by `appProtocol` of the Service's port, or by the name of either port (`tcp-…`), in that order.
 * Example: a Service port `{name: tcp-redis, port: 6379}` is `tcp`.
 */
export function appProtocolOf(canary: Canary, services: readonly JsonObject[]): AppProtocol {
  return opaque.has(protocolWord(canary, services)) ? 'tcp' : 'http'
}

/** In lower case. */
function protocolWord({ spec }: Canary, services: readonly JsonObject[]): string {
  const { name, port, portName, appProtocol } = spec.service
  const apex = services.find((service) => stringAt(service, 'metadata', 'name') === name)
  const known = listAt(apex, 'spec', 'ports').find((candidate) => numberAt(candidate, 'port') === port)
  const said = appProtocol ?? stringAt(known, 'appProtocol')
  return (said ?? (stringAt(known, 'name') ?? portName).split('-')[0] ?? '').toLowerCase()
}

/**
 * As what connections are passed on whole, so that there are no requests to copy or to change; undefined where there are. Sidecars know
 * TLS by its first bytes; of an app that ends it, the Service's port mostly says `https`. The pod's own annotation goes before either.
 */
function opacityOf(canary: Canary, services: readonly JsonObject[], target: JsonObject | undefined): 'tcp' | 'TLS' | undefined {
  const told = stringAt(target, 'spec', 'template', 'metadata', 'annotations', proxyAnnotations.protocol)
  if (told === 'tcp') return 'tcp'
  const word = protocolWord(canary, services)
  if (word === 'https') return 'TLS'
  return told !== 'http' && opaque.has(word) ? 'tcp' : undefined
}

/** Fields of `spec.service` that are about requests, by the part of the policy that they become. */
const requestFields = { match: 'match', timeoutMs: 'timeout', retries: 'retries', headers: 'headers', rewrite: 'rewrite', corsPolicy: 'corsPolicy' } as const

/**
 * The Canary without what cannot be done for its protocol, which is named: of bytes that nobody looks into no copy is made, and no header
 * changed. `target` is the Deployment.
 */
export function heedProtocol(canary: Canary, services: readonly JsonObject[], target: JsonObject | undefined): Canary {
  const opacity = opacityOf(canary, services, target)
  if (opacity === undefined) return canary
  const { spec } = canary
  const { policy, ...service } = spec.service
  const asked = Object.entries(policy ?? {}).flatMap(([part, value]) => (Array.isArray(value) && value.length === 0 ? [] : [`spec.service.${requestFields[part as keyof typeof requestFields]} (${opacity})`]))
  if (spec.analysis.mirrorPercent > 0) asked.push(`spec.analysis.mirror (${opacity})`)
  return { ...canary, spec: { ...spec, service, analysis: { ...spec.analysis, mirrorPercent: 0 }, unheeded: [...spec.unheeded, ...asked] } }
}
