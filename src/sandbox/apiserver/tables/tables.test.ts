import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../base/json.ts'
import { evaluateJsonPath } from '../crd/json-path.ts'
import { formatAge } from './age.ts'
import { podColumns } from './pod-columns.ts'

describe('an age', () => {
  it.each([
    [0, '0s'], [119, '119s'], [120, '2m'], [125, '2m5s'], [599, '9m59s'], [600, '10m'], [10_799, '179m'], [10_800, '3h'], [11_100, '3h5m'],
    [28_800, '8h'], [172_799, '47h'], [172_800, '2d'], [180_000, '2d2h'], [691_200, '8d'], [63_072_000, '2y'],
  ])('of %d s is %s', (seconds, text) => expect(formatAge(seconds * 1000)).toBe(text))
})

describe('the state of a pod', () => {
  const now = new Date('2026-01-01T00:01:00Z')
  const pod = (status: JsonObject, more: JsonObject = {}): JsonObject => ({ metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z', ...more }, spec: { containers: [{ name: 'a' }], initContainers: [{ name: 'side', restartPolicy: 'Always' }, { name: 'once' }] }, status })
  const running = { state: { running: {} }, ready: true, restartCount: 0 }
  const cells = (object: JsonObject): readonly unknown[] => podColumns.slice(0, 5).map((column) => column.cell(object, now))
  const side = { name: 'side', started: true, ...running }
  const done = { name: 'once', state: { terminated: { exitCode: 0, reason: 'Completed' } }, ready: true, restartCount: 0 }

  it.each<[string, JsonObject, readonly unknown[]]>([
    ['new', pod({ phase: 'Pending' }), ['p', '0/2', 'Pending', '0', '60s']],
    ['initializing', pod({ phase: 'Pending', initContainerStatuses: [side, { name: 'once', state: { running: {} } }] }), ['p', '1/2', 'Init:1/2', '0', '60s']],
    ['running', pod({ phase: 'Running', initContainerStatuses: [side, done], containerStatuses: [{ name: 'a', ...running }] }), ['p', '2/2', 'Running', '0', '60s']],
    ['crashing', pod({ phase: 'Running', initContainerStatuses: [side, done], containerStatuses: [{ name: 'a', ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { finishedAt: '2026-01-01T00:00:30Z' } } }] }), ['p', '1/2', 'CrashLoopBackOff', '3 (30s ago)', '60s']],
    ['going', pod({ phase: 'Running', initContainerStatuses: [side, done], containerStatuses: [{ name: 'a', ...running }] }, { deletionTimestamp: '2026-01-01T00:02:00Z' }), ['p', '2/2', 'Terminating', '0', '60s']],
  ])('%s', (_what, object, expected) => expect(cells(object)).toEqual(expected))
})

describe('a JSON path of a column', () => {
  const object = { spec: { replicas: 3, list: [{ n: 'a' }, { n: 'b' }] }, metadata: { annotations: { 'a.b/c': 'x' } }, status: { conditions: [{ type: 'Ready', status: 'True' }, { type: 'Other', status: 'False' }] } }
  it.each([
    ['.spec.replicas', [3]],
    ['.spec.none', []],
    ['.spec.list[1].n', ['b']],
    ['.spec.list[*].n', ['a', 'b']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ["{.status.conditions[?(@.type=='Other')].status}", ['False']],
    ['.metadata.annotations.a\\.b/c', ['x']],
    ["['metadata']['annotations']['a.b/c']", ['x']],
  ])('%s finds %j', (path, expected) => expect(evaluateJsonPath(object, path)).toEqual(expected))
})
