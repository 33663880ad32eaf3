import type { CanaryStatus, Verdict } from '../api/canary-status.ts'
import type { Stall } from '../api/conditions.ts'
import { describeEvidence, describeOdds, describePlan, type GuardRecord } from '../api/guard-record.ts'
import { canonicalJson } from '../base/json.ts'
import type { Observation } from './observation.ts'
import { normal, waitFor, warning, withState, type Context, type Step } from './step.ts'

/** What the sequential guard has to say in an analysis: sentences, and what becomes of them in the status. */

/** The name of the guard among the checks. */
const guardName = 'guard'
/** A checkpoint is written with everything else that is written, and alone after this long. Sidecars repeat five minutes. Milliseconds. */
const checkpointMs = 60_000
/** Sick pods that are replaced in one run; after that it is the version. */
const maxReplaced = 3

/** The verdict of a canary that the guard has shown to be worse, and the events that tell it. */
export function abortion({ observation }: Context): { readonly verdict: Verdict | undefined; readonly events: Step['events'] } | undefined {
  const { guard, verdict, canary } = observation
  if (guard?.record.decision !== 'abort' || guard.checkpoint.run !== canary.status.kinglet.runGeneration) return undefined
  const title = `${canary.name}.${canary.namespace}`
  const message = `Halt ${title} advancement guard: ${describeEvidence(guard.record)}; ${describeOdds(guard.record)}`
  return {
    verdict: verdict && { ...verdict, result: 'fail', checks: [{ name: guardName, result: 'fail', message }, ...verdict.checks], decidedBy: guardName, guard: guard.record },
    events: [warning(message, true), warning(`Rolling back ${title} guard is certain: ${describeOdds(guard.record)}`, true)],
  }
}

/** What is to be expected, told before the first step. */
export function planEvents({ observation }: Context): Step['events'] {
  const { canary, guard } = observation
  return guard?.record.plan ? [normal(`Guard of ${canary.name}.${canary.namespace}: ${describePlan(guard.record.plan)}`)] : []
}

/** A split that is not what it should be: nothing that is measured by it can be trusted. */
export function splitStall({ observation }: Context): Stall | undefined {
  const { canary, guard } = observation
  const { split } = guard?.record ?? {}
  if (!split?.isBroken) return undefined
  return { reason: 'SplitBroken', message: `Halt ${canary.name}.${canary.namespace} advancement: the canary does not get the share of requests that its weight says, so nothing can be compared. See the sidecars' logs, then apply another revision.`, permanent: true }
}

/** Names a pod that alone makes the canary look bad, once; the target's Deployment replaces it where it has others. */
export function nameSickPod({ observation }: Context, status: CanaryStatus): Pick<Step, 'status' | 'events'> {
  const { suspect } = observation.guard?.record ?? {}
  const known = status.kinglet.sickPods ?? []
  if (!suspect || known.includes(suspect.pod)) return { status, events: [] }
  const isReplaced = known.length < maxReplaced && observation.pods.canaryNames.length > 1
  const consequence = isReplaced ? 'it is replaced' : 'it is not replaced, because too many were or there is no other'
  return {
    status: withState(status, { sickPods: [...known, suspect.pod] }),
    events: [warning(`Pod ${suspect.pod} alone makes the canary look bad: ${suspect.bad} of its ${suspect.requests} requests; ${consequence}`, true)],
  }
}

/** The pods that are to be replaced now. */
export const replacedPods = ({ pods }: Observation, { kinglet }: CanaryStatus): readonly string[] =>
  pods.canaryNames.length > 1 ? (kinglet.sickPods ?? []).slice(0, maxReplaced).filter((pod) => pods.canaryNames.includes(pod)) : []

export const awaitingEvidence = ({ observation }: Context): Stall => {
  const { name, namespace, spec } = observation.canary
  return waitFor('AwaitingEvidence', `Halt ${name}.${namespace} advancement: there is not enough evidence yet that the canary is less than ${spec.analysis.guard.badRatio} times as bad as the primary`)
}

/** The status with what the guard has counted, where it is to be written anyway or has not been for a while. */
export function withCheckpoint(observation: Observation, next: CanaryStatus, before: CanaryStatus, now: number): CanaryStatus {
  const { guard } = observation
  if (next.phase !== 'Progressing') return withLastRecord(observation, next.kinglet.guard ? withState(next, { guard: undefined }) : next, before)
  if (!guard || guard.checkpoint.run !== next.kinglet.runGeneration) return next
  const old = before.kinglet.guard
  const isDue = now - (old?.atMs ?? next.kinglet.generationAt) >= checkpointMs && canonicalJson(guard.checkpoint.state) !== canonicalJson(old?.state ?? {})
  if (!isDue && canonicalJson(next) === canonicalJson(before)) return next
  const checked = withState(next, { guard: guard.checkpoint })
  return checked.analysis ? { ...checked, analysis: { ...checked.analysis, guard: guard.record } } : checked
}

/** The analysis has ended in this very decision: what the guard has counted stays beside the last verdict. */
function withLastRecord({ guard }: Observation, next: CanaryStatus, before: CanaryStatus): CanaryStatus {
  const hasEnded = before.phase === 'Progressing' && guard?.checkpoint.run === before.kinglet.runGeneration
  return hasEnded && next.analysis && !next.analysis.guard ? { ...next, analysis: { ...next.analysis, guard: guard.record } } : next
}

/** What stays in the conditions after the guard has ended an analysis. */
export function guardFailure({ phase, analysis }: CanaryStatus): Stall | undefined {
  const record: GuardRecord | undefined = analysis?.decidedBy === guardName ? analysis.guard : undefined
  if (phase !== 'Failed' || !record) return undefined
  return { reason: 'Failed', message: `The guard took the canary back: ${describeEvidence(record)}; ${describeOdds(record)}. Apply another revision to start again.`, permanent: true }
}
