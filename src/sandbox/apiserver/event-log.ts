import type { ResourceName, StoreEvent } from '../contract.ts'

/** One change, as watches replay it. */
export interface LoggedEvent extends StoreEvent {
  readonly revision: number
}

/**
 * The last changes of each resource, so that a watch can start at a resourceVersion of the past. Bounded: what falls out makes
 * older resourceVersions answer 410, as a compaction of etcd does.
 */
export class EventLog {
  readonly #capacity: number
  readonly #events = new Map<ResourceName, LoggedEvent[]>()
  /** Per resource, the newest revision whose event was dropped: watches may start there or later. */
  readonly #forgotten = new Map<ResourceName, number>()

  constructor(capacityPerResource: number) {
    this.#capacity = capacityPerResource
  }

  append(resource: ResourceName, event: LoggedEvent): void {
    const events = this.#events.get(resource) ?? []
    this.#events.set(resource, events)
    events.push(event)
    if (events.length <= this.#capacity) return
    // Dropping a quarter at a time keeps the cost of a full log constant per event.
    const dropped = events.splice(0, Math.ceil(this.#capacity / 4))
    this.#forgotten.set(resource, dropped.at(-1)?.revision ?? 0)
  }

  /** The changes after `revision`, oldest first; undefined where some of them are forgotten. */
  since(resource: ResourceName, revision: number): readonly LoggedEvent[] | undefined {
    if (revision < (this.#forgotten.get(resource) ?? 0)) return undefined
    return (this.#events.get(resource) ?? []).filter((event) => event.revision > revision)
  }
}
