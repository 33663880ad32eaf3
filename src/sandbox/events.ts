import { stringAt, type JsonObject } from '../base/json.ts'
import type { Store } from './contract.ts'

/** Records events on objects as client-go's recorder does: the same event again counts up the one that is there. */
export interface EventRecorder {
  record(object: JsonObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void
}

/** Same events further apart than this are new ones; a store of a laptop's cluster also forgets at an hour's age, as the API server does. */
const lifetimeMs = 3_600_000

export function createRecorder(store: Store, component: string, host?: string): EventRecorder {
  const known = new Map<string, { readonly namespace: string; readonly name: string }>()
  const again = (key: string, now: Date): boolean => {
    const place = known.get(key)
    const event = place && store.get('/events', place.namespace, place.name)
    if (!event) return false
    if (now.getTime() - Date.parse(stringAt(event, 'lastTimestamp') ?? '') > lifetimeMs) return false
    const count = typeof event['count'] === 'number' ? event['count'] : 1
    store.update('/events', { ...event, count: count + 1, lastTimestamp: timestamp(now) })
    return true
  }
  return {
    record: (object, type, reason, message, fieldPath) => {
      const now = new Date()
      const namespace = stringAt(object, 'metadata', 'namespace') ?? 'default'
      const name = stringAt(object, 'metadata', 'name') ?? ''
      const uid = stringAt(object, 'metadata', 'uid')
      const key = [uid, reason, message, fieldPath].join('\n')
      if (again(key, now)) return
      const event = store.create('/events', {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${name}.${nextSuffix()}`, namespace },
        involvedObject: involved(object, namespace, fieldPath),
        reason,
        message,
        type,
        count: 1,
        firstTimestamp: timestamp(now),
        lastTimestamp: timestamp(now),
        eventTime: null,
        source: host === undefined ? { component } : { component, host },
        reportingComponent: component,
        reportingInstance: host ?? '',
      })
      known.set(key, { namespace, name: stringAt(event, 'metadata', 'name') ?? '' })
      if (known.size > 2000) known.delete(known.keys().next().value ?? '')
    },
  }
}

/** Nanoseconds of the epoch in hexadecimal, as client-go names events: names in order of time. */
function nextSuffix(): string {
  last = Math.max(last + 1, Date.now() * 1000)
  return (BigInt(last) * 1000n).toString(16)
}
let last = 0

const involved = (object: JsonObject, namespace: string, fieldPath: string | undefined): JsonObject => ({
  apiVersion: object['apiVersion'],
  kind: object['kind'],
  namespace,
  name: stringAt(object, 'metadata', 'name'),
  uid: stringAt(object, 'metadata', 'uid'),
  resourceVersion: stringAt(object, 'metadata', 'resourceVersion'),
  ...(fieldPath === undefined ? {} : { fieldPath }),
})

export const timestamp = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, 'Z')
