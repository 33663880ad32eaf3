/**
 * The state machine. `decide` takes what is and returns what is next; it reads nothing else, and the same input gives the same
 * output. `advance` says what should be true, `converge` what differs. The controller writes the status first and then does
 * the actions, which are idempotent: a crash in between changes nothing, the next look finds what is missing.
 *
 *   from                       to            when
 *   (none)                     Initializing  the Canary can be acted on
 *   Initializing               Initialized   primary ready, apex moved, endpoints moved and followed
 *   Initialized Succeeded Failed → Progressing   the target has a revision that was neither promoted nor tried
 *   Progressing                Progressing   another revision: again from weight 0
 *   Progressing                Initialized   the promoted revision is back: nothing to judge
 *   Progressing                Failed        threshold of failed checks, the guard is certain, or the canary not ready before the deadline
 *   Progressing                Promoting     the last step or iteration passed, or skipAnalysis
 *   Promoting                  Progressing   another revision before the template was copied
 *   Promoting                  Finalising    primary ready, its share is 100
 *   Promoting                  Failed        primary not ready before the deadline; the healthy canary keeps everything (held)
 *   Failed (held)              Promoting     the primary becomes ready after all, or another revision
 *   Finalising                 Succeeded     every sidecar sends everything to the primary
 *   Failed                     Initialized   the promoted revision is back
 *   any                        Terminating   the Canary is deleted and has our finalizer
 */
import { unevaluated } from '../analysis/checks.ts'
import type { CanaryStatus, RolloutEvent } from '../api/canary-status.ts'
import { kstatusConditions, mergeConditions, promotedCondition, type Stall } from '../api/conditions.ts'
import { canonicalJson } from '../base/json.ts'
import { adopt } from './adoption.ts'
import { analyse } from './analyse.ts'
import { converge, type Action } from './converge.ts'
import { guardFailure, withCheckpoint } from './guarded.ts'
import { rest } from './idle.ts'
import { defaultTiming, type Observation, type Timing, type Unwritten } from './observation.ts'
import { continuePromotion, finalise, holdOnCanary } from './promotion.ts'
import { remove } from './removal.ts'
import { withSessionCookies } from './session-cookies.ts'
import { hold, normal, reroute, stallOf, waitFor, warning, withState, type Context, type Step } from './step.ts'
import { knownOf, leftUnwritten, withClocks } from './unwritten.ts'

export interface Decision {
  /** To be written before anything is done. The very object of the observation where nothing changed. */
  readonly status: CanaryStatus
  readonly actions: readonly Action[]
  readonly events: readonly RolloutEvent[]
  /** To be remembered until the next decision instead of written: see unwritten.ts. */
  readonly unwritten?: Unwritten
  /** When to look again at the latest, milliseconds since the epoch; absent: when something changes. */
  readonly wakeAt?: number
}

/** What follows from an observation at `now` (milliseconds since the epoch). Never throws. */
export function decide(observation: Observation, now: number, timing: Timing = defaultTiming): Decision {
  const { canary } = observation
  const known = knownOf(canary.status, observation.unwritten)
  const context: Context = { observation: { ...observation, canary: { ...canary, status: withoutFuture(withClocks(canary.status, known), now) } }, now, timing }
  const step = advance(context)
  const next = finish(observation, step, now)
  const told = [...step.events, ...caveats(observation), ...aboutNeighbours(observation, step.status)]
  const isCheckpointDue = withCheckpoint(observation, canary.status, canary.status, now) !== canary.status
  const unwritten = told.length > 0 || isCheckpointDue ? undefined : leftUnwritten(next, canary.status, { stall: step.stall, known, now })
  const events = unwritten ? [] : [...told, ...announcements(observation, step.stall)]
  const status = unwritten ? canary.status : durable(observation, events.length > 0 ? withState(next, { told: { at: now, events } }) : next, now)
  return { status, actions: converge(context, status), events, ...(unwritten ? { unwritten } : {}), ...(step.wakeAt === undefined ? {} : { wakeAt: step.wakeAt }) }
}

/** Times of the durable status that are waited from. */
const times = ['generationAt', 'stepStartedAt', 'notReadySince', 'endpointsMovedAt', 'weightedAt', 'bakeStartedAt'] as const
/** Clocks of machines that keep time are no further apart. Milliseconds. */
const skewMs = 5000

/** What a controller whose clock was ahead has written would be waited for as long as it was ahead: it counts from now. */
function withoutFuture(status: CanaryStatus, now: number): CanaryStatus {
  const ahead = times.filter((time) => (status.kinglet[time] ?? 0) > now + skewMs)
  return ahead.length === 0 ? status : withState(status, Object.fromEntries(ahead.map((time) => [time, now])))
}

