import { parseDurationMs } from '../base/duration.ts'
import type { Json, JsonObject } from '../base/json.ts'
import { nearest } from '../base/nearest.ts'
import { err, ok, type Result } from '../base/result.ts'
import { canaryAnnotation, finalizer, pauseAnnotations, replicasAnnotation, settingAnnotations, targetStatusAnnotation } from './keys.ts'
import { isProxyAnnotation } from './proxy-settings.ts'
import type { Problem } from './validate.ts'

/**
 * The annotations on a Deployment by which a person opts in, and the Canary that Kinglet makes of them.
 * Without further annotations: steps of 10 % up to 50 %, one a minute, success rate at least 99 %, p99 at most 500 ms, five failed checks.
 */
export interface Settings {
  /** Name of the Service; absent: the only one that selects the pods. */
  readonly service?: string
  /** Port of the Service by number or name; absent: its only one. */
  readonly port?: string
  /** `spec.analysis` of the Canary. */
  readonly analysis: JsonObject
}

/** What the shell found out for a Deployment that opts in. */
export interface Discovered {
  readonly service: string
  readonly port: number
  /** A HorizontalPodAutoscaler that scales the Deployment. */
  readonly autoscaler?: string
}

export const isOptedIn = (annotations: JsonObject): boolean => annotations[canaryAnnotation] === 'enabled'

/** What looks like a wish and is none: a value that does not opt in, keys that mean nothing here. A person is told; nothing waits for it. */
export function misunderstood(annotations: JsonObject): readonly Problem[] {
  const value = annotations[canaryAnnotation]
  if (value !== undefined && value !== 'enabled') {
    const isOff = value === 'disabled' || value === 'false' || value === ''
    return isOff ? [] : [{ code: 'BadAnnotation', path: `annotation ${canaryAnnotation}`, message: `${JSON.stringify(value)} does not opt in`, remedy: 'Write "enabled", or remove the annotation' }]
  }
  if (value === undefined) return []
  return Object.keys(annotations)
    .filter((key) => key.startsWith(prefix) && !known.has(key))
    .map((key) => ({ code: 'UnknownAnnotation', path: `annotation ${key}`, message: 'it means nothing on a Deployment', remedy: remedyFor(key) }))
}

const prefix = 'kinglet.sh/'
const own = [...Object.values(settingAnnotations), replicasAnnotation, ...pauseAnnotations]
const known: ReadonlySet<string> = new Set([canaryAnnotation, targetStatusAnnotation, ...own])

function remedyFor(key: string): string {
  if (isProxyAnnotation(key)) return 'Set it in spec.template.metadata.annotations'
  const names = own.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  const meant = nearest(key.slice(prefix.length, 100), names)
  return meant === undefined ? `Those that do are ${prefix}: ${names.join(', ')}` : `Perhaps ${prefix}${meant} is meant`
}

/** The settings in a Deployment's annotations, or what is wrong with them: every bad value by its key. */
export function parseSettings(annotations: JsonObject): Result<Settings, readonly Problem[]> {
  const problems: Problem[] = []
  const read = <T>(key: string, parse: (value: string) => Result<T>): T | undefined => {
    const value = annotations[key]
    if (value === undefined) return undefined
    const parsed = parse(typeof value === 'string' ? value.trim() : '')
    if (parsed.ok) return parsed.value
    problems.push({ code: 'BadAnnotation', path: `annotation ${key}`, message: `${JSON.stringify(value)} is not ${parsed.error}`, remedy: `Correct or remove the annotation ${key}` })
    return undefined
  }
  const service = read(settingAnnotations.service, nonEmpty)
  const port = read(settingAnnotations.port, nonEmpty)
  const analysis = readAnalysis(read)
  for (const key of pauseAnnotations) read(key, truth)
  read(replicasAnnotation, whole('a number of replicas', 0, 100_000))
  if (annotations[settingAnnotations.stepWeight] !== undefined && annotations[settingAnnotations.stepWeights] !== undefined) {
    problems.push({ code: 'AmbiguousStrategy', path: `annotation ${settingAnnotations.stepWeights}`, message: `it stands beside ${settingAnnotations.stepWeight}`, remedy: 'Keep one of them' })
  }
  if (analysis['iterations'] !== undefined && (annotations[settingAnnotations.stepWeight] !== undefined || annotations[settingAnnotations.stepWeights] !== undefined)) {
    problems.push({ code: 'AmbiguousStrategy', path: `annotation ${settingAnnotations.iterations}`, message: 'it stands beside a step weight', remedy: `Keep either ${settingAnnotations.iterations} or ${settingAnnotations.stepWeight}` })
  }
  if (problems.length > 0) return err(problems)
  return ok({ ...(service === undefined ? {} : { service }), ...(port === undefined ? {} : { port }), analysis })
}

type Read = <T>(key: string, parse: (value: string) => Result<T>) => T | undefined

