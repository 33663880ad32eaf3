import { AppError } from '../../base/errors.ts'
import { canonicalJson, numberAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createQueue } from '../../kube/queue.ts'
import type { AdmittedWrites, Store } from '../contract.ts'
import { createRecorder, type EventRecorder } from '../events.ts'
import { matchesLabelSelector } from '../apiserver/selectors.ts'
import { countOf, planDeployment, revisionAnnotation, revisionOf, scaleAnnotations, viewDeployment, type Step } from './deployment-plan.ts'
import { buildDeploymentStatus } from './deployment-status.ts'
import { controllerOf, keyOf, splitKey, type ControllerOptions } from './owned.ts'

/** Makes ReplicaSets follow their Deployments, one step per pass; each step's write brings the next pass. */
export function startDeploymentController(options: ControllerOptions): () => Promise<void> {
  const { store, writes, logger } = options
  const recorder = createRecorder(store, 'deployment-controller')
  const queue = createQueue({
    clock: systemClock,
    process: async (key) => {
      const recheckMs = await syncDeployment(key, store, writes, recorder)
      return recheckMs === undefined ? undefined : { afterMs: recheckMs }
    },
    retryMs: { base: 50, max: 5000 },
    onError: (key, error) => logger.warn('a Deployment cannot be synchronised', { deployment: key, error: String(error) }),
  })
  const addOwner = (object: JsonObject): void => {
    const owner = controllerOf(object)
    if (owner?.kind === 'Deployment') queue.add(`${stringAt(object, 'metadata', 'namespace')}/${owner.name}`)
  }
  const addOwnerOfPod = (pod: JsonObject): void => {
    const owner = controllerOf(pod)
    const set = owner && store.get('apps/replicasets', stringAt(pod, 'metadata', 'namespace'), owner.name)
    if (set) addOwner(set)
  }
  const unwatch = [
    store.watch('apps/deployments', (event) => void queue.add(keyOf(event.object))),
    store.watch('apps/replicasets', (event) => addOwner(event.object)),
    // Recreate goes on when the last old pod is gone.
    store.watch('/pods', (event) => event.type === 'DELETED' && addOwnerOfPod(event.object)),
  ]
  for (const deployment of store.list('apps/deployments')) queue.add(keyOf(deployment))
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

async function syncDeployment(key: string, store: Store, writes: AdmittedWrites, recorder: EventRecorder): Promise<number | undefined> {
  const [namespace, name] = splitKey(key)
  const deployment = store.get('apps/deployments', namespace, name)
  if (!deployment || stringAt(deployment, 'metadata', 'deletionTimestamp') !== undefined) return undefined
  const replicaSets = ownedReplicaSets(store, deployment)
  const view = viewDeployment(deployment, replicaSets)
  const hasOldPods = view.old.some((set) => hasPods(store, set))
  const step = planDeployment({ ...view, hasOldPods })
  await apply(step, deployment, store, writes, recorder)
  return writeStatus(store, namespace, name)
}

function ownedReplicaSets(store: Store, deployment: JsonObject): readonly JsonObject[] {
  const uid = stringAt(deployment, 'metadata', 'uid')
  const selector = objectAt(deployment, 'spec', 'selector')
  return store.list('apps/replicasets', stringAt(deployment, 'metadata', 'namespace')).filter(
    (set) => controllerOf(set)?.uid === uid && matchesLabelSelector(selector, objectAt(set, 'metadata', 'labels')),
  )
}

const hasPods = (store: Store, set: JsonObject): boolean =>
  store.list('/pods', stringAt(set, 'metadata', 'namespace')).some(
    (pod) => controllerOf(pod)?.uid === stringAt(set, 'metadata', 'uid') && !['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? ''),
  )

async function apply(step: Step, deployment: JsonObject, store: Store, writes: AdmittedWrites, recorder: EventRecorder): Promise<void> {
  const namespace = stringAt(deployment, 'metadata', 'namespace')
  switch (step.do) {
    case 'create':
      return create(step.replicaSet, deployment, { store, writes, recorder })
    case 'annotate':
      return void store.update('apps/replicasets', step.replicaSet)
    case 'delete':
      for (const name of step.names) store.delete('apps/replicasets', namespace, name)
      return
    case 'scale':
      for (const [name, replicas] of step.changes) {
        const set = store.get('apps/replicasets', namespace, name)
        if (set) scale(set, replicas, deployment, store, recorder)
      }
      return
    case 'nothing':
  }
}

function scale(set: JsonObject, replicas: number, deployment: JsonObject, store: Store, recorder: EventRecorder): void {
  const before = countOf(set).replicas
  const metadata = { ...objectAt(set, 'metadata'), annotations: { ...objectAt(set, 'metadata', 'annotations'), ...scaleAnnotations(deployment) } }
  store.update('apps/replicasets', { ...set, metadata, spec: { ...objectAt(set, 'spec'), replicas } })
  if (before !== replicas) recordScaling(recorder, deployment, stringAt(set, 'metadata', 'name') ?? '', before, replicas)
}

function recordScaling(recorder: EventRecorder, deployment: JsonObject, name: string, ...[from, to]: readonly [number, number]): void {
  recorder.record(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${to > from ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`)
}

async function create(set: JsonObject, deployment: JsonObject, { store, writes, recorder }: { store: Store; writes: AdmittedWrites; recorder: EventRecorder }): Promise<void> {
  try {
    await writes.create('apps/replicasets', set, 'system:serviceaccount:kube-system:deployment-controller')
    const replicas = countOf(set).replicas
    if (replicas > 0) recordScaling(recorder, deployment, stringAt(set, 'metadata', 'name') ?? '', 0, replicas)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'ALREADY_EXISTS') throw error
    bumpCollisions(store, deployment)
  }
}

/** Another template has the hash already, or a stranger the name: the next hash is another one. */
function bumpCollisions(store: Store, deployment: JsonObject): void {
  const collisionCount = (numberAt(deployment, 'status', 'collisionCount') ?? 0) + 1
  const current = store.get('apps/deployments', stringAt(deployment, 'metadata', 'namespace'), stringAt(deployment, 'metadata', 'name') ?? '')
  if (current) store.update('apps/deployments', { ...current, status: { ...objectAt(current, 'status'), collisionCount } })
}

function writeStatus(store: Store, namespace: string, name: string): number | undefined {
  const deployment = store.get('apps/deployments', namespace, name)
  if (!deployment) return undefined
  const view = viewDeployment(deployment, ownedReplicaSets(store, deployment))
  const { status, recheckMs } = buildDeploymentStatus(view, new Date())
  const annotations = objectAt(deployment, 'metadata', 'annotations')
  const revision = view.fresh && revisionOf(view.fresh) > 0 ? String(revisionOf(view.fresh)) : undefined
  const isSameRevision = revision === undefined || annotations[revisionAnnotation] === revision
  if (isSameRevision && canonicalJson(objectAt(deployment, 'status')) === canonicalJson(status)) return recheckMs
  const metadata = isSameRevision ? deployment['metadata'] : { ...objectAt(deployment, 'metadata'), annotations: { ...annotations, [revisionAnnotation]: revision } }
  store.update('apps/deployments', { ...deployment, metadata, status })
  return recheckMs
}
