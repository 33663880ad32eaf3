/**
 * The arithmetic of a Deployment's rollout, pure: how many replicas each ReplicaSet gets next.
 * Kubernetes, pkg/controller/deployment/{rolling,sync}.go and util/deployment_util.go.
 */

/** A ReplicaSet as far as the arithmetic looks at it. */
export interface Count {
  readonly name: string
  /** Wanted: spec.replicas. */
  readonly replicas: number
  /** status.availableReplicas. */
  readonly available: number
  /** Milliseconds of the epoch. */
  readonly createdAt: number
  /** Most pods that the Deployment allowed when this ReplicaSet was last scaled; undefined where it was never noted. */
  readonly maxReplicas: number | undefined
}

/** Wanted replicas by name of ReplicaSet; only those that change. */
export type Scaling = ReadonlyMap<string, number>

export interface Fenceposts {
  readonly desired: number
  /** Pods above `desired` that a rollout may have. */
  readonly surge: number
  /** Pods below `desired` that may be missing during a rollout. */
  readonly unavailable: number
}

/** `25%` or a number of pods. Surge rounds up and unavailability down; if both come to 0, one pod may be unavailable. */
export function fenceposts(desired: number, maxSurge: number | string, maxUnavailable: number | string): Fenceposts {
  const surge = podsOf(maxSurge, desired, Math.ceil)
  const unavailable = podsOf(maxUnavailable, desired, Math.floor)
  return { desired, surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, desired) }
}

function podsOf(value: number | string, desired: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value)?.[1]
  return percent === undefined ? Number(value) || 0 : round((Number(percent) * desired) / 100)
}

const sum = (counts: readonly Count[], of: (count: Count) => number = ({ replicas }) => replicas): number =>
  counts.reduce((total, count) => total + of(count), 0)

const oldestFirst = (a: Count, b: Count): number => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1)

/** Replicas of the new ReplicaSet: as many as fit under desired + surge. `current` counts it already if it exists. */
export function newReplicas(fence: Fenceposts, current: readonly Count[], own: number): number {
  if (own >= fence.desired) return fence.desired
  const room = fence.desired + fence.surge - sum(current)
  return room <= 0 ? own : own + Math.min(room, fence.desired - own)
}

/**
 * How the old ReplicaSets shrink: first pods that are not available, then as many as keep desired − unavailable available.
 * Example: desired 10, surge 2, unavailable 2, old 10 available, new 2 wanted but none available yet → old 8.
 */
export function shrinkOld(fence: Fenceposts, fresh: Count, old: readonly Count[]): Scaling {
  const result = new Map<string, number>()
  const minAvailable = fence.desired - fence.unavailable
  const freshMissing = fresh.replicas - fresh.available
  const total = sum(old) + fresh.replicas
  const allowed = total - minAvailable - freshMissing
  if (sum(old) === 0 || allowed <= 0) return result
  let left = allowed
  for (const count of old.toSorted(oldestFirst)) {
    const sick = Math.min(left, count.replicas - Math.min(count.available, count.replicas))
    if (sick <= 0) continue
    result.set(count.name, count.replicas - sick)
    left -= sick
  }
  let spare = sum([...old, fresh], ({ available }) => available) - minAvailable
  for (const count of old.toSorted(oldestFirst)) {
    const replicas = result.get(count.name) ?? count.replicas
    const step = Math.min(spare, replicas)
    if (step <= 0) continue
    result.set(count.name, replicas - step)
    spare -= step
  }
  return result
}

/**
 * Spreads a changed total over the ReplicaSets of an unfinished rollout in proportion to their size; the largest takes what rounding
 * leaves. Example: 10 + surge 3 → 15 + surge 3, old 8 and new 5 → toAdd 5 → old 11, new 7.
 */
export function scaleProportionally(fence: Fenceposts, counts: readonly Count[]): Scaling {
  const active = counts.filter(({ replicas }) => replicas > 0)
  const allowed = fence.desired > 0 ? fence.desired + fence.surge : 0
  const toAdd = allowed - sum(active)
  const newer = (a: Count, b: Count): number => -oldestFirst(a, b)
  const order = active.toSorted((a, b) => b.replicas - a.replicas || (toAdd > 0 ? newer(a, b) : oldestFirst(a, b)))
  const result = new Map<string, number>()
  let added = 0
  for (const count of order) {
    const share = toAdd === 0 ? 0 : shareOf(count, fence, toAdd, added)
    result.set(count.name, count.replicas + share)
    added += share
  }
  const [first] = order
  if (first && toAdd !== 0) result.set(first.name, Math.max(0, (result.get(first.name) ?? 0) + toAdd - added))
  return new Map([...result].filter(([name, replicas]) => active.find((count) => count.name === name)?.replicas !== replicas))
}

function shareOf(count: Count, fence: Fenceposts, toAdd: number, added: number): number {
  const before = count.maxReplicas ?? fence.desired + fence.surge
  if (fence.desired === 0) return -count.replicas
  const wanted = before === 0 ? 0 : Math.round((count.replicas * (fence.desired + fence.surge)) / before) - count.replicas
  const left = toAdd - added
  return toAdd > 0 ? Math.min(wanted, left) : Math.max(wanted, left)
}
