/**
 * How many failures come as one. A client that tries five times makes five failures of one cause; evidence that took them for five
 * independent ones would raise ten times as many false alarms as promised. Learned from the primary alone, and only from earlier ticks:
 * neighbouring spans of time are compared, so that slow changes of the failure rate cancel.
 *
 *   φ = Σ h²·(p−p')² / Σ h·p̄(1−p̄),   h = n·n'/(n+n'), p̄ = (x+x')/(n+n')        one failure per cause → 1; clusters of m, all in one tick → m
 *
 * Example: 5 failures of 100 requests, then 0 of 100: h = 50, 50²·.05² / 50·.025·.975 = 6.25/1.219 ≈ 5.1.
 * Retries come a second or more apart, so spans of one and of ten ticks are compared and the larger answer counts. For clusters of
 * size m this estimates E[m²]/E[m], the factor by which the variance of a count grows (McCullagh & Nelder, §4.5).
 */
export interface Dispersion {
  readonly scales: readonly Scale[]
}

/** One length of span: the one that fills up, the one before it, and the sums. Tuples, because a checkpoint holds a dozen of them. */
interface Scale {
  readonly filling: readonly [ticks: number, requests: number, events: number]
  readonly last?: readonly [requests: number, events: number]
  /** Both sums of φ, and Σ of the squares of what the second is the sum of: how many pairs there are in effect. */
  readonly sums: readonly [above: number, below: number, squares: number]
}

const spans = [1, 10]
/** So many failures' worth of belief that they are independent, before any was seen. */
const priorEvents = 10
/** Beyond this the guard would be blind; the promise does not cover clusters that are larger. Failures: one client's. */
const largest = 25
/** Slowness: a pause holds up all requests of a second. */
export const largestPause = 100

const emptyScale: Scale = { filling: [0, 0, 0], sums: [0, 0, 0] }
export const startDispersion = (): Dispersion => ({ scales: spans.map(() => emptyScale) })

export const dispersionOf = ({ scales }: Dispersion, most = largest): number => Math.min(most, Math.max(1, ...scales.map(dispersionAt)))

function dispersionAt({ sums: [above, below, squares] }: Scale): number {
  const dispersion = (above + priorEvents) / (below + priorEvents)
  return dispersion > chanceLimit(squares > 0 ? below ** 2 / squares : 0) ? dispersion : 1
}

/**
 * What independent failures stay below in 999 of 1000 looks: taken for clusters, chance would make the guard slower by a third for nothing. The ratio
 * is then χ²/k with k degrees of freedom, whatever the failure rate is; pairs overlap, so three
 * count as two, and large pairs outweigh small ones: `pairs` is (Σ below)²/Σ below². About 1.8 after sixty, 1.1 after three thousand.
 */
function chanceLimit(pairs: number): number {
  const k = Math.max(1, (2 / 3) * pairs)
  return 1 + 3 * Math.sqrt(2 / k) + 5.5 / k
}

/** One tick of the primary: `events` of `requests`. */
export const feedDispersion = ({ scales }: Dispersion, requests: number, events: number): Dispersion => ({
  scales: requests === 0 ? scales : scales.map((scale, at) => feedScale(scale, spans[at] ?? 1, requests, events)),
})

function feedScale({ filling, last, sums }: Scale, span: number, requests: number, events: number): Scale {
  const [ticks, n, x] = [filling[0] + 1, filling[1] + requests, filling[2] + events]
  if (ticks < span) return { filling: [ticks, n, x], sums, ...(last ? { last } : {}) }
  return { filling: emptyScale.filling, sums: last ? compared(sums, last, [n, x]) : sums, last: [n, x] }
}

function compared([above, below, squares]: Scale['sums'], [n, x]: readonly [number, number], [m, y]: readonly [number, number]): Scale['sums'] {
  const weight = (n * m) / (n + m)
  const mean = (x + y) / (n + m)
  // Times four: in units of failures where n and m are alike, as the prior is.
  const expected = 4 * weight * mean * (1 - mean)
  return [rounded(above + 4 * (weight * (x / n - y / m)) ** 2), rounded(below + expected), rounded(squares + expected ** 2)]
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
