import { bucketOf } from '../../src/api/histogram.ts'
import { countHeld, drawBesideHeld, newPhase, weightParts } from '../../src/routing/weighted-choice.ts'
import { binomial, geometric, latencyCounts, normal, poisson, tickAt, track, type Random } from '../../src/analysis/guard/simulation.testkit.ts'
import { defaultGuardSettings, type GuardSettings } from '../../src/analysis/guard/settings.ts'
import { emptyTrack, type GuardTick, type TrackTick } from '../../src/analysis/guard/tick.ts'

/**
 * Healthy rollouts of many kinds. Where nothing else is said the canary is as bad as a healthy one may be: it fails exactly `tolerance` times as
 * often as the primary. A canary that is just as good as the primary raises far fewer alarms.
 */
export interface Scenario {
  readonly name: string
  readonly about: string
  readonly settings: GuardSettings
  /** One rollout: a function from seconds to ticks. Negative seconds: the primary alone, from which the guard learns. */
  readonly begin: (random: Random) => (second: number) => GuardTick
  readonly learnSeconds: number
}

const requestsPerTick = 400
const { tolerance } = defaultGuardSettings
const failuresOnly: GuardSettings = { ...defaultGuardSettings, metrics: ['failures'] }
/** The latency test at its boundary: no tolerance, and both tracks alike. */
const latencyToo: GuardSettings = { ...defaultGuardSettings, latencyTolerance: 1, latencyToleranceMs: 0 }

interface Moment {
  readonly share: number
  readonly requests: number
  /** Of the primary. */
  readonly rate: number
  /** How many times as often the canary fails. */
  readonly ratio?: number
  /** The share that is realised, where it is not the weight. */
  readonly realised?: number
}

function coin(random: Random, second: number, { share, requests, rate, ratio = tolerance, realised = share }: Moment): GuardTick {
  if (second < 0) return tickAt(second, 0, track(requests, binomial(random, requests, rate)), emptyTrack)
  const canary = binomial(random, requests, realised)
  return tickAt(second, share, track(requests - canary, binomial(random, requests - canary, rate)), track(canary, binomial(random, canary, Math.min(1, ratio * rate))))
}

const plain = (name: string, about: string, moment: (second: number) => Moment): Scenario => ({
  name,
  about,
  settings: failuresOnly,
  learnSeconds: 300,
  begin: (random) => (second) => coin(random, second, moment(second)),
})

const spike = (second: number): number => (((second % 100) + 100) % 100 < 5 ? 0.3 : 0.001)
/** A day in 1000 ticks. */
const daytime = (second: number): number => 1 + 0.9 * Math.sin((2 * Math.PI * second) / 1000)
const steps = [0.01, 0.05, 0.2, 0.5]

/** Users of very different diligence; a user's hash decides the track, and a rising weight only adds users. */
function sticky(random: Random): (second: number) => GuardTick {
  const users = Array.from({ length: 300 }, () => ({ hash: random(), diligence: Math.exp(1.5 * normal(random)) }))
  const all = users.reduce((sum, { diligence }) => sum + diligence, 0)
  return (second) => {
    const share = steps[Math.floor(Math.max(0, second) / 250)] ?? 0.5
    const realised = users.reduce((sum, { hash, diligence }) => (hash < share ? sum + diligence : sum), 0) / all
    return coin(random, second, { share, realised, requests: requestsPerTick, rate: 0.005 })
  }
}

/**
 * Session cookies, by the product's own choices: whoever was sent to the canary stays there and is counted once, everybody else is drawn anew with each
 * request. One user in fifty fails half of the time whatever serves them.
 */
function cookies(random: Random): (second: number) => GuardTick {
  const phase = newPhase(random)
  const newcomer = (): { isHeld: boolean; readonly rate: number } => ({ isHeld: false, rate: random() < 0.02 ? 0.5 : 0.002 })
  const users = Array.from({ length: 60 }, newcomer)
  const parts = weightParts(10)
  return (second) => {
    const counts = { primary: [0, 0], canary: [0, 0] } as const satisfies Record<string, number[]>
    for (let left = second < 0 ? 0 : 40; left > 0; left -= 1) {
      const at = Math.floor(random() * users.length)
      const user = users[at] ?? newcomer()
      if (user.isHeld) countHeld(phase, parts, true)
      else {
        user.isHeld = drawBesideHeld(phase, parts)
        const of = user.isHeld ? counts.canary : counts.primary
        of[0] += 1
        of[1] += random() < Math.min(1, user.rate * (user.isHeld ? tolerance : 1)) ? 1 : 0
      }
      if (random() < 0.05) users[at] = newcomer()
    }
    const tick = second < 0 ? tickAt(second, 0, track(40, binomial(random, 40, 0.012)), emptyTrack) : tickAt(second, 0.1, track(...counts.primary), track(...counts.canary))
    return { ...tick, isShareOpen: true }
  }
}

/** A client that fails tries again at once, on the same track, five times on average. */
function clusters(random: Random, ratio: number): (second: number) => GuardTick {
  const failed = (requests: number, rate: number): TrackTick => {
    let failures = 0
    for (let left = poisson(random, (requests * rate) / 5); left > 0; left -= 1) failures += geometric(random, 5)
    return track(requests, Math.min(requests, failures))
  }
  return (second) => {
    const canary = second < 0 ? 0 : binomial(random, requestsPerTick, 0.1)
    return tickAt(second, second < 0 ? 0 : 0.1, failed(requestsPerTick - canary, 0.005), failed(canary, 0.005 * ratio))
  }
}

