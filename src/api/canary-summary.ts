import type { Canary } from './canary.ts'

/** A Canary for programs, in the same words in `kinglet explain -o json` and in the controller's read-only API. */
export const summaryOf = ({ name, namespace, spec, status }: Canary) => ({
  name,
  namespace,
  target: spec.targetRef.name,
  phase: status.phase ?? 'Initializing',
  canaryWeight: status.canaryWeight,
  failedChecks: status.failedChecks,
  iterations: status.iterations,
  ...(status.lastTransitionTime === undefined ? {} : { lastTransitionTime: status.lastTransitionTime }),
})
