import type { GuardCheckpoint, PodRecord, RouteRecord } from '../api/guard-record.ts'
import { maxPods, otherRoutes, type RouteCounts, type RouteDelta } from '../api/protocol.ts'
import type { TrackTick } from './guard/tick.ts'

/** Pods and classes of requests that a record and a checkpoint name. */
const namedPods = 20
const namedRoutes = 8
/** Classes that are told apart in a run; the sidecars tell a few apart in a second. */
const maxRoutes = 64

const nowhere: RouteCounts = { failures: 0, slow: 0 }

/** Where things went wrong in a run: at which pods of the canary, and in which classes of requests. It explains a verdict and decides nothing. */
export class Whereabouts {
  readonly #pods: Map<string, PodRecord>
  readonly #routes: Map<string, RouteRecord>

  constructor(checkpoint?: Pick<GuardCheckpoint, 'pods' | 'routes'>) {
    this.#pods = new Map(checkpoint?.pods.map((record) => [record.pod, record]))
    this.#routes = new Map(checkpoint?.routes?.map((record) => [record.route, record]))
  }

  count(canaryPods: Readonly<Record<string, TrackTick>>, routes: readonly RouteDelta[]): void {
    for (const [pod, { requests, failures, slow }] of Object.entries(canaryPods)) {
      const before = this.#pods.get(pod)
      if (!before && this.#pods.size >= maxPods) continue
      const slowly = slow === undefined ? {} : { slow: (before?.slow ?? 0) + slow }
      this.#pods.set(pod, { pod, requests: (before?.requests ?? 0) + requests, failures: (before?.failures ?? 0) + failures, ...slowly })
    }
    for (const { route, primary, canary } of routes) {
      const name = this.#routes.has(route) || this.#routes.size < maxRoutes ? route : otherRoutes
      const before = this.#routes.get(name)
      this.#routes.set(name, { route: name, canary: sum(before?.canary, canary), primary: sum(before?.primary, primary) })
    }
  }

  /** Most failures first. */
  pods(): readonly PodRecord[] {
    return [...this.#pods.values()].toSorted((a, b) => b.failures - a.failures || (b.slow ?? 0) - (a.slow ?? 0) || b.requests - a.requests).slice(0, namedPods)
  }

  /** Where the canary has failed most comes first; where it was slow most is among them. */
  routes(): readonly RouteRecord[] {
    const all = [...this.#routes.values()].toSorted((a, b) => b.canary.failures - a.canary.failures || b.canary.slow - a.canary.slow)
    const [slowest] = all.toSorted((a, b) => b.canary.slow - a.canary.slow)
    const first = all.slice(0, namedRoutes)
    return !slowest || first.includes(slowest) ? first : [...first.slice(0, -1), slowest]
  }
}

const sum = (a: RouteCounts = nowhere, b: RouteCounts): RouteCounts => ({ failures: a.failures + b.failures, slow: a.slow + b.slow })
