import { logLabelRatio } from './label-test.ts'
import { logSumExp, settled } from './mixture.ts'

/**
 * How many times as often the canary fails, as an interval that holds at every look: the ratios ρ whose likelihood Λ(ρ) is not less
 * than α times the mean over all of them. Where the true ratio is ρ, mean/Λ(ρ) is a martingale that starts at 1, so it passes 1/α with
 * probability α at most, ever (prior-posterior ratio; Waudby-Smith & Ramdas, arXiv 2006.04347).
 */

const points = 64
const lowest = Math.log(0.02)
const highest = Math.log(500)
const logRatioAt = (at: number): number => lowest + ((highest - lowest) * at) / (points - 1)
const grid = Array.from({ length: points }, (_, at) => Math.exp(logRatioAt(at)))

export const startInterval = (): readonly number[] => grid.map(() => 0)

export const feedInterval = (logs: readonly number[], canaryEvents: number, events: number, share: number, dispersion: number): readonly number[] =>
  events === 0 ? logs : logs.map((log, at) => settled(log + logLabelRatio(canaryEvents, events, share, grid[at] ?? 1) / dispersion))

export interface RatioInterval {
  readonly low: number
  /** Absent where nothing bounds the ratio: the primary has hardly failed. */
  readonly high?: number
  readonly level: number
}

export function intervalOf(logs: readonly number[], level: number): RatioInterval {
  const bound = logSumExp(logs) - Math.log(points) + Math.log(1 - level)
  const isInside = logs.map((log) => log > bound)
  const first = isInside.indexOf(true)
  const last = isInside.lastIndexOf(true)
  const low = first <= 0 ? 0 : Math.exp(crossing(logs, first - 1, bound))
  return last === points - 1 ? { low, level } : { low, high: Math.exp(crossing(logs, last, bound)), level }
}

/** The most likely ratio; absent where the likelihood rises to the end of the grid. */
export function likeliest(logs: readonly number[]): number | undefined {
  const at = logs.indexOf(Math.max(...logs))
  if (at === points - 1) return undefined
  if (at === 0) return 0
  const [before = 0, top = 0, after = 0] = logs.slice(at - 1, at + 2)
  const bend = before - 2 * top + after
  return Math.exp(logRatioAt(at + (bend < 0 ? (before - after) / (2 * bend) : 0)))
}

/** Where the likelihood crosses the bound between two points, in ln ρ. */
function crossing(logs: readonly number[], at: number, bound: number): number {
  const [left = 0, right = 0] = logs.slice(at, at + 2)
  return logRatioAt(at + (left === right ? 0 : (bound - left) / (right - left)))
}
