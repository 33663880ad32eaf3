import { parseDurationMs } from '../base/duration.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import { parseMatchRule } from './canary-routing.ts'
import { parseStatus, type CanaryStatus } from './canary-status.ts'
import { parseJudge, type JudgeSpec } from './judge-spec.ts'
import { pauseAnnotations } from './keys.ts'
import type { MatchRule, RoutePolicy, StickyKey } from './routing.ts'
import { parsePolicy } from './service-policy.ts'
import { parseSessionAffinity, parseStickyKey, type SessionAffinitySpec } from './session-affinity.ts'
import { isAbTesting, unheededFields } from './unheeded.ts'

/**
 * A Flagger `Canary` as Kinglet reads it. Fields that this version acts on are typed and have their defaults (Flagger's unless
 * said); everything else is tolerated and ignored. Parsing never fails: `validate.ts` says what is wrong, and a Canary
 * with problems is not acted upon.
 */
export interface Canary {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly generation: number
  readonly resourceVersion: string
  /** RFC 3339. */
  readonly createdAt: string
  readonly isDeleting: boolean
  readonly finalizers: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
  readonly owners: readonly JsonObject[]
  readonly spec: CanarySpec
  readonly status: CanaryStatus
}

export interface CanarySpec {
  readonly targetRef: { readonly apiVersion: string; readonly kind: string; readonly name: string }
  readonly autoscalerRef?: { readonly kind: string; readonly name: string; readonly minReplicas?: number; readonly maxReplicas?: number }
  readonly service: ServiceSpec
  readonly analysis: AnalysisSpec
  /** Longest wait for readiness, seconds. Default 600. */
  readonly progressDeadlineSeconds: number
  readonly skipAnalysis: boolean
  readonly suspend: boolean
  /** Default true, other than Flagger's: without it the deletion of a Canary leaves the target at zero replicas. */
  readonly revertOnDeletion: boolean
  /** Paths of fields that are set and have no effect here. */
  readonly unheeded: readonly string[]
}

export interface ServiceSpec {
  /** Name of the apex Service. Default: the target's name. */
  readonly name: string
  readonly port: number
  /** Default `http`. */
  readonly portName: string
  /** Absent: what an existing Service says, else `port`. */
  readonly targetPort?: number | string
  readonly appProtocol?: string
  readonly trafficDistribution?: string
  readonly portDiscovery: boolean
  /** What is done to requests on their way. */
  readonly policy?: RoutePolicy
  readonly headless: boolean
  readonly metadata: Readonly<Record<'apex' | 'primary' | 'canary', CustomMetadata>>
  readonly unmanagedMetadata: { readonly labels: readonly string[]; readonly annotations: readonly string[] }
}

