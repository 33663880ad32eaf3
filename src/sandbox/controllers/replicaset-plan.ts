import { listAt, numberAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'

/** What a ReplicaSet does next, and its status. Kubernetes, pkg/controller/replicaset and controller_utils.go. Pure. */

/** Pods that count: neither ended nor on their way out. */
export const isActivePod = (pod: JsonObject): boolean =>
  !['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? '') && stringAt(pod, 'metadata', 'deletionTimestamp') === undefined

export const isReadyPod = (pod: JsonObject): boolean => readyCondition(pod)?.isReady === true

function readyCondition(pod: JsonObject): { readonly isReady: boolean; readonly since: number } | undefined {
  const condition = listAt(pod, 'status', 'conditions').find((candidate) => stringAt(candidate, 'type') === 'Ready')
  if (condition === undefined) return undefined
  return { isReady: stringAt(condition, 'status') === 'True', since: Date.parse(stringAt(condition, 'lastTransitionTime') ?? '') || 0 }
}

/** When a ready pod becomes available, milliseconds of the epoch; undefined while it is not ready. */
export function availableAt(pod: JsonObject, minReadySeconds: number): number | undefined {
  const ready = readyCondition(pod)
  return ready?.isReady === true ? ready.since + minReadySeconds * 1000 : undefined
}

/**
 * The order in which pods are given up: without a node, pending, not ready, cheap by `pod-deletion-cost`, ready for a shorter time, often restarted, young.
 * Kubernetes, controller_utils.go, ActivePodsWithRanks; its rank by pods on one node has no meaning with one node.
 */
export function pickVictims(pods: readonly JsonObject[], count: number): readonly JsonObject[] {
  const keys = (pod: JsonObject): readonly number[] => [
    stringAt(pod, 'spec', 'nodeName') === undefined ? 0 : 1,
    phaseOrder[stringAt(pod, 'status', 'phase') ?? ''] ?? 0,
    isReadyPod(pod) ? 1 : 0,
    Number(stringAt(pod, 'metadata', 'annotations', 'controller.kubernetes.io/pod-deletion-cost') ?? '0') || 0,
    -(readyCondition(pod)?.since ?? Number.POSITIVE_INFINITY),
    -restarts(pod),
    -(Date.parse(stringAt(pod, 'metadata', 'creationTimestamp') ?? '') || 0),
  ]
  return pods.toSorted((a, b) => compare(keys(a), keys(b)) || ((stringAt(a, 'metadata', 'name') ?? '') > (stringAt(b, 'metadata', 'name') ?? '') ? -1 : 1)).slice(0, count)
}

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

const restarts = (pod: JsonObject): number => Math.max(0, ...listAt(pod, 'status', 'containerStatuses').map((status) => numberAt(status, 'restartCount') ?? 0))

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0
    if (value !== other) return value < other ? -1 : 1
  }
  return 0
}

/** The status of a ReplicaSet with these active pods; `recheckMs` when a pod becomes available by the passing of time. */
export function buildReplicaSetStatus(set: JsonObject, pods: readonly JsonObject[], failure: string | undefined, now: Date): { readonly status: JsonObject; readonly recheckMs?: number } {
  const minReadySeconds = numberAt(set, 'spec', 'minReadySeconds') ?? 0
  const times = pods.flatMap((pod) => availableAt(pod, minReadySeconds) ?? [])
  const templateLabels = Object.entries(objectAt(set, 'spec', 'template', 'metadata', 'labels'))
  const counts = {
    fullyLabeledReplicas: pods.filter((pod) => templateLabels.every(([key, value]) => stringAt(pod, 'metadata', 'labels', key) === value)).length,
    readyReplicas: times.length,
    availableReplicas: times.filter((time) => time <= now.getTime()).length,
  }
  const later = times.filter((time) => time > now.getTime())
  const status: JsonObject = {
    observedGeneration: numberAt(set, 'metadata', 'generation') ?? 0,
    replicas: pods.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(failure === undefined ? {} : { conditions: [failureCondition(set, failure, now)] }),
  }
  return later.length === 0 ? { status } : { status, recheckMs: Math.min(...later) - now.getTime() + 10 }
}

function failureCondition(set: JsonObject, message: string, now: Date): JsonObject {
  const before = listAt(set, 'status', 'conditions').find((condition) => stringAt(condition, 'type') === 'ReplicaFailure')
  const since = stringAt(before, 'lastTransitionTime') ?? now.toISOString().replace(/\.\d+Z$/, 'Z')
  return { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message, lastTransitionTime: since }
}

/** The pod that a ReplicaSet makes. */
export function buildPod(set: JsonObject): JsonObject {
  const template = objectAt(set, 'spec', 'template')
  const name = stringAt(set, 'metadata', 'name') ?? ''
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${name}-`,
      namespace: stringAt(set, 'metadata', 'namespace'),
      labels: objectAt(template, 'metadata', 'labels'),
      annotations: objectAt(template, 'metadata', 'annotations'),
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: stringAt(set, 'metadata', 'uid'), controller: true, blockOwnerDeletion: true }],
    },
    spec: objectAt(template, 'spec'),
  }
}
