import { parseDurationMs } from '../base/duration.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../base/json.ts'
import { judgeProblems } from './judge-spec.ts'
import { canaryServiceName } from './keys.ts'
import type { Problem } from './problem.ts'
import { routingProblems } from './validate-routing.ts'

export { describeProblem, type Problem } from './problem.ts'

/** Longest name of a Service, and longest value of a label (RFC 1123 label). */
export const longestLabel = 63
const builtInMetrics = ['request-success-rate', 'request-duration']

type Check = (raw: JsonObject) => readonly Problem[]

/**
 * What is wrong with a raw Canary taken for itself, most basic first; empty when it can be acted on. What only the cluster can
 * tell (target, ports, selector, Services) is checked where those are read. The CRD's schema has most of these
 * rules too; a cluster may run with Flagger's older CRD.
 */
export const validateCanary = (raw: JsonObject): readonly Problem[] => checks.flatMap((check) => check(raw))

const problem = (code: string, path: string, message: string, remedy: string): Problem => ({ code, path, message, remedy })

const targetKind: Check = (raw) => {
  const kind = stringAt(raw, 'spec', 'targetRef', 'kind') ?? ''
  if (kind === 'Deployment') return []
  return [problem('UnsupportedKind', 'spec.targetRef.kind', `"${kind}" is not a kind that Kinglet can split`, 'Name a Deployment')]
}

const targetName: Check = (raw) =>
  stringAt(raw, 'spec', 'targetRef', 'name') ? [] : [problem('InvalidSpec', 'spec.targetRef.name', 'it is empty', 'Name the Deployment')]

const scalerKind: Check = (raw) => {
  const ref = valueAt(raw, 'spec', 'autoscalerRef')
  const kind = stringAt(ref, 'kind') ?? ''
  if (!isObject(ref) || kind === 'HorizontalPodAutoscaler') return []
  return [problem('UnsupportedKind', 'spec.autoscalerRef.kind', `"${kind}" is not supported yet`, 'Name a HorizontalPodAutoscaler, or remove autoscalerRef')]
}

const serviceName: Check = (raw) => {
  const name = stringAt(raw, 'spec', 'service', 'name') ?? stringAt(raw, 'spec', 'targetRef', 'name') ?? ''
  const longest = longestLabel - (canaryServiceName('').length + 1)
  if (name.length <= longest) return []
  return [problem('NameTooLong', 'spec.service.name', `"${name}" has ${name.length} characters, and with the suffix -primary a Service's name would be longer than ${longestLabel}`, `Give the Service a name of at most ${longest} characters`)]
}

const servicePort: Check = (raw) => {
  const port = valueAt(raw, 'spec', 'service', 'port')
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535) return []
  return [problem('InvalidSpec', 'spec.service.port', `${text(port)} is not a port number`, 'Set the port at which clients call the Service')]
}

const intervals: Check = (raw) => {
  const analysis = objectAt(raw, 'spec', 'analysis')
  const own = analysis['interval'] === undefined ? [] : duration('spec.analysis.interval', analysis['interval'])
  const metrics = listAt(analysis, 'metrics').flatMap((metric, index) => {
    const interval = valueAt(metric, 'interval')
    return interval === undefined ? [] : duration(`spec.analysis.metrics[${index}].interval`, interval)
  })
  return [...own, ...metrics]
}

function duration(path: string, value: unknown): readonly Problem[] {
  const parsed = typeof value === 'string' ? parseDurationMs(value) : undefined
  if (parsed?.ok && parsed.value >= 1000) return []
  return [problem('InvalidSpec', path, `${text(value)} is not a duration of at least 1s`, 'Write it as 30s or 1m30s')]
}

