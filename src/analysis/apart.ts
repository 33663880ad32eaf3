import type { ApartCounts, ApartReason } from '../api/guard-record.ts'
import type { Report } from '../api/protocol.ts'
import { countsOf } from './guard-tick.ts'

const reasons: readonly ApartReason[] = ['affinity', 'match', 'direct', 'mirror']

/**
 * Requests that are shown and not compared, since it was not chance that put them where they went: a comparison with them would be one of users,
 * or of what they ask, and not of versions.
 */
export class Apart {
  readonly #counts: Map<ApartReason, ApartCounts>

  constructor(counted: readonly ApartCounts[] = []) {
    this.#counts = new Map(counted.map((counts) => [counts.reason, counts]))
  }

  count({ series }: Pick<Report, 'series'>): void {
    for (const delta of series) {
      const reason = reasons.find((known) => known === delta.reason)
      if (reason === undefined) continue
      const known = this.#counts.get(reason) ?? { reason, canary: nothing, primary: nothing }
      const { requests, failures } = countsOf(delta)
      const before = known[delta.track]
      this.#counts.set(reason, { ...known, [delta.track]: { requests: before.requests + requests, failures: before.failures + failures } })
    }
  }

  /** Those that there were, in the order of the reasons. */
  all(): readonly ApartCounts[] {
    return reasons.flatMap((reason) => this.#counts.get(reason) ?? [])
  }
}

const nothing = { requests: 0, failures: 0 }