export interface CustomMetadata {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface AnalysisSpec extends JudgeSpec {
  /** Least time that a step is watched, milliseconds, at least 1000. Default 60 s. */
  readonly intervalMs: number
  /** Failed checks until rollback, at least 1. */
  readonly threshold: number
  /** 0: not A/B, not blue/green. */
  readonly iterations: number
  /** Percent, 1–100. */
  readonly maxWeight: number
  /** Percent; 0: none. */
  readonly stepWeight: number
  readonly stepWeights: readonly number[]
  /** Percent; 0: all at once. */
  readonly stepWeightPromotion: number
  readonly primaryReadyThresholdPercent: number
  readonly canaryReadyThresholdPercent: number
  readonly match: readonly MatchRule[]
  /** Share of the primary's requests of which the canary gets a copy before it gets any itself, percent; 0: none. */
  readonly mirrorPercent: number
  readonly sessionAffinity?: SessionAffinitySpec
  readonly stickyKey?: StickyKey
  readonly metrics: readonly MetricSpec[]
  /** What a check without data counts as. */
  readonly onNoData: 'hold' | 'fail'
  readonly rescue: 'off' | 'unsent' | 'idempotent'
  readonly webhooks: readonly { readonly name: string; readonly type: string }[]
}

export interface MetricSpec {
  readonly name: string
  /** Length of the window, milliseconds. Default 60 s. */
  readonly intervalMs: number
  readonly min?: number
  readonly max?: number
  /** Deprecated form of `min` (success rate) or `max` (everything else). */
  readonly threshold?: number
  /** It has a templateRef or an inline query. */
  readonly isCustom: boolean
}

export type Strategy = 'canary' | 'ab-testing' | 'blue-green'

/** Flagger's rule. */
export function strategyOf({ match, iterations }: AnalysisSpec): Strategy {
  if (iterations <= 0) return 'canary'
  return match.length > 0 ? 'ab-testing' : 'blue-green'
}

/** A raw Canary, read tolerantly. */
export function parseCanary(raw: JsonObject): Canary {
  const metadata = objectAt(raw, 'metadata')
  const spec = objectAt(raw, 'spec')
  return {
    name: stringAt(metadata, 'name') ?? '',
    namespace: stringAt(metadata, 'namespace') ?? '',
    uid: stringAt(metadata, 'uid') ?? '',
    generation: numberAt(metadata, 'generation') ?? 0,
    resourceVersion: stringAt(metadata, 'resourceVersion') ?? '',
    createdAt: stringAt(metadata, 'creationTimestamp') ?? '',
    isDeleting: stringAt(metadata, 'deletionTimestamp') !== undefined,
    finalizers: strings(listAt(metadata, 'finalizers')),
    annotations: stringMap(objectAt(metadata, 'annotations')),
    owners: listAt(metadata, 'ownerReferences').filter(isObject),
    spec: parseSpec(spec),
    status: parseStatus(objectAt(raw, 'status')),
  }
}

/** Whether a person holds the weight, by an annotation of the Canary or of its target. */
export const isPaused = (...annotations: readonly Readonly<Record<string, unknown>>[]): boolean =>
  annotations.some((of) => pauseAnnotations.some((key) => of[key] === 'true'))

function parseSpec(spec: JsonObject): CanarySpec {
  const targetName = stringAt(spec, 'targetRef', 'name') ?? ''
  const scaler = objectAt(spec, 'autoscalerRef')
  const scalerName = stringAt(scaler, 'name')
  return {
    targetRef: { apiVersion: stringAt(spec, 'targetRef', 'apiVersion') ?? '', kind: stringAt(spec, 'targetRef', 'kind') ?? '', name: targetName },
    ...(scalerName === undefined
      ? {}
      : {
          autoscalerRef: {
            kind: stringAt(scaler, 'kind') ?? '',
            name: scalerName,
            ...maybe('minReplicas', numberAt(scaler, 'primaryScalerReplicas', 'minReplicas')),
            ...maybe('maxReplicas', numberAt(scaler, 'primaryScalerReplicas', 'maxReplicas')),
          },
        }),
    service: parseService(objectAt(spec, 'service'), targetName),
    analysis: parseAnalysis(objectAt(spec, 'analysis')),
    progressDeadlineSeconds: numberAt(spec, 'progressDeadlineSeconds') ?? 600,
    skipAnalysis: spec['skipAnalysis'] === true,
    suspend: spec['suspend'] === true,
    revertOnDeletion: spec['revertOnDeletion'] !== false,
    unheeded: unheededFields(spec),
  }
}

function parseService(service: JsonObject, targetName: string): ServiceSpec {
  const targetPort = service['targetPort']
  // Flagger reads 0 as absent.
  const isPort = (typeof targetPort === 'number' && targetPort !== 0) || (typeof targetPort === 'string' && targetPort !== '' && targetPort !== '0')
  return {
    name: stringAt(service, 'name') ?? targetName,
    port: numberAt(service, 'port') ?? 0,
    portName: stringAt(service, 'portName') ?? 'http',
    ...(isPort ? { targetPort } : {}),
    ...maybe('appProtocol', stringAt(service, 'appProtocol')),
    ...maybe('trafficDistribution', stringAt(service, 'trafficDistribution')),
    portDiscovery: service['portDiscovery'] === true,
    ...maybe('policy', parsePolicy(service)),
    headless: service['headless'] === true,
    metadata: { apex: customMetadata(service, 'apex'), primary: customMetadata(service, 'primary'), canary: customMetadata(service, 'canary') },
    unmanagedMetadata: {
      labels: strings(listAt(service, 'unmanagedMetadata', 'labels')),
      annotations: strings(listAt(service, 'unmanagedMetadata', 'annotations')),
    },
  }
}

const customMetadata = (service: JsonObject, key: string): CustomMetadata => ({
  labels: stringMap(objectAt(service, key, 'labels')),
  annotations: stringMap(objectAt(service, key, 'annotations')),
})

function parseAnalysis(analysis: JsonObject): AnalysisSpec {
  const stepWeights = listAt(analysis, 'stepWeights').filter((weight) => typeof weight === 'number')
  const maxWeight = numberAt(analysis, 'maxWeight') ?? 0
  const { onNoData, rescue } = analysis
  return {
    intervalMs: Math.max(1000, durationAt(analysis, 'interval')),
    threshold: Math.max(1, numberAt(analysis, 'threshold') ?? 1),
    iterations: Math.max(0, numberAt(analysis, 'iterations') ?? 0),
    maxWeight: stepWeights.length > 0 ? Math.min(100, stepWeights.at(-1) ?? 100) : maxWeight > 0 ? Math.min(100, maxWeight) : 100,
    stepWeight: Math.max(0, numberAt(analysis, 'stepWeight') ?? 0),
    stepWeights,
    stepWeightPromotion: Math.max(0, numberAt(analysis, 'stepWeightPromotion') ?? 0),
    primaryReadyThresholdPercent: numberAt(analysis, 'primaryReadyThreshold') ?? 100,
    canaryReadyThresholdPercent: numberAt(analysis, 'canaryReadyThreshold') ?? 100,
    match: listAt(analysis, 'match').map(parseMatchRule),
    mirrorPercent: analysis['mirror'] === true && !isAbTesting(analysis) ? mirrorWeight(analysis) : 0,
    ...maybe('sessionAffinity', parseSessionAffinity(analysis)),
    ...maybe('stickyKey', parseStickyKey(analysis)),
    metrics: listAt(analysis, 'metrics').map(parseMetric),
    onNoData: onNoData === 'fail' ? 'fail' : 'hold',
    rescue: rescue === 'off' || rescue === 'idempotent' ? rescue : 'unsent',
    ...parseJudge(analysis),
    webhooks: listAt(analysis, 'webhooks').map((hook) => ({ name: stringAt(hook, 'name') ?? '', type: stringAt(hook, 'type') ?? '' })),
  }
}

/** Flagger's: everything, unless a weight says less. */
function mirrorWeight(analysis: JsonObject): number {
  const weight = numberAt(analysis, 'mirrorWeight') ?? 0
  return weight > 0 ? Math.min(100, weight) : 100
}

function parseMetric(raw: unknown): MetricSpec {
  return {
    name: stringAt(raw, 'name') ?? '',
    intervalMs: Math.max(1000, durationAt(raw, 'interval')),
    ...maybe('min', numberAt(raw, 'thresholdRange', 'min')),
    ...maybe('max', numberAt(raw, 'thresholdRange', 'max')),
    ...maybe('threshold', numberAt(raw, 'threshold')),
    isCustom: isObject(valueAt(raw, 'templateRef')) || (stringAt(raw, 'query') ?? '') !== '',
  }
}

function durationAt(raw: unknown, key: string): number {
  const parsed = parseDurationMs(stringAt(raw, key) ?? '')
  return parsed.ok && parsed.value > 0 ? parsed.value : 60_000
}

const strings = (list: readonly unknown[]): readonly string[] => list.filter((item) => typeof item === 'string')

const stringMap = (object: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))

function maybe<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V })
}
