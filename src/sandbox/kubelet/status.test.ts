import { describe, expect, it } from 'vitest'
import { listAt, objectAt, stringAt } from '../../base/json.ts'
import type { ContainerKind, ContainerState } from './container.ts'
import { buildPodStatus, type ContainerSnapshot, type PodSnapshot } from './status.ts'

const at = new Date('2026-01-01T00:00:00Z')
const ended = (code: number): ContainerState => ({ is: 'terminated', terminated: { code, signal: 0, at, startedAt: at, containerId: 'sandbox://1' } })
const running: ContainerState = { is: 'running', startedAt: at }
const waiting = (reason: string): ContainerState => ({ is: 'waiting', waiting: { reason } })

const container = (name: string, kind: ContainerKind, state: ContainerState, more: Partial<ContainerSnapshot> = {}): ContainerSnapshot => ({
  name,
  kind,
  image: 'x',
  state,
  last: undefined,
  restartCount: 0,
  isStarted: state.is === 'running',
  isReady: state.is === 'running',
  containerId: state.is === 'waiting' ? '' : 'sandbox://1',
  ...more,
})

const status = (containers: readonly ContainerSnapshot[], more: Partial<PodSnapshot> = {}) =>
  buildPodStatus({ pod: { metadata: { name: 'p' } }, podAddress: '127.244.0.2', nodeAddress: '127.244.0.1', startedAt: at, isInitialized: true, isOver: false, containers, ...more }, at)

const isTrue = (object: unknown, type: string) => stringAt(listAt(object, 'conditions').find((condition) => stringAt(condition, 'type') === type), 'status') === 'True'

describe('the status of a pod', () => {
  it.each([
    { why: 'is Pending before its first start', containers: [container('a', 'app', waiting('ContainerCreating'))], more: {}, phase: 'Pending', isReady: false },
    { why: 'is Pending while init containers run', containers: [container('i', 'init', running), container('a', 'app', waiting('PodInitializing'))], more: { isInitialized: false }, phase: 'Pending', isReady: false },
    { why: 'is Running and ready', containers: [container('i', 'init', ended(0)), container('a', 'app', running)], more: {}, phase: 'Running', isReady: true },
    { why: 'is not ready while a sidecar is not', containers: [container('s', 'sidecar', running, { isReady: false }), container('a', 'app', running)], more: {}, phase: 'Running', isReady: false },
    { why: 'is Running in a crash loop', containers: [container('a', 'app', waiting('CrashLoopBackOff'), { last: { code: 1, signal: 0, at, startedAt: at, containerId: 'x' }, restartCount: 2 })], more: {}, phase: 'Running', isReady: false },
    { why: 'has succeeded', containers: [container('s', 'sidecar', ended(137)), container('a', 'app', ended(0))], more: { isOver: true }, phase: 'Succeeded', isReady: false },
    { why: 'has failed', containers: [container('a', 'app', ended(0)), container('b', 'app', ended(3))], more: { isOver: true }, phase: 'Failed', isReady: false },
  ])('$why', ({ containers, more, phase, isReady }) => {
    const built = status(containers, more)
    expect(stringAt(built, 'phase')).toBe(phase)
    expect(isTrue(built, 'Ready')).toBe(isReady)
  })

  it('names the containers that are not ready', () => {
    const built = status([container('a', 'app', running, { isReady: false }), container('b', 'app', running)])
    expect(listAt(built, 'conditions').find((condition) => stringAt(condition, 'type') === 'Ready')).toMatchObject({ reason: 'ContainersNotReady', message: 'containers with unready status: [a]' })
  })

  it('is not ready before a readiness gate of others is open', () => {
    const pod = { spec: { readinessGates: [{ conditionType: 'example.com/lb' }] } }
    expect(isTrue(status([container('a', 'app', running)], { pod }), 'Ready')).toBe(false)
    const open = { ...pod, status: { conditions: [{ type: 'example.com/lb', status: 'True' }] } }
    expect(isTrue(status([container('a', 'app', running)], { pod: open }), 'Ready')).toBe(true)
  })

  it('keeps the last end of a container that runs again', () => {
    const last = { code: 7, signal: 0, at, startedAt: at, containerId: 'sandbox://0' }
    const [shown] = listAt(status([container('a', 'app', running, { last, restartCount: 1 })]), 'containerStatuses')
    expect(objectAt({ shown }, 'shown')).toMatchObject({ restartCount: 1, state: { running: {} }, lastState: { terminated: { exitCode: 7, reason: 'Error' } } })
  })
})
