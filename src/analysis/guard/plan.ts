import { alternativesAbove } from './failures.ts'
import { logLabelRatio } from './label-test.ts'
import type { GuardSettings } from './settings.ts'

/** What is known before a rollout. */
export interface Outlook {
  readonly settings: GuardSettings
  /** Requests of both tracks together. */
  readonly requestsPerSecond: number
  /** The primary's counts lately. */
  readonly primary: { readonly requests: number; readonly failures: number }
  /** The weights to come, as fractions, and how long each lasts. */
  readonly steps: readonly { readonly share: number; readonly seconds: number }[]
}

export interface Plan {
  /** The primary's failure rate that the plan reckons with. Absent: too little of the primary has been seen to say anything. */
  readonly failureRate?: number
  /** A canary that fails this many times as often is found within the planned time, on average. Absent: not even one that fails every request. */
  readonly smallestRatio?: number
  /** A canary that fails every request: seconds until the abort, and failed requests until then. Absent: not within the planned time. */
  readonly broken?: Cost
  /** The same for one that fails `exampleRatio` times as often. */
  readonly exampleRatio: number
  readonly example?: Cost
}

export interface Cost {
  readonly seconds: number
  readonly failedRequests: number
}

/** What mixing over alternatives, metrics and beginnings, and stopping above the threshold, cost on average; nats, simulated (`npm run bench:detection`). */
const mixingNats = 2.5
/** Evidence is gathered in ticks. */
const tickSeconds = 1
const exampleRatio = 10
/** With fewer requests of the primary its failure rate would be little but the half failure that is added: 25 % after one request. */
const enoughRequests = 100

export function planRollout(outlook: Outlook): Plan {
  if (outlook.primary.requests < enoughRequests) return { exampleRatio }
  // Half a failure is added: none in a thousand requests is no promise of none.
  const failureRate = (outlook.primary.failures + 0.5) / (outlook.primary.requests + 1)
  const smallest = smallestRatio(outlook, failureRate)
  const broken = costOf(outlook, failureRate, 1)
  const example = costOf(outlook, failureRate, Math.min(1, exampleRatio * failureRate))
  return {
    failureRate,
    ...(smallest === undefined ? {} : { smallestRatio: smallest }),
    ...(broken ? { broken } : {}),
    exampleRatio,
    ...(example ? { example } : {}),
  }
}

/** Nats that an abort takes on average. */
export const natsToAbort = ({ alpha }: GuardSettings): number => mixingNats - Math.log(alpha)

/** Nats that a request brings on average at a weight, for the alternative that fits best; 0 where none does. */
export function natsPerRequest({ tolerance }: GuardSettings, share: number, primaryRate: number, canaryRate: number): number {
  const canary = share * canaryRate
  const both = canary + (1 - share) * primaryRate
  return Math.max(0, ...alternativesAbove(tolerance).ratios.map((ratio) => logLabelRatio(canary, both, share, ratio, tolerance)))
}

/** Seconds until the abort and what they cost, walking through the steps. Undefined if the steps end first. */
function costOf({ settings, requestsPerSecond, steps }: Outlook, primaryRate: number, canaryRate: number): Cost | undefined {
  let missing = natsToAbort(settings)
  let [seconds, failedRequests] = [0, 0]
  for (const step of steps) {
    const failuresPerSecond = requestsPerSecond * step.share * canaryRate
    const natsPerSecond = requestsPerSecond * natsPerRequest(settings, step.share, primaryRate, canaryRate)
    const enough = Math.max(missing / natsPerSecond, (settings.minimumFailures - failedRequests) / failuresPerSecond, tickSeconds)
    const spent = Math.min(step.seconds, enough)
    seconds += spent
    failedRequests += spent * failuresPerSecond
    if (enough <= step.seconds) return { seconds, failedRequests }
    missing -= natsPerSecond * step.seconds
  }
  return undefined
}

function smallestRatio(outlook: Outlook, failureRate: number): number | undefined {
  const isFound = (ratio: number): boolean => costOf(outlook, failureRate, Math.min(1, ratio * failureRate)) !== undefined
  let [low, high] = [Math.log(outlook.settings.tolerance), -Math.log(failureRate)]
  if (!isFound(Math.exp(high))) return undefined
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2
    if (isFound(Math.exp(middle))) high = middle
    else low = middle
  }
  return Math.exp(high)
}
