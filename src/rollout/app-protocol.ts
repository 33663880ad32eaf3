import type { Canary } from '../api/canary.ts'
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
  const { name, port, portName, appProtocol } = canary.spec.service
  const apex = services.find((service) => stringAt(service, 'metadata', 'name') === name)
  const known = listAt(apex, 'spec', 'ports').find((candidate) => numberAt(candidate, 'port') === port)
  const said = appProtocol ?? stringAt(known, 'appProtocol')
  const word = said ?? (stringAt(known, 'name') ?? portName).split('-')[0] ?? ''
  return opaque.has(word.toLowerCase()) ? 'tcp' : 'http'
}

/** Fields of `spec.service` that are about requests, by the part of the policy that they become. */
const requestFields = { match: 'match', timeoutMs: 'timeout', retries: 'retries', headers: 'headers', rewrite: 'rewrite', corsPolicy: 'corsPolicy' } as const

/** The Canary without what cannot be done for its protocol, which is named: of bytes that nobody looks into no copy is made, and no header changed. */
export function heedProtocol(canary: Canary, services: readonly JsonObject[]): Canary {
  if (appProtocolOf(canary, services) !== 'tcp') return canary
  const { spec } = canary
  const { policy, ...service } = spec.service
  const asked = Object.entries(policy ?? {}).flatMap(([part, value]) => (Array.isArray(value) && value.length === 0 ? [] : [`spec.service.${requestFields[part as keyof typeof requestFields]} (tcp)`]))
  if (spec.analysis.mirrorPercent > 0) asked.push('spec.analysis.mirror (tcp)')
  return { ...canary, spec: { ...spec, service, analysis: { ...spec.analysis, mirrorPercent: 0 }, unheeded: [...spec.unheeded, ...asked] } }
}
