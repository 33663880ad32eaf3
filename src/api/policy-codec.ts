import { integer, listOf, object, oneOf, recordOf, refuse, text, type Read } from './fields.ts'
import { anyRule, maxRules, stringMatch } from './routing-codec.ts'
import { retryConditions, type CorsPolicy, type HeaderEdit, type RetryPolicy, type Rewrite, type RoutePolicy } from './routing.ts'

const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/
const fieldValue = /^[\t\x20-\x7e]*$/
/** What frames a message or belongs to one connection is the proxy's own business. */
const untouchable = new Set(['connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])
const maxMs = 86_400_000
const maxEntries = 100

const isOurs = (name: string): boolean => untouchable.has(name) || name.startsWith('x-kinglet-')

/** `Host` may be set, which rewrites it, but a request has exactly one. */
const checked =
  <T>(read: Read<T>, namesOf: (edit: T) => readonly string[], mayBeHost: boolean): Read<T> =>
  (raw, path) => {
    const edit = read(raw, path)
    const bad = namesOf(edit).find((name) => isOurs(name.toLowerCase()) || (!mayBeHost && name.toLowerCase() === 'host'))
    return bad === undefined ? edit : refuse(bad, path, 'without headers that frame a message or belong to the connection')
  }

const value: Read<string> = (raw, path) => (raw === '' ? '' : text(4096, fieldValue, 'a header value in ASCII')(raw, path))
const values = recordOf(fieldName, 'header names', value, maxEntries)
const set = checked(values, Object.keys, true)
const add = checked(values, Object.keys, false)
const remove = checked(listOf(text(256, fieldName, 'a header name'), maxEntries), (list) => list, false)

const headerEdit: Read<HeaderEdit> = (raw, path) => {
  const edit = object(raw, path)
  return {
    ...(edit['remove'] === undefined ? {} : { remove: remove(edit['remove'], `${path}.remove`) }),
    ...(edit['set'] === undefined ? {} : { set: set(edit['set'], `${path}.set`) }),
    ...(edit['add'] === undefined ? {} : { add: add(edit['add'], `${path}.add`) }),
  }
}

const retries: Read<RetryPolicy> = (raw, path) => {
  const policy = object(raw, path)
  return {
    attempts: integer(1, 100)(policy['attempts'], `${path}.attempts`),
    ...(policy['perTryTimeoutMs'] === undefined ? {} : { perTryTimeoutMs: integer(1, maxMs)(policy['perTryTimeoutMs'], `${path}.perTryTimeout`) }),
    retryOn: listOf(oneOf(retryConditions), retryConditions.length)(policy['retryOn'], `${path}.retryOn`),
    statuses: listOf(integer(100, 599), maxEntries)(policy['statuses'], `${path}.retryOn`),
  }
}

const rewrite: Read<Rewrite> = (raw, path) => {
  const change = object(raw, path)
  return {
    ...(change['uri'] === undefined ? {} : { uri: text(2048, /^\/[!-~]*$/, 'a path that begins with /')(change['uri'], `${path}.uri`) }),
    ...(change['authority'] === undefined ? {} : { authority: text(256, /^[\w.\-:[\]]+$/, 'a host, with a port or without')(change['authority'], `${path}.authority`) }),
    ...(change['type'] === undefined ? {} : { type: oneOf(['ReplaceFullPath', 'ReplacePrefixMatch'])(change['type'], `${path}.type`) }),
  }
}

const tokens = listOf(text(256, fieldName, 'a name'), maxEntries)

const corsPolicy: Read<CorsPolicy> = (raw, path) => {
  const policy = object(raw, path)
  return {
    allowOrigins: listOf(stringMatch, maxEntries)(policy['allowOrigins'], `${path}.allowOrigins`),
    allowMethods: tokens(policy['allowMethods'], `${path}.allowMethods`),
    allowHeaders: tokens(policy['allowHeaders'], `${path}.allowHeaders`),
    exposeHeaders: tokens(policy['exposeHeaders'], `${path}.exposeHeaders`),
    ...(policy['maxAgeSeconds'] === undefined ? {} : { maxAgeSeconds: integer(0)(policy['maxAgeSeconds'], `${path}.maxAge`) }),
    allowCredentials: policy['allowCredentials'] === true,
  }
}

/** Paths in messages are those of the Canary's `service`, of which the table's policy is made. */
export const routePolicy: Read<RoutePolicy> = (raw, path) => {
  const policy = object(raw, path)
  const headers = policy['headers'] === undefined ? undefined : object(policy['headers'], `${path}.headers`)
  return {
    match: listOf(anyRule, maxRules)(policy['match'], `${path}.match`),
    ...(policy['timeoutMs'] === undefined ? {} : { timeoutMs: integer(1, maxMs)(policy['timeoutMs'], `${path}.timeout`) }),
    ...(policy['retries'] === undefined ? {} : { retries: retries(policy['retries'], `${path}.retries`) }),
    ...(headers === undefined
      ? {}
      : { headers: Object.fromEntries((['request', 'response'] as const).filter((side) => headers[side] !== undefined).map((side) => [side, headerEdit(headers[side], `${path}.headers.${side}`)])) }),
    ...(policy['rewrite'] === undefined ? {} : { rewrite: rewrite(policy['rewrite'], `${path}.rewrite`) }),
    ...(policy['corsPolicy'] === undefined ? {} : { corsPolicy: corsPolicy(policy['corsPolicy'], `${path}.corsPolicy`) }),
  }
}
