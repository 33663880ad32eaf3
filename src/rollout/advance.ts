import { strategyOf } from '../api/canary.ts'
import type { CanaryStatus } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { formatGoDuration } from '../base/duration.ts'
import { promote } from './endings.ts'
import { hold, isMirroring, normal, reroute, stay, waitFor, withState, type Context, type Step } from './step.ts'
import { nextWeight } from './weights.ts'

/** One step further: the next weight, copy or iteration, the bake, and promotion after the last. */

/** All checks hold: one step further, or promotion after the last. */
export function advance(context: Context, status: CanaryStatus): Step {
  const { observation, now } = context
  const { name, namespace, spec } = observation.canary
  const mirroring = spec.analysis.mirrorPercent > 0
  if (strategyOf(spec.analysis) !== 'canary') {
    if (status.iterations >= spec.analysis.iterations) return promote(context, status)
    const iterations = status.iterations + 1
    // Only the first iteration changes where requests go.
    const next = iterations === 1 ? reroute(status, { iterations, mirroring }, now) : withState({ ...status, iterations }, { stepStartedAt: now })
    return { status: next, events: [normal(`Advance ${name}.${namespace} canary iteration ${iterations}/${spec.analysis.iterations}`)], wakeAt: now + spec.analysis.intervalMs }
  }
  if (status.kinglet.bakeStartedAt !== undefined) return continueBake(context, status, status.kinglet.bakeStartedAt)
  if (mirroring && status.canaryWeight === 0 && !isMirroring(observation.canary)) {
    return { status: reroute(status, { canaryWeight: 0, mirroring }, now), events: [normal(`Advance ${name}.${namespace} canary weight 0`)], wakeAt: now + context.timing.ackLimitMs }
  }
  const weight = nextStep(context, status)
  if (weight === 'budget') return hold(status, overBudget(context), now + spec.analysis.intervalMs)
  if (weight === undefined) return spec.analysis.bakeMs > 0 ? beginBake(context, status) : promote(context, status)
  const begun = isMirroring(observation.canary) ? withState(status, { weightedAt: now }) : status
  return { status: reroute(begun, { canaryWeight: weight }, now), events: [normal(`Advance ${name}.${namespace} canary weight ${weight}`)], wakeAt: now + context.timing.ackLimitMs }
}

/** The next weight, percent; undefined after the last; `budget` where the harm that it may do forbids it for now. */
export function nextStep({ observation }: Context, { canaryWeight }: CanaryStatus): number | 'budget' | undefined {
  const { analysis } = observation.canary.spec
  const allowed = observation.guard?.nextWeightPercent
  if (!analysis.adaptive || allowed === undefined) return nextWeight(canaryWeight, analysis)
  if (canaryWeight >= analysis.maxWeight) return undefined
  return allowed > canaryWeight ? Math.min(allowed, analysis.maxWeight) : 'budget'
}

export const overBudget = ({ observation }: Context): Stall =>
  waitFor('HarmBudget', `Halt ${observation.canary.name}.${observation.canary.namespace} advancement: as little as is known of the canary, more requests could cost more failures than analysis.adaptive.harmBudget allows`)

/** The canary serves everybody while the old version stays as it is: if it turns bad now, one change of weight brings that back. */
function beginBake({ observation, now }: Context, status: CanaryStatus): Step {
  const { name, namespace, spec } = observation.canary
  return {
    status: withState(reroute(status, { canaryWeight: 100 }, now), { bakeStartedAt: now }),
    events: [normal(`Advance ${name}.${namespace} canary weight 100`), normal(`Baking ${name}.${namespace} for ${formatGoDuration(spec.analysis.bakeMs)} while the old version stays warm`)],
  }
}

function continueBake(context: Context, status: CanaryStatus, startedAt: number): Step {
  const { analysis } = context.observation.canary.spec
  const endsAt = startedAt + analysis.bakeMs
  return context.now >= endsAt ? promote(context, status) : stay(status, Math.min(endsAt, context.now + analysis.intervalMs))
}