function advance(context: Context): Step {
  const { observation } = context
  const { canary, problem } = observation
  const { status } = canary
  if (canary.isDeleting) return remove(context)
  if (problem) return halt(context, stallOf(problem))
  if (canary.spec.suspend) return hold(withState(status, { stepStartedAt: undefined }), waitFor('Suspended', 'skipping canary run as object is suspended'))
  if (isForeign(context)) return adopt(context)
  const phase = status.phase ?? 'Initializing'
  switch (phase) {
    case 'Initializing':
    case 'Terminating':
    case 'Terminated':
      return adopt(context)
    case 'Progressing':
    case 'WaitingPromotion':
      return analyse(context)
    case 'Promoting':
      return continuePromotion(context)
    case 'Finalising':
      return finalise(context)
    case 'Failed':
      return status.kinglet.heldOnCanary ? holdOnCanary(context) : rest(context)
    case 'Initialized':
    case 'Succeeded':
    case 'Waiting':
      return rest(context)
  }
}

/** A Canary that Flagger has brought here, in whatever phase: its split is taken over by way of adoption, which finds most of it done. */
const isForeign = ({ observation: { canary } }: Context): boolean => canary.status.kinglet.apex === undefined

/** Nobody can judge a Canary that cannot be acted on: if its target is gone, nobody is sent there. */
function halt({ observation, now }: Context, stall: Stall): Step {
  const { status } = observation.canary
  const isExposed = !observation.target && status.canaryWeight > 0 && !status.kinglet.heldOnCanary
  const safe = isExposed ? reroute(status, { canaryWeight: 0, iterations: 0 }, now) : withState(status, { stepStartedAt: undefined })
  return hold({ ...safe, phase: safe.phase ?? 'Initializing' }, stall)
}

/** A stall is told once: when its words are not those of the last status. */
function announcements({ canary }: Observation, stall: Stall | undefined): readonly RolloutEvent[] {
  if (!stall) return []
  const told = canary.status.conditions.find((condition) => condition.type === 'Ready')
  if (told?.message === stall.message) return []
  const isQuiet = !stall.permanent && quietReasons.has(stall.reason)
  if (isQuiet) return []
  return [stall.reason === 'Suspended' ? normal(stall.message) : warning(stall.message, stall.permanent)]
}

/** What a spec asks for in vain, told when Kinglet first sees it: before a release waits for it, or is expected to act on it. */
function caveats({ canary }: Observation): readonly RolloutEvent[] {
  if (canary.isDeleting || canary.generation === canary.status.observedGeneration) return []
  const { unheeded } = canary.spec
  const missing = unevaluated(canary)
  return [
    ...(unheeded.length > 0 ? [warning(`Without effect in Kinglet, which routes by its own sidecars: ${unheeded.join(', ')}`)] : []),
    ...(missing.length > 0 ? [warning(`A new revision will wait: ${missing.join(', ')} cannot be evaluated by this version of Kinglet. Remove from spec.analysis what you can do without.`, true)] : []),
  ]
}

/** Whether an adoption or a release begins with this decision: the time to look around. */
export function isBeginning({ canary }: Pick<Observation, 'canary'>, { kinglet }: Pick<CanaryStatus, 'kinglet'>): boolean {
  const before = canary.status.kinglet
  return !canary.isDeleting && kinglet.generation !== before.generation && (before.generation === 0 || kinglet.runGeneration !== before.runGeneration)
}

/** What the split means for objects that others wrote. Events last an hour: each release tells it again. */
const aboutNeighbours = (observation: Observation, status: CanaryStatus): readonly RolloutEvent[] => (isBeginning(observation, status) ? observation.neighbourCaveats.map((text) => warning(text, true)) : [])

/** Ordinary waiting, which a person sees in the conditions and need not read as a warning. */
const quietReasons = new Set(['CreatingPrimary', 'ScalingUp', 'MovingEndpoints', 'AwaitingAcknowledgement'])

/** The status with its conditions, times and generations. */
function finish(observation: Observation, step: Step, now: number): CanaryStatus {
  const { canary, target } = observation
  const before = canary.status
  const { status } = step
  const phase = status.phase ?? 'Initializing'
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
  const drafts = [promotedCondition(phase, canary.spec.targetRef.kind), ...kstatusConditions(phase, step.stall ?? guardFailure(status))]
  const hasMoved = (['phase', 'canaryWeight', 'failedChecks', 'iterations'] as const).some((field) => status[field] !== before[field])
  const lastTransitionTime = hasMoved || before.lastTransitionTime === undefined ? time : before.lastTransitionTime
  return {
    ...withSessionCookies(canary, status),
    phase,
    lastTransitionTime,
    conditions: mergeConditions(before.conditions, drafts, time, canary.generation),
    observedGeneration: canary.generation,
    ...(target ? { observedTargetGeneration: target.generation } : {}),
  }
}

/** What is to be written: the durable status itself where nothing is worth a write. */
function durable(observation: Observation, next: CanaryStatus, now: number): CanaryStatus {
  const before = observation.canary.status
  const checked = withCheckpoint(observation, next, before, now)
  return canonicalJson(checked) === canonicalJson(before) ? before : checked
}