/**
 * Retry storms: now and then a client's request can only fail, on either track, and it is tried twenty times on average, each time on the track
 * of the first (a sticky client). The sidecar has told that it is one client.
 */
function storms(random: Random): (second: number) => GuardTick {
  const withStorms = (tick: TrackTick): TrackTick => {
    const clients = poisson(random, tick.requests * 0.0005)
    const tries = Array.from({ length: clients }, () => geometric(random, 20)).reduce((a, b) => a + b, 0)
    return { ...tick, requests: tick.requests + tries, failures: tick.failures + tries, failedClients: tick.failures + clients }
  }
  return (second) => {
    const tick = coin(random, second, { share: 0.1, requests: requestsPerTick, rate: 0.001 })
    return { ...tick, primary: withStorms(tick.primary), canary: second < 0 ? emptyTrack : withStorms(tick.canary) }
  }
}

/** The failure rate of each pod is its version's times exp(N(0, .2)): a bad node, a cold cache. Four pods a track, equally good versions. */
function podLuck(random: Random): (second: number) => GuardTick {
  const luck = (): number => Array.from({ length: 4 }, () => Math.exp(0.2 * normal(random))).reduce((a, b) => a + b, 0) / 4
  const [primary, canary] = [luck(), luck()]
  return (second) => coin(random, second, { share: 0.1, requests: requestsPerTick, rate: 0.005 * primary, ratio: canary / primary })
}

const classes = [2, 4, 7, 10, 14, 20, 28, 40, 80, 300].map((ms) => bucketOf(ms * 1000))
const shares = [0.1, 0.15, 0.25, 0.15, 0.1, 0.1, 0.06, 0.05, 0.03, 0.01]

/** Both metrics: failures at the tolerance, latencies alike on both tracks; by day everything is slower. */
function latencies(random: Random, slowdown: (second: number) => number): (second: number) => GuardTick {
  return (second) => {
    const tick = coin(random, second, { share: 0.1, requests: requestsPerTick, rate: 0.005 })
    const by = slowdown(second)
    const mixed = shares.map((share, at) => share * (1 - by) + by * (at >= 5 ? 0.2 : 0))
    const counted = (of: TrackTick): TrackTick => ({ ...of, latency: latencyCounts(random, of.requests, classes, mixed) })
    return { ...tick, primary: counted(tick.primary), canary: counted(tick.canary) }
  }
}

/** Pauses: in one tick of twenty everything on a track is slow, on each track at its own times. */
function pauses(random: Random): (second: number) => GuardTick {
  return (second) => {
    const tick = coin(random, second, { share: 0.1, requests: requestsPerTick, rate: 0.001 })
    const counted = (of: TrackTick): TrackTick => ({ ...of, latency: random() < 0.05 ? [[bucketOf(300_000), of.requests]] : latencyCounts(random, of.requests, classes, shares) })
    return { ...tick, primary: counted(tick.primary), canary: counted(tick.canary) }
  }
}

export const scenarios: readonly Scenario[] = [
  plain('constant', 'failure rate .5 %, weight 10 %', () => ({ share: 0.1, requests: requestsPerTick, rate: 0.005 })),
  plain('spikes', '.1 %, for 5 s of every 100 s 30 %', (second) => ({ share: 0.1, requests: requestsPerTick, rate: spike(second) })),
  plain('weight steps', '1, 5, 20, 50 %, the failure rate changes with them', (second) => ({ share: steps[Math.floor(Math.max(0, second) / 250)] ?? 0.5, requests: requestsPerTick, rate: [0.02, 0.005, 0.001, 0.01][Math.floor(Math.max(0, second) / 250)] ?? 0.01 })),
  { name: 'sticky users', about: '300 users of very different diligence, routed by hash', settings: failuresOnly, learnSeconds: 300, begin: sticky },
  { name: 'session cookies', about: '60 users at a time, some of whom fail; held on the canary, drawn anew beside', settings: failuresOnly, learnSeconds: 300, begin: cookies },
  { name: 'clusters', about: 'a client that fails tries five times on average, no client known; ratio 1', settings: { ...failuresOnly, tolerance: 1 }, learnSeconds: 3600, begin: (random) => clusters(random, 1) },
  { name: 'clusters, 1.25', about: 'the same at the default tolerance', settings: failuresOnly, learnSeconds: 3600, begin: (random) => clusters(random, tolerance) },
  { name: 'retry storms', about: 'a client that can only fail tries twenty times on average, on one track; clients known', settings: failuresOnly, learnSeconds: 300, begin: storms },
  { name: 'pod luck', about: 'pods differ by exp(N(0, .2)), four a track; equal versions', settings: failuresOnly, learnSeconds: 300, begin: podLuck },
  plain('day and night', 'traffic 40 … 760 a tick, failure rate .05 … .95 %', (second) => ({ share: 0.1, requests: Math.round(requestsPerTick * daytime(second)), rate: 0.005 * daytime(second + 250) })),
  plain('low traffic', '2 requests a tick, 5 %, failure rate 2 %', () => ({ share: 0.05, requests: 2, rate: 0.02 })),
  { name: 'latency', about: 'both metrics at their boundary, slower by day', settings: latencyToo, learnSeconds: 300, begin: (random) => latencies(random, (second) => 0.1 * daytime(second)) },
  { name: 'pauses', about: 'one tick of twenty is slow throughout, on each track by itself', settings: latencyToo, learnSeconds: 1800, begin: pauses },
]
