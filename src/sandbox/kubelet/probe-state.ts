import { numberAt } from '../../base/json.ts'

/**
 * A probe's arithmetic, pure: how single results become a verdict.
 *
 * | verdict | on result | when | becomes |
 * |---|---|---|---|
 * | any | success | successThreshold in a row | success |
 * | any | failure | failureThreshold in a row | failure |
 * | any | either | fewer in a row | stays |
 *
 * Kubernetes, pkg/kubelet/prober/worker.go.
 */
export interface ProbeSettings {
  readonly initialDelayMs: number
  readonly periodMs: number
  readonly timeoutMs: number
  readonly successThreshold: number
  readonly failureThreshold: number
}

export interface ProbeState {
  readonly verdict: 'success' | 'failure' | 'unknown'
  readonly lastResult: boolean | undefined
  readonly inARow: number
}

export const initialProbeState: ProbeState = { verdict: 'unknown', lastResult: undefined, inARow: 0 }

/** Defaults of core/v1 Probe. */
export function readProbeSettings(probe: unknown): ProbeSettings {
  const seconds = (name: string, fallback: number): number => (numberAt(probe, name) ?? fallback) * 1000
  return {
    initialDelayMs: seconds('initialDelaySeconds', 0),
    periodMs: Math.max(1000, seconds('periodSeconds', 10)),
    timeoutMs: Math.max(1000, seconds('timeoutSeconds', 1)),
    successThreshold: Math.max(1, numberAt(probe, 'successThreshold') ?? 1),
    failureThreshold: Math.max(1, numberAt(probe, 'failureThreshold') ?? 3),
  }
}

/** The state after one more result. */
export function advanceProbe(state: ProbeState, isSuccess: boolean, settings: ProbeSettings): ProbeState {
  const inARow = state.lastResult === isSuccess ? state.inARow + 1 : 1
  const needed = isSuccess ? settings.successThreshold : settings.failureThreshold
  const verdict = inARow < needed ? state.verdict : isSuccess ? 'success' : 'failure'
  return { verdict, lastResult: isSuccess, inARow }
}
