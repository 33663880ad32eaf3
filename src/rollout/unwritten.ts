import type { CanaryStatus } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { canonicalJson } from '../base/json.ts'
import type { Unwritten } from './observation.ts'
import { withState } from './step.ts'

/**
 * What the controller knows and has not written. Each write of a status is a line of `kubectl get canary -w`, and one that says nothing
 * new is noise. So the clock of a step, which starts when every sidecar follows the step's table, and ordinary waiting that is over
 * within seconds (a pod that starts, an acknowledgement) are remembered, and become durable with whatever is written next or after a
 * while. Nothing is done by what is remembered: actions follow from what is durable. A controller that takes over before begins these
 * clocks anew, so that it waits longer and never shorter: the interval is the least time that a step is watched.
 */

/**
 * How long what is known may stay unwritten, milliseconds. The clock alone: the most that a controller which takes over repeats of a long
 * step. Waiting: somebody may be looking for the reason; that for kube-proxies, which is always 15 s, is written if it takes longer.
 */
const patienceMs = { clock: 60_000, waiting: 10_000, moving: 20_000 } as const
const waitingFor: ReadonlySet<string> = new Set(['CreatingPrimary', 'PrimaryNotReady', 'CanaryNotReady', 'ScalingUp', 'AwaitingAcknowledgement', 'MovingEndpoints'])
/** At rest every change is worth a line, and looks are far between. */
const underWay: ReadonlySet<string> = new Set(['Initializing', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising'])

/** What is remembered of this very status. */
export const knownOf = (status: CanaryStatus, unwritten: Unwritten | undefined): Unwritten | undefined => (unwritten && unwritten.durable === canonicalJson(status) ? unwritten : undefined)

/** The status with the clocks that are remembered for it. */
export function withClocks(status: CanaryStatus, known: Unwritten | undefined): CanaryStatus {
  if (!known) return status
  const { stepStartedAt, notReadySince, endpointsMovedAt } = known.status.kinglet
  return withState(status, { stepStartedAt, notReadySince, endpointsMovedAt })
}

/** `next` where it need not be written yet: where nothing follows from it and nobody sees more than waiting. The very `known` where nothing was found out since. */
export function leftUnwritten(next: CanaryStatus, durable: CanaryStatus, { stall, known, now }: { readonly stall: Stall | undefined; readonly known: Unwritten | undefined; readonly now: number }): Unwritten | undefined {
  const isOrdinary = !stall || (!stall.permanent && waitingFor.has(stall.reason))
  const clocks = ['notReadySince', ...(next.phase === 'Initializing' ? ['endpointsMovedAt'] : []), ...(durable.kinglet.stepStartedAt === undefined ? ['stepStartedAt'] : [])]
  if (!isOrdinary || !underWay.has(next.phase ?? '') || !isSame(next, durable, clocks) || isSaying(next, durable, [])) return undefined
  const since = known?.since ?? now
  const patience = isSaying(next, durable, ['stepStartedAt']) ? patienceMs.clock : stall?.reason === 'MovingEndpoints' ? patienceMs.moving : patienceMs.waiting
  if (now - since >= patience) return undefined
  return known && isSaying(next, known.status, []) ? known : { durable: known?.durable ?? canonicalJson(durable), status: next, since }
}

/** Whether two statuses say the same to whoever looks closely, and have the same clocks but for some. */
const isSaying = (one: CanaryStatus, other: CanaryStatus, clocks: readonly string[]): boolean =>
  one.observedTargetGeneration === other.observedTargetGeneration && isSame(one, other, clocks) && wordsOf(one) === wordsOf(other)

const wordsOf = ({ conditions }: CanaryStatus): string => conditions.map(({ reason, message }) => `${reason} ${message}`).join()

/** Whether two statuses differ in clocks, in the words of conditions and in what was seen of the target alone. */
function isSame(one: CanaryStatus, other: CanaryStatus, clocks: readonly string[]): boolean {
  const valuesOf = ({ conditions }: CanaryStatus): string => conditions.map(({ type, status }) => `${type}=${status}`).join()
  return isEqual(one, other, ['kinglet', 'conditions', 'observedTargetGeneration']) && isEqual(one.kinglet, other.kinglet, clocks) && valuesOf(one) === valuesOf(other)
}

/** Field by field: what was not touched is the same object. */
function isEqual<T extends object>(one: T, other: T, ignored: readonly string[]): boolean {
  const fields = (value: T): readonly (readonly [string, unknown])[] => Object.entries(value)
  const others = new Map(fields(other))
  const has = fields(one).every(([key, value]) => ignored.includes(key) || others.get(key) === value || canonicalJson(others.get(key) ?? null) === canonicalJson(value ?? null))
  return has && fields(other).every(([key, value]) => ignored.includes(key) || value === undefined || key in one)
}
