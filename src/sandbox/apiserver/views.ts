import { type JsonObject, stringAt } from '../../base/json.ts'
import { apiVersionOf, type ResourceType } from './resource-type.ts'

/** Objects lie in the store in one form; a version or group that shows them in another converts on the way in and out. */

/** `events.k8s.io/v1` and `v1` events are the same objects under other names of fields: new name → old name. */
const eventFields = {
  regarding: 'involvedObject', note: 'message', deprecatedSource: 'source', deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp', deprecatedCount: 'count', reportingController: 'reportingComponent',
} as const

function renamed(object: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]))
}

const toCore = new Map<string, string>(Object.entries(eventFields))
const fromCore = new Map<string, string>(Object.entries(eventFields).map(([young, old]) => [old, young]))

const isNewEvent = (type: ResourceType): boolean => type.storage === '/events' && type.group === 'events.k8s.io'

export function fromStored(type: ResourceType, object: JsonObject): JsonObject {
  const apiVersion = apiVersionOf(type)
  const shown = isNewEvent(type) ? renamed(object, fromCore) : object
  return stringAt(shown, 'apiVersion') === apiVersion && stringAt(shown, 'kind') === type.kind ? shown : { ...shown, apiVersion, kind: type.kind }
}

export function toStored(type: ResourceType, object: JsonObject): JsonObject {
  return isNewEvent(type) ? { ...renamed(object, toCore), apiVersion: 'v1' } : object
}
