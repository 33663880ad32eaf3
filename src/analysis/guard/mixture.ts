/**
 * Evidence over many alternatives and many beginnings, as one number that stays valid however often it is read: mass is spread
 * over alternatives and over starting times, each part is multiplied by the evidence of its alternative since its start, and the
 * sum is the evidence. Parts start every `restartTicks` ticks, so that a fault after an hour does not have to make up for an hour
 * of health. Ville's inequality holds because all masses together are 1.
 */
export interface Mixture {
  /** ln of the mass at each alternative. */
  readonly logs: readonly number[]
  /** Ticks so far. */
  readonly ticks: number
}

/** The share of the mass that starts at once; the rest starts in parts 1/(k(k+1)), which sum to 1. A late fault pays ln 5 more for it. */
const firstMass = 0.8
const restartTicks = 30

/** The mass of each alternative; they sum to 1. */
export const startMixture = (masses: readonly number[]): Mixture => ({ logs: masses.map((mass) => Math.log(firstMass * mass)), ticks: 0 })

/** The same mass for each of so many alternatives. */
export const evenMasses = (alternatives: number): readonly number[] => Array.from({ length: alternatives }, () => 1 / alternatives)

/** One tick of evidence: `increments[j]` is ln e of alternative j. `masses`: what the mixture was started with. */
export function feedMixture({ logs, ticks }: Mixture, increments: readonly number[], masses: readonly number[] = evenMasses(logs.length)): Mixture {
  const k = ticks > 0 && ticks % restartTicks === 0 ? ticks / restartTicks : 0
  const restart = (1 - firstMass) / (k * (k + 1))
  return { logs: logs.map((log, at) => settled((k === 0 ? log : logAdd(log, Math.log(restart * (masses[at] ?? 0)))) + (increments[at] ?? 0))), ticks: ticks + 1 }
}

/** ln of the evidence: all parts, and the mass that has not started yet, which is worth itself. */
export const logEvidenceOf = (mixture: Mixture): number => logSumExp([...mixture.logs, logFloorOf(mixture)])

/** ln of the mass that has not started yet: lower the evidence cannot fall. */
export const logFloorOf = ({ ticks }: Mixture): number => Math.log((1 - firstMass) / (Math.floor(Math.max(0, ticks - 1) / restartTicks) + 1))

/** Rounded to a ten-thousandth of a nat: a checkpoint is short, and reads back as exactly the same state. The errors of a day sum up to a hundredth. */
export const settled = (value: number): number => Math.round(value * 1e4) / 1e4

export function logSumExp(values: readonly number[]): number {
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity)
  if (!Number.isFinite(top)) return top
  return top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0))
}

const logAdd = (a: number, b: number): number => logSumExp([a, b])
