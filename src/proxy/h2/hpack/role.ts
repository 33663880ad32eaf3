/**
 * What a field is to a proxy. `malformed`: its name or value is none (RFC 9113 §8.2.1), or it belongs to one connection of HTTP/1
 * (§8.2.2). `hop`: ends at this hop. `own`: only sidecars may speak it.
 */
export type Role = 'plain' | 'pseudo' | 'malformed' | 'hop' | 'own' | 'host' | 'content-length' | 'content-type' | 'cookie' | 'via' | 'forwarded-for' | 'forwarded-host' | 'forwarded-proto' | 'forwarded-other' | 'request-id' | 'grpc-timeout' | 'grpc-status'

const roles: ReadonlyMap<string, Role> = new Map<string, Role>([
  [':method', 'pseudo'],
  [':scheme', 'pseudo'],
  [':authority', 'pseudo'],
  [':path', 'pseudo'],
  [':status', 'pseudo'],
  ['connection', 'malformed'],
  ['keep-alive', 'malformed'],
  ['proxy-connection', 'malformed'],
  ['transfer-encoding', 'malformed'],
  ['upgrade', 'malformed'],
  ['proxy-authenticate', 'hop'],
  ['proxy-authorization', 'hop'],
  ['http2-settings', 'hop'],
  ['host', 'host'],
  ['content-length', 'content-length'],
  ['content-type', 'content-type'],
  ['cookie', 'cookie'],
  ['via', 'via'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-forwarded-host', 'forwarded-host'],
  ['x-forwarded-proto', 'forwarded-proto'],
  ['x-forwarded-port', 'forwarded-other'],
  ['x-real-ip', 'forwarded-other'],
  ['forwarded', 'forwarded-other'],
  ['x-request-id', 'request-id'],
  ['grpc-timeout', 'grpc-timeout'],
  ['grpc-status', 'grpc-status'],
])

const ownPrefix = 'x-kinglet-'
// A token (RFC 9110 §5.6.2) without capitals; a value without controls but tab, not beginning or ending in a blank.
const nameSyntax = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const valueSyntax = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

export function readRole(name: string, value: string): Role {
  const known = roles.get(name)
  if (known === undefined && !nameSyntax.test(name)) return 'malformed'
  if (!valueSyntax.test(value)) return 'malformed'
  if (known !== undefined) return known
  if (name === 'te') return value === 'trailers' ? 'plain' : 'malformed'
  return name.startsWith(ownPrefix) ? 'own' : 'plain'
}