function readAnalysis(read: Read): JsonObject {
  const interval = read(settingAnnotations.interval, duration) ?? '1m'
  const rules = [read(settingAnnotations.matchHeader, condition('headers')), read(settingAnnotations.matchCookie, condition('cookies'))].filter((rule) => rule !== undefined)
  const iterations = read(settingAnnotations.iterations, whole('a whole number from 1', 1, 100_000))
  const stepWeights = read(settingAnnotations.stepWeights, risingWeights)
  const stepWeight = read(settingAnnotations.stepWeight, whole('a percentage from 1 to 100', 1, 100))
  const maxWeight = read(settingAnnotations.maxWeight, whole('a percentage from 1 to 100', 1, 100))
  return {
    interval,
    threshold: read(settingAnnotations.threshold, whole('a whole number from 1', 1, 100_000)) ?? 5,
    ...strategy({ iterations, stepWeights, stepWeight, maxWeight }),
    ...(rules.length > 0 ? { match: rules } : {}),
    ...readJudge(read),
    metrics: [
      { name: 'request-success-rate', thresholdRange: { min: read(settingAnnotations.successRate, percentage) ?? 99 }, interval },
      { name: 'request-duration', thresholdRange: { max: read(settingAnnotations.latencyP99, milliseconds) ?? 500 }, interval },
    ],
  }
}

/** The judge's own fields, as far as they are set. */
function readJudge(read: Read): JsonObject {
  const isOn = read(settingAnnotations.guard, oneOf(['enabled', 'disabled']))
  const harmBudget = read(settingAnnotations.harmBudget, positive('a number of requests above 0'))
  const guard = present({
    enabled: isOn === undefined ? undefined : isOn === 'enabled',
    alpha: read(settingAnnotations.guardAlpha, positive('a probability above 0 and at most 0.5', 0.5)),
    tolerance: read(settingAnnotations.guardTolerance, positive('a ratio from 1 to 10', 10, 1)),
  })
  return present({
    guard: Object.keys(guard).length > 0 ? guard : undefined,
    advance: read(settingAnnotations.advance, oneOf(['interval', 'evidence'])),
    maxDuration: read(settingAnnotations.maxDuration, duration),
    onInconclusive: read(settingAnnotations.onInconclusive, oneOf(['hold', 'promote', 'rollback'])),
    adaptive: harmBudget === undefined ? undefined : { harmBudget },
    bake: read(settingAnnotations.bake, duration),
  })
}

const present = (fields: Readonly<Record<string, Json | undefined>>): JsonObject => Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined))

interface Weights {
  readonly iterations: number | undefined
  readonly stepWeights: readonly number[] | undefined
  readonly stepWeight: number | undefined
  readonly maxWeight: number | undefined
}

/** Exactly one strategy. */
function strategy({ iterations, stepWeights, stepWeight, maxWeight }: Weights): JsonObject {
  if (iterations !== undefined) return { iterations }
  if (stepWeights !== undefined) return { stepWeights }
  return { stepWeight: stepWeight ?? 10, maxWeight: maxWeight ?? 50 }
}

/** The Canary for a Deployment that opted in. The Deployment owns it, so that it goes when the Deployment goes. */
export function buildCanary(deployment: { readonly name: string; readonly namespace: string; readonly uid: string }, settings: Settings, discovered: Discovered): JsonObject {
  const { name, namespace, uid } = deployment
  return {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'kinglet' },
      // The controller would add it a moment later.
      finalizers: [finalizer],
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: false, blockOwnerDeletion: false }],
    },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      ...(discovered.autoscaler === undefined ? {} : { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: discovered.autoscaler } }),
      service: { name: discovered.service, port: discovered.port },
      analysis: settings.analysis,
    },
  }
}

const truth = (value: string): Result<string> => (value === 'true' || value === 'false' ? ok(value) : err('"true" or "false"'))

const nonEmpty = (value: string): Result<string> => (value === '' ? err('the name of a Service') : ok(value))

const whole =
  (what: string, min: number, max: number) =>
  (value: string): Result<number> =>
    /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max ? ok(Number(value)) : err(what)

const oneOf =
  (allowed: readonly string[]) =>
  (value: string): Result<string> =>
    allowed.includes(value) ? ok(value) : err(`one of ${allowed.join(', ')}`)

const positive =
  (what: string, max = Number.MAX_SAFE_INTEGER, min = 0) =>
  (value: string): Result<number> =>
    value !== '' && Number(value) > 0 && Number(value) >= min && Number(value) <= max ? ok(Number(value)) : err(what)

function duration(value: string): Result<string> {
  const parsed = parseDurationMs(value)
  return parsed.ok && parsed.value >= 1000 ? ok(value) : err('a duration of at least 1s, such as 30s or 1m30s')
}

function percentage(value: string): Result<number> {
  const number = Number(value.replace(/%$/, ''))
  return value !== '' && number >= 0 && number <= 100 ? ok(number) : err('a percentage from 0 to 100')
}

/** `500ms`, `1s` or a bare number of milliseconds. */
function milliseconds(value: string): Result<number> {
  if (/^\d+$/.test(value)) return ok(Number(value))
  const parsed = parseDurationMs(value)
  return parsed.ok && parsed.value > 0 ? ok(parsed.value) : err('a duration such as 500ms')
}

function risingWeights(value: string): Result<readonly number[]> {
  const weights = value.split(',').map((part) => Number(part.trim()))
  const rising = weights.every((weight, index) => Number.isInteger(weight) && weight > (weights[index - 1] ?? 0) && weight <= 100)
  return rising ? ok(weights) : err('a rising list of percentages such as 5,10,25,50')
}

/** `name=value` for an exact match, `name=~regex` for an RE2 expression. */
const condition =
  (kind: 'headers' | 'cookies') =>
  (value: string): Result<JsonObject> => {
    const [, name, operator, operand] = /^([^=~\s]+)\s*(=~|=)\s*(.+)$/.exec(value) ?? []
    if (name === undefined || operand === undefined) return err('of the form name=value or name=~regex')
    const match: Json = operator === '=~' ? { regex: operand } : { exact: operand }
    return ok({ [kind]: { [name]: match } })
  }
