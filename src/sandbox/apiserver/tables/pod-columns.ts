import { isObject, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import { nameOf } from '../object-meta.ts'
import { ageSince } from './age.ts'
import type { Column } from './column.ts'

/** What `kubectl get pods` says of a pod: its state is read from its containers, not from its phase alone. */

const restartable = (object: JsonObject): ReadonlySet<string> =>
  new Set(listAt(object, 'spec', 'initContainers').filter((container) => stringAt(container, 'restartPolicy') === 'Always').map((container) => stringAt(container, 'name') ?? ''))

const isReady = (status: unknown): boolean => isObject(status) && status['ready'] === true

function ready(object: JsonObject): string {
  const sidecars = restartable(object)
  const statuses = listAt(object, 'status', 'containerStatuses')
  const sidecarStatuses = listAt(object, 'status', 'initContainerStatuses').filter((status) => sidecars.has(stringAt(status, 'name') ?? ''))
  const running = [...statuses, ...sidecarStatuses].filter((status) => isReady(status) && isObject(objectAt(status, 'state')['running']))
  return `${running.length}/${listAt(object, 'spec', 'containers').length + sidecars.size}`
}

/** E.g. Running, Completed, CrashLoopBackOff, Init:0/1, Terminating. */
export function podState(object: JsonObject): string {
  if (stringAt(object, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating'
  const fallback = stringAt(object, 'status', 'reason') ?? stringAt(object, 'status', 'phase') ?? 'Unknown'
  const initializing = initState(object)
  if (initializing !== undefined) return initializing
  const reasons = listAt(object, 'status', 'containerStatuses').toReversed().map(containerReason).filter((reason) => reason !== undefined)
  const worst = reasons.at(-1)
  if (worst === 'Completed' && listAt(object, 'status', 'containerStatuses').some((status) => isReady(status))) return 'Running'
  return worst ?? fallback
}

function initState(object: JsonObject): string | undefined {
  const sidecars = restartable(object)
  const statuses = listAt(object, 'status', 'initContainerStatuses')
  const total = listAt(object, 'spec', 'initContainers').length
  for (const [index, status] of statuses.entries()) {
    const state = objectAt(status, 'state')
    const done = numberAt(state, 'terminated', 'exitCode') === 0
    const started = sidecars.has(stringAt(status, 'name') ?? '') && objectAt(status)['started'] === true
    if (done || started) continue
    const reason = containerReason(status)
    if (isObject(state['terminated'])) return `Init:${reason ?? `ExitCode:${numberAt(state, 'terminated', 'exitCode') ?? 0}`}`
    if (reason !== undefined && reason !== 'PodInitializing') return `Init:${reason}`
    return `Init:${index}/${total}`
  }
  return undefined
}

function containerReason(status: unknown): string | undefined {
  const state = objectAt(status, 'state')
  const waiting = stringAt(state, 'waiting', 'reason')
  if (waiting !== undefined && waiting !== '') return waiting
  if (!isObject(state['terminated'])) return undefined
  const reason = stringAt(state, 'terminated', 'reason')
  if (reason !== undefined && reason !== '') return reason
  const signal = numberAt(state, 'terminated', 'signal')
  return signal === undefined || signal === 0 ? `ExitCode:${numberAt(state, 'terminated', 'exitCode') ?? 0}` : `Signal:${signal}`
}

function restarts(object: JsonObject, now: Date): string {
  const sidecars = restartable(object)
  const statuses = [...listAt(object, 'status', 'containerStatuses'), ...listAt(object, 'status', 'initContainerStatuses').filter((status) => sidecars.has(stringAt(status, 'name') ?? ''))]
  const count = statuses.reduce((sum: number, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0)
  const last = statuses.map((status) => stringAt(status, 'lastState', 'terminated', 'finishedAt')).filter((time) => time !== undefined).toSorted().at(-1)
  return count > 0 && last !== undefined ? `${count} (${ageSince(last, now)} ago)` : String(count)
}

const wide = (name: string, cell: (object: JsonObject) => string): Column => ({ name, type: 'string', priority: 1, cell })

export const podColumns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', cell: nameOf },
  { name: 'Ready', type: 'string', cell: ready },
  { name: 'Status', type: 'string', cell: podState },
  { name: 'Restarts', type: 'string', cell: restarts },
  { name: 'Age', type: 'string', cell: (object, now) => ageSince(stringAt(object, 'metadata', 'creationTimestamp'), now) },
  wide('IP', (object) => stringAt(object, 'status', 'podIP') ?? '<none>'),
  wide('Node', (object) => stringAt(object, 'spec', 'nodeName') ?? '<none>'),
  wide('Nominated Node', (object) => stringAt(object, 'status', 'nominatedNodeName') ?? '<none>'),
  wide('Readiness Gates', () => '<none>'),
]
