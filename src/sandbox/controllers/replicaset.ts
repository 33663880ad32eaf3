import { describeError } from '../../base/errors.ts'
import { canonicalJson, numberAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { createQueue } from '../../kube/queue.ts'
import { systemClock } from '../../runtime/clock.ts'
import { matchesLabelSelector } from '../apiserver/selectors.ts'
import type { AdmittedWrites, Store } from '../contract.ts'
import { createRecorder, type EventRecorder } from '../events.ts'
import { controllerOf, keyOf, splitKey, type ControllerOptions } from './owned.ts'
import { buildPod, buildReplicaSetStatus, isActivePod, pickVictims } from './replicaset-plan.ts'

/** Keeps as many pods as each ReplicaSet wants. Pods are made through the API server's admission, as webhooks must see them. */
export function startReplicaSetController(options: ControllerOptions): () => Promise<void> {
  const { store, writes, logger } = options
  const recorder = createRecorder(store, 'replicaset-controller')
  const queue = createQueue({
    clock: systemClock,
    process: async (key) => {
      const recheckMs = await syncReplicaSet(key, store, writes, recorder)
      return recheckMs === undefined ? undefined : { afterMs: recheckMs }
    },
    retryMs: { base: 200, max: 10_000 },
    onError: (key, error) => logger.debug('a ReplicaSet cannot be synchronised', { replicaSet: key, error: describeError(error) }),
  })
  const unwatch = [
    store.watch('apps/replicasets', (event) => void queue.add(keyOf(event.object))),
    store.watch('/pods', (event) => {
      const owner = controllerOf(event.object)
      if (owner?.kind === 'ReplicaSet') queue.add(`${stringAt(event.object, 'metadata', 'namespace')}/${owner.name}`)
    }),
  ]
  for (const set of store.list('apps/replicasets')) queue.add(keyOf(set))
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function syncReplicaSet(key: string, store: Store, writes: AdmittedWrites, recorder: EventRecorder): Promise<number | undefined> {
  const [namespace, name] = splitKey(key)
  const set = store.get('apps/replicasets', namespace, name)
  if (!set) return undefined
  const pods = activePods(store, set)
  const difference = (numberAt(set, 'spec', 'replicas') ?? 1) - pods.length
  let failure: unknown
  if (stringAt(set, 'metadata', 'deletionTimestamp') === undefined) {
    if (difference > 0) failure = await createPods(set, difference, writes, recorder)
    if (difference < 0) deletePods(set, pickVictims(pods, -difference), store, recorder)
  }
  const recheckMs = writeStatus(store, namespace, name, failure === undefined ? undefined : describeError(failure))
  // The queue tries again, later each time.
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error(describeError(failure))
  return recheckMs
}

function activePods(store: Store, set: JsonObject): readonly JsonObject[] {
  const uid = stringAt(set, 'metadata', 'uid')
  const selector = objectAt(set, 'spec', 'selector')
  return store
    .list('/pods', stringAt(set, 'metadata', 'namespace'))
    .filter((pod) => controllerOf(pod)?.uid === uid && isActivePod(pod) && matchesLabelSelector(selector, objectAt(pod, 'metadata', 'labels')))
}

/** In batches of 1, 2, 4, …, so that a refusal that hits all pods is heard once. The result is the first failure. */
async function createPods(set: JsonObject, count: number, writes: AdmittedWrites, recorder: EventRecorder): Promise<unknown> {
  for (let left = count, batch = 1; left > 0; batch *= 2) {
    const size = Math.min(left, batch)
    left -= size
    const results = await Promise.allSettled(
      Array.from({ length: size }, () => writes.create('/pods', buildPod(set), 'system:serviceaccount:kube-system:replicaset-controller')),
    )
    for (const result of results) {
      if (result.status === 'fulfilled') recorder.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${stringAt(result.value, 'metadata', 'name')}`)
    }
    const refused = results.find((result) => result.status === 'rejected')
    if (!refused) continue
    recorder.record(set, 'Warning', 'FailedCreate', `Error creating: ${describeError(refused.reason)}`)
    return refused.reason
  }
  return undefined
}

function deletePods(set: JsonObject, pods: readonly JsonObject[], store: Store, recorder: EventRecorder): void {
  for (const pod of pods) {
    const name = stringAt(pod, 'metadata', 'name') ?? ''
    store.delete('/pods', stringAt(pod, 'metadata', 'namespace'), name)
    recorder.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  }
}

function writeStatus(store: Store, namespace: string, name: string, failure: string | undefined): number | undefined {
  const set = store.get('apps/replicasets', namespace, name)
  if (!set) return undefined
  const { status, recheckMs } = buildReplicaSetStatus(set, activePods(store, set), failure, new Date())
  if (canonicalJson(objectAt(set, 'status')) !== canonicalJson(status)) store.update('apps/replicasets', { ...set, status })
  return recheckMs
}
