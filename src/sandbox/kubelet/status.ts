import { listAt, objectAt, stringAt, type Json, type JsonObject } from '../../base/json.ts'
import { timestamp } from '../events.ts'
import type { ContainerKind, ContainerState, Terminated } from './container.ts'

/** A pod's status by the state of its containers. Pure. */

export interface ContainerSnapshot {
  readonly name: string
  readonly kind: ContainerKind
  readonly image: string
  readonly state: ContainerState
  readonly last: Terminated | undefined
  readonly restartCount: number
  readonly isStarted: boolean
  readonly isReady: boolean
  readonly containerId: string
}

export interface PodSnapshot {
  readonly pod: JsonObject
  readonly podAddress: string
  readonly nodeAddress: string
  readonly startedAt: Date
  readonly containers: readonly ContainerSnapshot[]
  /** All init containers have done their part. */
  readonly isInitialized: boolean
  /** No container runs or will run again. */
  readonly isOver: boolean
}

/** The whole `status` of the pod. */
export function buildPodStatus(snapshot: PodSnapshot, now: Date): JsonObject {
  const { pod, containers, podAddress, nodeAddress } = snapshot
  const regular = containers.filter((container) => container.kind === 'app')
  const before = containers.filter((container) => container.kind !== 'app')
  return {
    ...objectAt(pod, 'status'),
    phase: podPhase(snapshot),
    conditions: mergeConditions(listAt(pod, 'status', 'conditions'), podConditions(snapshot), now),
    hostIP: nodeAddress,
    hostIPs: [{ ip: nodeAddress }],
    podIP: podAddress,
    podIPs: [{ ip: podAddress }],
    startTime: timestamp(snapshot.startedAt),
    qosClass: stringAt(pod, 'status', 'qosClass') ?? 'BestEffort',
    ...(before.length > 0 ? { initContainerStatuses: before.map((container) => containerStatus(container)) } : {}),
    containerStatuses: regular.map((container) => containerStatus(container)),
  }
}

/** Pending until an app container has been started, then Running until all have ended for good. */
export function podPhase({ containers, isOver, isInitialized }: Pick<PodSnapshot, 'containers' | 'isOver' | 'isInitialized'>): string {
  if (isOver) {
    const ended = containers.filter((container) => container.kind !== 'sidecar')
    return ended.every((container) => container.state.is === 'terminated' && container.state.terminated.code === 0) ? 'Succeeded' : 'Failed'
  }
  if (!isInitialized) return 'Pending'
  const hasRun = containers.some((container) => container.kind === 'app' && (container.state.is !== 'waiting' || container.last !== undefined))
  return hasRun ? 'Running' : 'Pending'
}

interface Condition {
  readonly type: string
  readonly isTrue: boolean
  readonly reason?: string
  readonly message?: string
}

function podConditions(snapshot: PodSnapshot): readonly Condition[] {
  const { containers, isInitialized, isOver } = snapshot
  // Sidecars count for readiness (KEP-753); init containers that end don't.
  const unready = containers.filter((container) => container.kind !== 'init' && !container.isReady).map((container) => container.name)
  const waiting = containers.filter((container) => container.kind === 'sidecar' && !container.isStarted).map((container) => container.name)
  const unfinished = containers.filter((container) => container.kind === 'init' && !hasSucceeded(container)).map((container) => container.name)
  const isReady = unready.length === 0 && isInitialized && !isOver
  const unreadyReason = isOver
    ? { reason: 'PodCompleted' }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
  const gate = failedGate(snapshot.pod)
  const initialized = isInitialized
    ? {}
    : { reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${[...unfinished, ...waiting].join(' ')}]` }
  return [
    { type: 'PodReadyToStartContainers', isTrue: !isOver },
    { type: 'Initialized', isTrue: isInitialized, ...initialized },
    readyCondition(isReady, unreadyReason, gate),
    { type: 'ContainersReady', isTrue: isReady, ...(isReady ? {} : unreadyReason) },
    { type: 'PodScheduled', isTrue: true },
  ]
}

function readyCondition(isReady: boolean, unreadyReason: { readonly reason: string; readonly message?: string }, gate: string | undefined): Condition {
  if (!isReady) return { type: 'Ready', isTrue: false, ...unreadyReason }
  if (gate === undefined) return { type: 'Ready', isTrue: true }
  return { type: 'Ready', isTrue: false, reason: 'ReadinessGatesNotReady', message: `corresponding condition of pod readiness gate "${gate}" does not exist or is not True.` }
}

function failedGate(pod: JsonObject): string | undefined {
  const gates = listAt(pod, 'spec', 'readinessGates').flatMap((gate) => stringAt(gate, 'conditionType') ?? [])
  const conditions = listAt(pod, 'status', 'conditions')
  return gates.find((gate) => !conditions.some((condition) => stringAt(condition, 'type') === gate && stringAt(condition, 'status') === 'True'))
}

/** Conditions that others set stay; a transition time changes only with the status. */
export function mergeConditions(before: readonly Json[], wanted: readonly Condition[], now: Date): Json[] {
  const types = new Set(wanted.map(({ type }) => type))
  const merged = wanted.map(({ type, isTrue, reason, message }): JsonObject => {
    const old = before.find((condition) => stringAt(condition, 'type') === type)
    const status = isTrue ? 'True' : 'False'
    const since = stringAt(old, 'status') === status ? stringAt(old, 'lastTransitionTime') : undefined
    return {
      type,
      status,
      lastProbeTime: null,
      lastTransitionTime: since ?? timestamp(now),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    }
  })
  return [...before.filter((condition) => !types.has(stringAt(condition, 'type') ?? '')), ...merged]
}

const hasSucceeded = ({ state }: ContainerSnapshot): boolean => state.is === 'terminated' && state.terminated.code === 0

function containerStatus(container: ContainerSnapshot): JsonObject {
  const { name, image, state, last, restartCount } = container
  const isReady = container.kind === 'init' ? hasSucceeded(container) : container.isReady
  const hasRunBefore = last !== undefined && (state.is !== 'terminated' || state.terminated !== last)
  return {
    name,
    image,
    imageID: container.containerId === '' ? '' : `sandbox://${image}`,
    ...(container.containerId === '' ? {} : { containerID: container.containerId }),
    ready: isReady,
    started: container.kind === 'init' ? state.is === 'running' : container.isStarted,
    restartCount,
    state: stateStatus(state),
    lastState: hasRunBefore || (last !== undefined && restartCount > 0 && state.is !== 'terminated') ? { terminated: terminatedStatus(last) } : {},
  }
}

function stateStatus(state: ContainerState): JsonObject {
  switch (state.is) {
    case 'waiting':
      return { waiting: { ...state.waiting } }
    case 'running':
      return { running: { startedAt: timestamp(state.startedAt) } }
    case 'terminated':
      return { terminated: terminatedStatus(state.terminated) }
  }
}

const terminatedStatus = (terminated: Terminated): JsonObject => ({
  exitCode: terminated.code,
  ...(terminated.signal === 0 ? {} : { signal: terminated.signal }),
  reason: terminated.code === 0 ? 'Completed' : 'Error',
  startedAt: timestamp(terminated.startedAt),
  finishedAt: timestamp(terminated.at),
  containerID: terminated.containerId,
})
