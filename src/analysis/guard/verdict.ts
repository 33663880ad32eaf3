import { startFailures } from './failures.ts'
import { dispersionOf, largestPause } from './dispersion.ts'
import { loudest, logLatencyEvidence } from './latency.ts'
import { evenMasses, logEvidenceOf, logSumExp, startMixture } from './mixture.ts'
import { sickPod, startPods } from './pods.ts'
import { isBad } from './suspicion.ts'
import type { GuardMetric } from './settings.ts'
import { feedCurve, type GuardState, type Suspect } from './state.ts'
import type { GuardTick } from './tick.ts'

/**
 * Failures get most of the mass: seconds count for them. Latency pays ln 5 = 1.6 nats more, little beside the thousands of requests that
 * a shift takes. A mean of e-values is an e-value, however the metrics depend on each other.
 */
const weights: Readonly<Record<GuardMetric, number>> = { failures: 0.8, latency: 0.2 }

/** ln of each metric's part of the evidence: its weight times its evidence. A metric that has nothing to say yet is worth 1. */
export function partsOf(state: GuardState): readonly { readonly metric: GuardMetric; readonly log: number }[] {
  const { metrics } = state.settings
  const total = metrics.reduce((sum, metric) => sum + weights[metric], 0)
  return metrics.map((metric) => ({ metric, log: logOf(state, metric) + Math.log(weights[metric] / total) }))
}

export const logOf = (state: GuardState, metric: GuardMetric): number => {
  if (metric === 'failures') return logEvidenceOf(state.failures)
  return state.latency ? logLatencyEvidence(state.latency) : 0
}

export const combined = (state: GuardState): number => logSumExp(partsOf(state).map(({ log }) => log))

/** Whether the tick that was just counted ends the run; names a sick pod where the evidence is about that pod alone. */
export function decide(state: GuardState, tick: GuardTick): GuardState {
  const curved = { ...state, curve: feedCurve(state.curve, tick.atMs, combined(state)) }
  const { suspect, ...told } = forgiven(curved, tick)
  const ready = partsOf(told).filter(({ metric }) => metric !== 'failures' || told.counts.canary.events >= told.settings.minimumFailures)
  const [loud] = ready.toSorted((a, b) => b.log - a.log)
  if (!loud || logSumExp(ready.map(({ log }) => log)) < -Math.log(told.settings.alpha)) return suspect ? { ...told, suspect } : told
  const pod = sickPodOf(told, loud.metric)
  const abort: GuardState = { ...told, aborted: { atMs: tick.atMs, by: loud.metric }, ...(suspect ? { suspect } : {}) }
  if (pod === undefined) return abort
  const named = suspected(suspect, pod, loud.metric, tick)
  const isOutOfPatience = tick.atMs - named.sinceMs >= told.settings.podPatienceMs && named.lastBadMs === tick.atMs
  return isOutOfPatience ? { ...abort, suspect: named } : { ...told, suspect: named }
}

function suspected(before: Suspect | undefined, pod: string, metric: GuardMetric, tick: GuardTick): Suspect {
  const known = before?.pod === pod && before.metric === metric ? before : { pod, metric, sinceMs: tick.atMs, lastBadMs: tick.atMs }
  return isBad(tick, pod, metric) ? { ...known, lastBadMs: tick.atMs } : known
}

function sickPodOf(state: GuardState, metric: GuardMetric): string | undefined {
  const { settings, latency } = state
  if (metric === 'failures') return sickPod(state.pods.failures, settings.tolerance, dispersionOf(state.dispersion))
  const dispersion = latency?.dispersions[loudest(latency)]
  return dispersion && sickPod(state.pods.latency, settings.tolerance, dispersionOf(dispersion, largestPause))
}

/**
 * A suspect that has been replaced, or has done no harm for as long as patience lasts, takes its evidence with it: that metric starts anew.
 * It costs no guarantee worth speaking of, because it happens only after evidence that health shows once in 1/alpha runs.
 */
function forgiven(state: GuardState, { atMs }: GuardTick): GuardState {
  const { suspect, ...rest } = state
  if (!suspect || atMs - suspect.lastBadMs < state.settings.podPatienceMs) return state
  const { metric } = suspect
  const pods = { ...state.pods, [metric]: startPods() }
  if (metric === 'failures') return { ...rest, pods, failures: startFailures(state.settings.tolerance) }
  const { latency } = state
  return { ...rest, pods, ...(latency ? { latency: { ...latency, evidence: startMixture(evenMasses(latency.evidence.logs.length)) } } : {}) }
}
