import { type JsonObject, objectAt } from '../../../base/json.ts'
import { bornNamespace } from '../namespaces.ts'
import type { ResourceType } from '../resource-type.ts'
import type { ObjectStore } from '../store.ts'
import { qosClass } from './pod-account.ts'
import { type ServiceAddresses, withAddresses } from './service-address.ts'

/** What a write may not decide: the status of a new object, addresses of Services, the life of namespaces. */
export interface Surroundings {
  readonly store: ObjectStore
  readonly addresses: ServiceAddresses
}

export function prepareCreate(type: ResourceType, object: JsonObject, { store, addresses }: Surroundings): JsonObject {
  const { status: _status, ...bare } = object
  switch (type.storage) {
    case '/namespaces':
      return bornNamespace(bare)
    case '/pods':
      return { ...bare, status: { phase: 'Pending', qosClass: qosClass(objectAt(bare, 'spec')) } }
    case '/services':
      return { ...withAddresses(bare, undefined, store, addresses), status: { loadBalancer: {} } }
    case '/nodes':
      return object
    default:
      if (!type.hasStatus) return object
      return type.custom === undefined ? { ...bare, status: {} } : bare
  }
}

export function prepareUpdate(type: ResourceType, object: JsonObject, previous: JsonObject, { store, addresses }: Surroundings): JsonObject {
  const { status: _status, ...bare } = object
  const kept = !type.hasStatus ? object : previous['status'] === undefined ? bare : { ...bare, status: previous['status'] }
  switch (type.storage) {
    case '/services':
      return withAddresses(kept, previous, store, addresses)
    case '/namespaces':
      return { ...kept, spec: previous['spec'] }
    default:
      return kept
  }
}
