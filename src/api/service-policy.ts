import { parseDurationMs } from '../base/duration.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import { parseMatchRule, parseStringMatch } from './canary-routing.ts'
import { attempt } from './fields.ts'
import { routePolicy } from './policy-codec.ts'
import type { Problem } from './problem.ts'
import { retryConditions, type CorsPolicy, type HeaderEdit, type RetryPolicy, type Rewrite, type RoutePolicy } from './routing.ts'

/** The fields of `spec.service` that say what happens to requests on their way; undefined where none is set. Read tolerantly. */
export function parsePolicy(service: JsonObject): RoutePolicy | undefined {
  const headers = { request: parseEdit(objectAt(service, 'headers', 'request')), response: parseEdit(objectAt(service, 'headers', 'response')) }
  const policy = {
    // Rules for a Gateway, a port or a caller are somebody else's: only what can be seen here counts.
    match: listAt(service, 'match').map(parseMatchRule),
    ...maybe('timeoutMs', durationMs(service['timeout'])),
    ...maybe('retries', parseRetries(service)),
    ...(headers.request || headers.response ? { headers: { ...maybe('request', headers.request), ...maybe('response', headers.response) } } : {}),
    ...maybe('rewrite', parseRewrite(objectAt(service, 'rewrite'))),
    ...maybe('corsPolicy', parseCors(service['corsPolicy'])),
  }
  return policy.match.length > 0 || Object.keys(policy).length > 1 ? policy : undefined
}

function parseEdit(raw: JsonObject): HeaderEdit | undefined {
  const remove = strings(raw, 'remove')
  const edit = {
    ...(remove.length > 0 ? { remove } : {}),
    ...maybe('set', textMap(objectAt(raw, 'set'))),
    ...maybe('add', textMap(objectAt(raw, 'add'))),
  }
  return Object.keys(edit).length > 0 ? edit : undefined
}

/** Istio's words when retryOn is not set. */
const defaultRetryOn = 'connect-failure,refused-stream,unavailable,cancelled,503'

/** As Istio reads it: numbers are statuses, no attempts are no retries. */
function parseRetries(service: JsonObject): RetryPolicy | undefined {
  const raw = objectAt(service, 'retries')
  const attempts = numberAt(raw, 'attempts') ?? 0
  if (attempts <= 0) return undefined
  const words = (stringAt(raw, 'retryOn') || defaultRetryOn).split(',').map((word) => word.trim()).filter((word) => word !== '')
  return {
    attempts,
    ...maybe('perTryTimeoutMs', durationMs(raw['perTryTimeout'])),
    retryOn: words.filter((word) => !/^\d+$/.test(word)) as unknown as RetryPolicy['retryOn'],
    statuses: words.filter((word) => /^\d+$/.test(word)).map(Number),
  }
}

function parseRewrite(raw: JsonObject): Rewrite | undefined {
  const rewrite = { ...maybe('uri', stringAt(raw, 'uri') || undefined), ...maybe('authority', stringAt(raw, 'authority') || undefined) }
  const type = stringAt(raw, 'type')
  if (Object.keys(rewrite).length === 0) return undefined
  return type === 'ReplaceFullPath' || type === 'ReplacePrefixMatch' ? { ...rewrite, type } : rewrite
}

function parseCors(raw: unknown): CorsPolicy | undefined {
  if (!isObject(raw)) return undefined
  const maxAgeMs = durationMs(raw['maxAge'])
  return {
    allowOrigins: [...strings(raw, 'allowOrigin').map((exact) => ({ exact })), ...listAt(raw, 'allowOrigins').flatMap((match) => parseStringMatch(match) ?? [])],
    allowMethods: strings(raw, 'allowMethods'),
    allowHeaders: strings(raw, 'allowHeaders'),
    exposeHeaders: strings(raw, 'exposeHeaders'),
    ...(maxAgeMs === undefined ? {} : { maxAgeSeconds: Math.round(maxAgeMs / 1000) }),
    allowCredentials: raw['allowCredentials'] === true,
  }
}

/** What is wrong with those fields, by their paths. */
export function policyProblems(raw: JsonObject): readonly Problem[] {
  const service = objectAt(raw, 'spec', 'service')
  const durations = [['timeout'], ['retries', 'perTryTimeout'], ['corsPolicy', 'maxAge']].flatMap((path) => {
    const value = valueAt(service, ...path)
    return value === undefined || durationMs(value) !== undefined ? [] : [problem(['spec.service', ...path].join('.'), `${JSON.stringify(value)} is not a duration`, 'Write it as 15s or 1m30s')]
  })
  if (durations.length > 0) return durations
  const policy = parsePolicy(service)
  const unknown = policy?.retries?.retryOn.find((word) => !(retryConditions as readonly string[]).includes(word))
  if (unknown !== undefined) return [problem('spec.service.retries.retryOn', `"${unknown}" is not a condition that Kinglet knows`, `Use statuses and ${retryConditions.join(', ')}`)]
  const read = policy === undefined ? undefined : attempt(routePolicy, policy, 'spec.service')
  if (read === undefined || read.ok) return []
  const end = read.error.indexOf(': ')
  return [problem(read.error.slice(0, end), `it ${read.error.slice(end + 2)}`, 'Correct the field')]
}

const problem = (path: string, message: string, remedy: string): Problem => ({ code: 'InvalidSpec', path, message, remedy })

/** Undefined where it is none, or not above 0. */
function durationMs(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? parseDurationMs(value) : undefined
  return parsed?.ok && parsed.value > 0 ? Math.max(1, Math.round(parsed.value)) : undefined
}

const strings = (raw: JsonObject, key: string): readonly string[] => listAt(raw, key).filter((item) => typeof item === 'string')

function textMap(raw: JsonObject): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(raw).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function maybe<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V })
}
