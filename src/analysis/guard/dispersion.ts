import { settled } from './mixture.ts'

/**
 * How many failures come as one. A client that tries five times makes five failures of one cause; evidence that took them for five
 * independent ones would raise ten times as many false alarms as promised. Learned from the primary alone, and only from earlier ticks:
 * neighbouring spans of time are compared, so that slow changes of the failure rate cancel.
 *
 *   φ = Σ (n·n'/(n+n'))·(p−p')²·(n+n') / Σ (x+x')·(1−p̄)        one failure per cause → 1; clusters of m, all in one tick → m
 *
 * Example: 5 failures of 100 requests, then 0 of 100: 50·.05²·200 / 5·(1−.025) = 25/4.875 ≈ 5.1.
 * Retries come a second or more apart, so spans of one and of ten ticks are compared and the larger answer counts. For clusters of
 * size m this estimates E[m²]/E[m], the factor by which the variance of a count grows (McCullagh & Nelder, §4.5).
 */
export interface Dispersion {
  readonly scales: readonly Scale[]
}

/** One length of span: the one that fills up, the one before it, and both sums. */
interface Scale {
  readonly ticks: number
  readonly requests: number
  readonly events: number
  readonly last?: readonly [requests: number, events: number]
  readonly above: number
  readonly below: number
}

const spans = [1, 10]
/** So many failures' worth of belief that they are independent, before any was seen. */
const priorEvents = 20
/** Beyond this the guard would be blind; the promise does not cover clusters that are larger. */
const largest = 25

const emptyScale: Scale = { ticks: 0, requests: 0, events: 0, above: 0, below: 0 }
export const startDispersion = (): Dispersion => ({ scales: spans.map(() => emptyScale) })

export const dispersionOf = ({ scales }: Dispersion): number =>
  Math.min(largest, Math.max(1, ...scales.map(({ above, below }) => (above + priorEvents) / (below + priorEvents))))

/** One tick of the primary: `events` of `requests`. */
export const feedDispersion = ({ scales }: Dispersion, requests: number, events: number): Dispersion => ({
  scales: requests === 0 ? scales : scales.map((scale, at) => feedScale(scale, spans[at] ?? 1, requests, events)),
})

function feedScale(scale: Scale, span: number, requests: number, events: number): Scale {
  const filling = { ...scale, ticks: scale.ticks + 1, requests: scale.requests + requests, events: scale.events + events }
  if (filling.ticks < span) return filling
  const next: Scale = { ...emptyScale, above: scale.above, below: scale.below, last: [filling.requests, filling.events] }
  return scale.last ? compared(next, scale.last, [filling.requests, filling.events]) : next
}

function compared(scale: Scale, [n, x]: readonly [number, number], [m, y]: readonly [number, number]): Scale {
  const above = n * m * (x / n - y / m) ** 2
  const below = (x + y) * (1 - (x + y) / (n + m))
  return { ...scale, above: settled(scale.above + above), below: settled(scale.below + below) }
}
