import type { CanaryStatus } from '../api/canary-status.ts'
import { canonicalJson } from '../base/json.ts'
import type { StepClock } from './observation.ts'
import { withState } from './step.ts'

/**
 * The clock of a step, as the controller that started it remembers it. It starts when every sidecar follows the step's table, a
 * moment after the status that announced the step; to write that alone would be a second, equal line of `kubectl get canary -w`
 * for each step. It becomes durable with whatever is written next. A controller that takes over before starts it anew, when all
 * sidecars have acknowledged to it: the interval is the least time that a step is watched.
 */

/** A clock that has run for this long is written alone: the most that a controller which takes over repeats of a long step. Milliseconds. */
const keepMs = 60_000

/** The status with the clock that is remembered for it. */
export function withClock(status: CanaryStatus, clock: StepClock | undefined): CanaryStatus {
  const isIts = clock !== undefined && clock.generation === status.kinglet.generation && status.kinglet.stepStartedAt === undefined
  return isIts ? withState(status, { stepStartedAt: clock.startedAt }) : status
}

/** The clock by which alone `next` differs from what is durable, while it need not be. */
export function clockAlone(next: CanaryStatus, durable: CanaryStatus, now: number): StepClock | undefined {
  const { generation, stepStartedAt } = next.kinglet
  if (stepStartedAt === undefined || durable.kinglet.stepStartedAt !== undefined || now - stepStartedAt >= keepMs) return undefined
  return canonicalJson(withState(next, { stepStartedAt: undefined })) === canonicalJson(durable) ? { generation, startedAt: stepStartedAt } : undefined
}
