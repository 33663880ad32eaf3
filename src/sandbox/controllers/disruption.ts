import { describeError } from '../../base/errors.ts'
import { canonicalJson, listAt, numberAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../../base/json.ts'
import { createQueue } from '../../kube/queue.ts'
import { systemClock } from '../../runtime/clock.ts'
import { matchesLabelSelector } from '../apiserver/selectors.ts'
import type { Store } from '../contract.ts'
import { controllerOf, keyOf, splitKey, type ControllerOptions } from './owned.ts'

const resource = 'policy/poddisruptionbudgets'

/** Keeps the status of PodDisruptionBudgets: how many of their pods may go now. Who is not controlled by a ReplicaSet counts as one. */
export function startDisruptionController({ store, logger }: ControllerOptions): () => Promise<void> {
  const queue = createQueue({
    clock: systemClock,
    process: (key) => Promise.resolve(syncBudget(key, store)),
    retryMs: { base: 50, max: 2000 },
    onError: (key, error) => logger.warn('a PodDisruptionBudget cannot be synchronised', { budget: key, error: describeError(error) }),
  })
  const addBudgetsOf = (pod: JsonObject): void => {
    for (const budget of store.list(resource, stringAt(pod, 'metadata', 'namespace'))) if (selects(budget, pod)) queue.add(keyOf(budget))
  }
  const unwatch = [
    store.watch(resource, (event) => void queue.add(keyOf(event.object))),
    store.watch('/pods', (event) => {
      addBudgetsOf(event.object)
      if (event.previous) addBudgetsOf(event.previous)
    }),
  ]
  for (const budget of store.list(resource)) queue.add(keyOf(budget))
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

const selects = (budget: JsonObject, pod: JsonObject): boolean => matchesLabelSelector(objectAt(budget, 'spec')['selector'], objectAt(pod, 'metadata', 'labels'))

function syncBudget(key: string, store: Store): void {
  const [namespace, name] = splitKey(key)
  const budget = store.get(resource, namespace, name)
  if (!budget) return
  const pods = store.list('/pods', namespace).filter((pod) => selects(budget, pod) && !['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? ''))
  const status = { ...objectAt(budget, 'status'), observedGeneration: numberAt(budget, 'metadata', 'generation') ?? 1, ...budgetStatus(budget, { pods, wanted: wantedPods(pods, namespace, store) }) }
  if (canonicalJson(status) !== canonicalJson(objectAt(budget, 'status'))) store.update(resource, { ...budget, status })
}

/** What the owners of the pods want: the replicas of their Deployments. */
function wantedPods(pods: readonly JsonObject[], namespace: string, store: Store): number {
  const owners = new Map<string, number>()
  for (const pod of pods) {
    const set = controllerOf(pod)
    const replicaSet = set?.kind === 'ReplicaSet' ? store.get('apps/replicasets', namespace, set.name) : undefined
    const above = replicaSet && controllerOf(replicaSet)
    const owner = above?.kind === 'Deployment' ? store.get('apps/deployments', namespace, above.name) : replicaSet
    owners.set(stringAt(owner ?? pod, 'metadata', 'uid') ?? '', owner ? (numberAt(owner, 'spec', 'replicas') ?? 1) : 1)
  }
  return [...owners.values()].reduce((sum, replicas) => sum + replicas, 0)
}

/** pkg/controller/disruption/disruption.go: of `minAvailable` as a number the pods that are there are expected, else those that are wanted. */
export function budgetStatus(budget: JsonObject, { pods, wanted }: { readonly pods: readonly JsonObject[]; readonly wanted: number }): JsonObject {
  const { minAvailable, maxUnavailable } = objectAt(budget, 'spec')
  const expectedPods = typeof minAvailable === 'number' ? pods.length : wanted
  const desiredHealthy = minAvailable === undefined ? Math.max(0, expectedPods - scaled(maxUnavailable ?? 0, expectedPods)) : scaled(minAvailable, expectedPods)
  const currentHealthy = pods.filter(isHealthy).length
  const disruptionsAllowed = expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy)
  return { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed }
}

const isHealthy = (pod: JsonObject): boolean =>
  valueAt(pod, 'metadata', 'deletionTimestamp') === undefined && listAt(pod, 'status', 'conditions').some((condition) => stringAt(condition, 'type') === 'Ready' && stringAt(condition, 'status') === 'True')

/** A number, or percent of `total`, rounded up. */
const scaled = (value: Json, total: number): number => (typeof value === 'string' ? Math.ceil((Number.parseInt(value, 10) * total) / 100) : Number(value))
