import type { Workload } from './observation.ts'

/** Whether a Deployment serves what it is told to; the reason in Flagger's words where it does not. */
export type Readiness = { readonly isReady: true } | { readonly isReady: false; readonly reason: string; readonly isPastDeadline: boolean }

/**
 * Flagger's conditions in Flagger's order. Other than Flagger's, the deadline counts from when readiness was lost or first
 * waited for (`notReadySince`), not only while the Deployment says Available=False: a surge that never comes up fails too.
 */
export function readinessOf(workload: Workload, thresholdPercent: number, deadline: { readonly notReadySince: number | undefined; readonly seconds: number; readonly now: number }): Readiness {
  if (workload.generation > workload.observedGeneration) return waiting('waiting for rollout to finish: observed deployment generation less than desired generation', deadline)
  if (workload.isPastDeadline) return { isReady: false, reason: `deployment "${workload.name}" exceeded its progress deadline`, isPastDeadline: true }
  const { updated, desired, replicas, available } = workload
  if (updated < desired) return waiting(`waiting for rollout to finish: ${updated} out of ${desired} new replicas have been updated`, deadline)
  if (replicas > updated) return waiting(`waiting for rollout to finish: ${replicas - updated} old replicas are pending termination`, deadline)
  if (available < Math.floor((updated * thresholdPercent) / 100)) {
    return waiting(`waiting for rollout to finish: ${available} of ${updated} (readyThreshold ${thresholdPercent}%) updated replicas are available`, deadline)
  }
  return { isReady: true }
}

function waiting(reason: string, { notReadySince, seconds, now }: { readonly notReadySince: number | undefined; readonly seconds: number; readonly now: number }): Readiness {
  return { isReady: false, reason, isPastDeadline: notReadySince !== undefined && now >= notReadySince + seconds * 1000 }
}
