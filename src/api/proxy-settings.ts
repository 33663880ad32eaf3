import { parseDurationMs } from '../base/duration.ts'
import type { JsonObject } from '../base/json.ts'
import { nearest } from '../base/nearest.ts'
import { parseQuantity } from '../base/quantity.ts'
import { err, ok, type Result } from '../base/result.ts'
import { injectedImageAnnotation, proxyAnnotations } from './keys.ts'
import type { Problem } from './problem.ts'

/**
 * What the owner of a workload tells its sidecars by annotations of the pod template, in one table: each is an option of
 * `kinglet proxy`, handed over in its environment variable. A value that cannot be read is told at admission and the default is
 * used, since an option that the sidecar does not understand would keep the pod from starting. README lists them with their defaults.
 */
export interface ProxySetting {
  readonly key: string
  /** The environment variable of the option. */
  readonly env: string
  /** The option's text; the error says what the value is not. */
  readonly parse: (text: string) => Result<string>
}

const choice = (...values: readonly string[]) => (text: string): Result<string> => (values.includes(text) ? ok(text) : err(`one of ${values.join(', ')}`))

const count = (max = 1e9) => (text: string): Result<string> =>
  /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= max ? ok(String(Number(text))) : err(`a whole number from 1${max < 1e9 ? ` to ${max}` : ''}`)

/** Whole bytes, of `10Mi` or `1048576`. `min` 0: where that means any number. */
const bytes = (min: 0 | 1) => (text: string): Result<string> => {
  const value = parseQuantity(text)
  return value !== undefined && Number.isSafeInteger(value) && value >= min && value < 1e12 ? ok(String(value)) : err(`a number of bytes such as 65536, 64Ki or 10Mi${min === 0 ? ', or 0 for any' : ''}`)
}

/** Whole milliseconds, of `30s` or `1m30s`. `min` 0: where that means any time. */
const time = (min: 0 | 1, example: string) => (text: string): Result<string> => {
  const parsed = parseDurationMs(text)
  return parsed.ok && parsed.value < 1e12 && (min === 0 || parsed.value > 0) ? ok(String(Math.ceil(parsed.value))) : err(`a duration such as ${example}${min === 0 ? ', or 0 for any' : ''}`)
}

const proxy = (name: string, env: string, parse: ProxySetting['parse']): ProxySetting => ({ key: `kinglet.sh/proxy-${name}`, env: `KINGLET_${env}`, parse })

export const proxySettings: readonly ProxySetting[] = [
  { key: proxyAnnotations.protocol, env: 'KINGLET_PROTOCOL', parse: choice('http', 'tcp') },
  { key: proxyAnnotations.logLevel, env: 'KINGLET_LOG_LEVEL', parse: choice('debug', 'info', 'warn', 'error') },
  proxy('forwarded', 'FORWARDED', choice('append', 'overwrite')),
  proxy('request-id', 'REQUEST_ID', choice('keep', 'make')),
  proxy('max-connections', 'MAX_CONNECTIONS', count()),
  proxy('max-requests', 'MAX_REQUESTS', count()),
  proxy('max-streams', 'MAX_STREAMS', count()),
  proxy('max-head', 'MAX_HEAD_BYTES', bytes(1)),
  proxy('max-target', 'MAX_TARGET_BYTES', bytes(1)),
  // What the engine has room for.
  proxy('max-fields', 'MAX_FIELDS', count(500)),
  proxy('max-body', 'MAX_BODY_BYTES', bytes(0)),
  proxy('min-body-rate', 'MIN_BODY_RATE', bytes(0)),
  proxy('max-response-head', 'MAX_RESPONSE_HEAD_BYTES', bytes(1)),
  proxy('max-connection-age', 'MAX_CONNECTION_AGE_MS', time(0, '30m')),
  proxy('head-timeout', 'HEAD_TIMEOUT_MS', time(1, '10s')),
  proxy('body-timeout', 'BODY_TIMEOUT_MS', time(1, '60s')),
  proxy('idle-timeout', 'IDLE_TIMEOUT_MS', time(1, '75s')),
  proxy('connect-timeout', 'CONNECT_TIMEOUT_MS', time(1, '5s')),
  proxy('response-timeout', 'RESPONSE_TIMEOUT_MS', time(1, '5m')),
  proxy('tunnel-idle-timeout', 'TUNNEL_IDLE_MS', time(1, '1h')),
]

const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = proxyAnnotations
const quantities: readonly string[] = [cpuRequest, cpuLimit, memoryRequest, memoryLimit]
const parseAmount = (text: string): Result<string> => (parseQuantity(text) === undefined ? err('a quantity such as 50m or 64Mi') : ok(text))

const parsers: ReadonlyMap<string, ProxySetting['parse']> = new Map([...quantities.map((key) => [key, parseAmount] as const), ...proxySettings.map(({ key, parse }) => [key, parse] as const)])

const prefix = 'kinglet.sh/proxy-'
const known = [...parsers.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))

/** Annotations that mean something on a pod template. */
export const isProxyAnnotation = (key: string): boolean => parsers.has(key)

/** The value of an annotation as the sidecar wants it; undefined where there is none, or none that can be read. */
export function readProxyAnnotation(annotations: JsonObject, key: string): string | undefined {
  const text = annotations[key]
  const parsed = typeof text === 'string' ? parsers.get(key)?.(text.trim()) : undefined
  return parsed?.ok ? parsed.value : undefined
}

/** What is wrong with the annotations of a pod template, or a pod: values that cannot be read, and keys that look like ours and mean nothing. */
export function proxyProblems(annotations: JsonObject): readonly Problem[] {
  return Object.entries(annotations).flatMap(([key, text]): readonly Problem[] => {
    const parse = parsers.get(key)
    const meant = parse ? undefined : nearest(key.slice(prefix.length, 100), known)
    if (!parse) return isLikeOurs(key) ? [{ code: 'UnknownAnnotation', path: `annotation ${key}`, message: 'it means nothing on a pod template', remedy: meant === undefined ? 'Remove it' : `Perhaps ${prefix}${meant} is meant` }] : []
    const parsed = parse(typeof text === 'string' ? text.trim() : '')
    return parsed.ok ? [] : [{ code: 'BadAnnotation', path: `annotation ${key}`, message: `${JSON.stringify(text)} is not ${parsed.error}`, remedy: 'Correct or remove it: the default is used until then' }]
  })
}

const isLikeOurs = (key: string): boolean => key.startsWith(prefix) && key !== injectedImageAnnotation
