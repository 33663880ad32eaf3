import type { Fault } from './until-abort.ts'

/** One row of the detection table: a fault, and what the theory's reference simulation gave for it. */
export interface Row extends Fault {
  readonly table: 'requests' | 'seconds' | 'latency' | 'advance' | 'errors'
  readonly label: string
  /** In the row's unit. Absent: there is none. */
  readonly reference?: number
  /** Failed canary requests until the abort. */
  readonly referenceVictims?: number
  readonly alpha: number
  readonly reps: number
  /** The published test is judged by the weight, not by the share that was counted in the tick. */
  readonly isByWeight?: boolean
  readonly shift?: { readonly factor: number; readonly hang: number }
  readonly maxFailureRate?: number
}

/**
 * The reference's ticks are a two-hundredth of Wald's bound. Its notes say that they were judged by the counted share; of ticks of two and seven requests (rows 3
 * and 5) that would take 2.9 and 1.2 times what it gives, so these figures are those of the weight.
 */
const requestRow = (alpha: number, share: number, rate: number, ratio: number, [bound, mean]: readonly [bound: number, mean: number]): Row => ({
  table: 'requests', label: `α ${alpha}  w ${share}  p ${rate}  ratio ${ratio}`, reference: mean, alpha, share, rate, canaryRate: rate * ratio, requests: Math.max(1, Math.round(bound / 200)), reps: 300, isByWeight: true,
})
const secondsRow = (rps: number, share: number, canaryRate: number, [seconds, victims]: readonly [seconds: number, victims?: number], reps = 400): Row => ({
  table: 'seconds', label: `${rps} rps  w ${share}  canary ${canaryRate * 100} %`, reference: seconds, ...(victims === undefined ? {} : { referenceVictims: victims }), alpha: 0.001, share, rate: 0.001, canaryRate, requests: rps, isPoisson: true, reps, isByWeight: rps <= 2,
})
/** How large the reference's ticks were is not known: a fiftieth of its result, so that waiting for the end of one counts little. */
const latencyRow = (label: string, share: number, shift: { readonly factor: number; readonly hang: number }, reference: number, reps = 400): Row => ({
  table: 'latency', label: `${label}  w ${share}`, reference, alpha: 0.01, share, rate: 0, canaryRate: 0, requests: Math.max(4, Math.round(reference / 50)), reps, shift,
})
const advanceRow = (rps: number, share: number, seconds: number, maxFailureRate: number, reps = 400): Row => ({
  table: 'advance', label: `${rps} rps  w ${share}  ${maxFailureRate > 0 ? 'below 1 %' : 'below twice the primary'}`, reference: seconds, alpha: 0.001, share, rate: 0.001, canaryRate: 0.001, requests: rps, isPoisson: true, reps, maxFailureRate,
})
const errorRow = (label: string, rate: number, canaryRate: number, maxFailureRate: number): Row => ({
  table: 'errors', label, alpha: 0.001, share: 0.2, rate, canaryRate, requests: 200, reps: 1000, maxFailureRate,
})

export const rows: readonly Row[] = [
  requestRow(0.01, 0.05, 0.001, 2, [254_305, 316_682]),
  requestRow(0.01, 0.05, 0.001, 10, [7495, 11_000]),
  requestRow(0.01, 0.05, 0.001, 100, [364, 608]),
  requestRow(0.01, 0.1, 0.01, 2, [13_448, 17_629]),
  requestRow(0.01, 0.1, 0.01, 5, [1350, 1801]),
  requestRow(0.01, 0.5, 0.001, 10, [2145, 2848]),
  requestRow(0.001, 0.05, 0.001, 10, [11_242, 14_939]),
  requestRow(0.001, 0.1, 0.01, 5, [2025, 2622]),
  secondsRow(1000, 0.01, 1, [1]),
  secondsRow(1000, 0.01, 0.1, [3.7, 3.6]),
  secondsRow(1000, 0.01, 0.02, [24]),
  secondsRow(1000, 0.01, 0.005, [212]),
  secondsRow(100, 0.01, 1, [3.3, 3.3]),
  secondsRow(100, 0.01, 0.1, [34, 3.3]),
  secondsRow(100, 0.01, 0.02, [266]),
  secondsRow(100, 0.01, 0.005, [2218], 200),
  secondsRow(100, 0.05, 1, [1.1, 5.8]),
  secondsRow(100, 0.05, 0.1, [8.1, 4.1]),
  secondsRow(100, 0.05, 0.02, [54, 5.5]),
  secondsRow(100, 0.05, 0.005, [480, 12]),
  secondsRow(20, 0.05, 1, [4.5]),
  secondsRow(20, 0.05, 0.1, [43]),
  secondsRow(20, 0.05, 0.02, [317]),
  secondsRow(20, 0.05, 0.005, [2678], 200),
  secondsRow(2, 0.05, 1, [30, 3.1]),
  secondsRow(2, 0.05, 0.1, [374, 3.6]),
  secondsRow(0.2, 0.05, 1, [295, 3.0]),
  secondsRow(0.2, 0.05, 0.1, [3614, 3.6]),
  latencyRow('all +10 %', 0.1, { factor: 1.1, hang: 0 }, 10_000),
  latencyRow('all +25 %', 0.1, { factor: 1.25, hang: 0 }, 1600),
  latencyRow('all ×2', 0.1, { factor: 2, hang: 0 }, 208),
  latencyRow('2 % hang', 0.1, { factor: 1, hang: 0.02 }, 7200),
  latencyRow('.5 % hang', 0.1, { factor: 1, hang: 0.005 }, 83_000, 120),
  latencyRow('all +25 %', 0.5, { factor: 1.25, hang: 0 }, 641),
  latencyRow('2 % hang', 0.5, { factor: 1, hang: 0.02 }, 3100),
  advanceRow(100, 0.05, 103, 0.01),
  advanceRow(100, 0.2, 24, 0.01),
  advanceRow(100, 0.5, 11, 0.01),
  advanceRow(1000, 0.05, 11, 0.01),
  advanceRow(2, 0.05, 82 * 60, 0.01),
  advanceRow(100, 0.2, 840, 0),
  advanceRow(100, 0.5, 540, 0),
  advanceRow(1000, 0.5, 60, 0),
  errorRow('twice the primary, no limit of its own', 0.005, 0.01, 0),
  errorRow('twice the primary, and at the limit of 1 %', 0.005, 0.01, 0.01),
  errorRow('at the limit of 1 %, three times the primary', 0.0033, 0.01, 0.01),
]
