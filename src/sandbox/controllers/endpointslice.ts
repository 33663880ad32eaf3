import { describeError } from '../../base/errors.ts'
import { objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { createQueue } from '../../kube/queue.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Store } from '../contract.ts'
import { planSlices, serviceNameLabel } from './endpointslice-plan.ts'
import { keyOf, splitKey, type ControllerOptions } from './owned.ts'

const resource = 'discovery.k8s.io/endpointslices'

/** Keeps EndpointSlices equal to the pods that Services select. A Service without a selector is left alone. */
export function startEndpointSliceController(options: ControllerOptions): () => Promise<void> {
  const { store, logger } = options
  const queue = createQueue({
    clock: systemClock,
    process: (key) => Promise.resolve(syncSlices(key, store)),
    retryMs: { base: 50, max: 2000 },
    onError: (key, error) => logger.warn('EndpointSlices cannot be synchronised', { service: key, error: describeError(error) }),
  })
  const addServicesOf = (pod: JsonObject): void => {
    const labels = objectAt(pod, 'metadata', 'labels')
    for (const service of store.list('/services', stringAt(pod, 'metadata', 'namespace'))) if (selects(service, labels)) queue.add(keyOf(service))
  }
  const unwatch = [
    store.watch('/services', (event) => void queue.add(keyOf(event.object))),
    store.watch('/pods', (event) => {
      addServicesOf(event.object)
      if (event.previous) addServicesOf(event.previous)
    }),
    store.watch(resource, (event) => {
      const name = stringAt(event.object, 'metadata', 'labels', serviceNameLabel)
      if (name !== undefined) queue.add(`${stringAt(event.object, 'metadata', 'namespace')}/${name}`)
    }),
  ]
  for (const service of store.list('/services')) queue.add(keyOf(service))
  return async () => {
    for (const end of unwatch) end()
    await queue.stop()
  }
}

function selects(service: JsonObject, labels: JsonObject): boolean {
  const selector = Object.entries(objectAt(service, 'spec', 'selector'))
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value)
}

function syncSlices(key: string, store: Store): void {
  const [namespace, name] = splitKey(key)
  const service = store.get('/services', namespace, name)
  if (!service || Object.keys(objectAt(service, 'spec', 'selector')).length === 0) return
  if (stringAt(service, 'spec', 'type') === 'ExternalName') return
  const pods = store.list('/pods', namespace).filter((pod) => selects(service, objectAt(pod, 'metadata', 'labels')))
  const existing = store.list(resource, namespace).filter((slice) => stringAt(slice, 'metadata', 'labels', serviceNameLabel) === name)
  const plan = planSlices(service, pods, existing)
  for (const slice of plan.update) store.update(resource, slice)
  for (const slice of plan.create) store.create(resource, slice)
  for (const slice of plan.delete) store.delete(resource, namespace, slice)
}
