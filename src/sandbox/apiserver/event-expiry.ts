import { stringAt } from '../../base/json.ts'
import { nameOf, namespaceOf } from './object-meta.ts'
import type { ObjectStore } from './store.ts'

/** Events live for an hour, as on the API server, and no more of them than a laptop should hold. */
const lifetimeMs = 3_600_000
const most = 5000
const everyMs = 60_000

export function expireEvents(store: ObjectStore, now: Date): void {
  const events = store.list('/events').toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? -1 : 1))
  const tooMany = events.length - most
  for (const [index, event] of events.entries()) {
    const isOld = now.getTime() - Date.parse(lastSeen(event)) > lifetimeMs
    if (index < tooMany || isOld) store.delete('/events', namespaceOf(event), nameOf(event))
  }
}

const lastSeen = (event: unknown): string => stringAt(event, 'series', 'lastObservedTime') ?? stringAt(event, 'lastTimestamp') ?? stringAt(event, 'metadata', 'creationTimestamp') ?? ''

/** Looks every minute; returns the end of it. */
export function startEventExpiry(store: ObjectStore, now: () => Date): () => void {
  const timer = setInterval(() => expireEvents(store, now()), everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