const strategy: Check = (raw) => {
  const spec = objectAt(raw, 'spec')
  const analysis = objectAt(spec, 'analysis')
  const named = [
    ...((numberAt(analysis, 'iterations') ?? 0) > 0 ? ['iterations'] : []),
    ...((numberAt(analysis, 'stepWeight') ?? 0) > 0 ? ['stepWeight'] : []),
    ...(listAt(analysis, 'stepWeights').length > 0 ? ['stepWeights'] : []),
  ]
  if (named.length > 1) return [problem('AmbiguousStrategy', 'spec.analysis', `both ${named.join(' and ')} are set`, 'Keep one: iterations for A/B and blue/green, stepWeight or stepWeights for a canary')]
  if (named.length === 1 || spec['skipAnalysis'] === true) return []
  return [problem('NoStrategy', 'spec.analysis', 'none of stepWeight, stepWeights and iterations is set', 'Set stepWeight, for example 10')]
}

const weights: Check = (raw) => {
  const analysis = objectAt(raw, 'spec', 'analysis')
  const percent = ['stepWeight', 'maxWeight', 'stepWeightPromotion', 'primaryReadyThreshold', 'canaryReadyThreshold'].flatMap((field) => {
    const value = analysis[field]
    if (value === undefined || (isWhole(value) && value >= 0 && value <= 100)) return []
    return [problem('InvalidSpec', `spec.analysis.${field}`, `${text(value)} is not a whole number from 0 to 100`, 'Set a percentage')]
  })
  const steps = listAt(analysis, 'stepWeights')
  const rising = steps.every((step, index) => isWhole(step) && step > (index === 0 ? 0 : Number(steps[index - 1])))
  if (rising) return percent
  return [...percent, problem('InvalidSpec', 'spec.analysis.stepWeights', `${text(steps)} is not a rising list of whole percentages`, 'List each weight once, lowest first')]
}

const counts: Check = (raw) =>
  ['iterations', 'threshold'].flatMap((field) => {
    const value = valueAt(raw, 'spec', 'analysis', field)
    if (value === undefined || (isWhole(value) && value >= 0)) return []
    return [problem('InvalidSpec', `spec.analysis.${field}`, `${text(value)} is not a whole number`, 'Set a number of at least 1')]
  })

const metricThresholds: Check = (raw) =>
  listAt(raw, 'spec', 'analysis', 'metrics').flatMap((metric, index) => {
    const name = stringAt(metric, 'name') ?? ''
    const path = `spec.analysis.metrics[${index}]`
    if (name === '') return [problem('InvalidSpec', `${path}.name`, 'it is empty', 'Name the metric')]
    return thresholdProblems(metric, name, path)
  })

function thresholdProblems(metric: Json, name: string, path: string): readonly Problem[] {
  const range = objectAt(metric, 'thresholdRange')
  const values = { 'thresholdRange.min': range['min'], 'thresholdRange.max': range['max'], threshold: valueAt(metric, 'threshold') }
  const found: Problem[] = []
  for (const [field, value] of Object.entries(values)) {
    if (value === undefined) continue
    const bad = thresholdFault(name, value)
    if (bad) found.push(problem('InvalidThreshold', `${path}.${field}`, `${text(value)} for ${name} ${bad}`, 'Correct the threshold'))
  }
  const { min, max } = range
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    found.push(problem('InvalidThreshold', `${path}.thresholdRange`, `min ${min} is above max ${max}, so no value can pass`, 'Set min below max'))
  }
  if (builtInMetrics.includes(name) && Object.values(values).every((value) => value === undefined)) {
    found.push(problem('InvalidThreshold', `${path}.thresholdRange`, `${name} has neither min nor max`, name === 'request-duration' ? 'Set thresholdRange.max in milliseconds' : 'Set thresholdRange.min in percent'))
  }
  return found
}

function thresholdFault(name: string, value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'is not a number'
  if (name === 'request-success-rate' && (value < 0 || value > 100)) return 'is not a percentage from 0 to 100'
  if (name === 'request-duration' && value < 0) return 'is a negative number of milliseconds'
  return undefined
}

const checks: readonly Check[] = [targetKind, targetName, scalerKind, serviceName, servicePort, intervals, strategy, weights, counts, metricThresholds, routingProblems, judgeProblems]

const isWhole = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value)
const text = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value))
