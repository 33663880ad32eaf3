import { AppError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { KubeClient } from '../../kube/client.ts'
import { buildClient, buildDeployment, demoNamespace, namespaceObject, serviceObject, versions, type DemoVersion } from './app.ts'
import { emptyBook, failuresBetween } from './book.ts'
import { observe, phaseOf, readyReplicasOf, weightOf, type Observation } from './observe.ts'

/** What the story needs from the world. */
export interface DemoPorts {
  readonly client: KubeClient
  /** Writes an object as `kubectl apply` does. */
  apply(object: JsonObject): Promise<void>
  /** Called after every look at the cluster. */
  show(headline: string, observation: Observation): void
  say(line: string): void
  now(): number
  /** Resolves after `ms`; rejects when the demo is stopped. */
  pause(ms: number): Promise<void>
}

/** How one release went. Times in seconds. */
export interface ReleaseReport {
  readonly version: string
  /** The Canary's last phase. */
  readonly outcome: string
  readonly seconds: number
  /** Canary weights in the order in which the status showed them. */
  readonly weights: readonly number[]
  readonly requests: number
  /** Requests of users that failed while it ran. */
  readonly failed: number
}

export interface DemoReport {
  /** Both releases ended as they should, and no user saw a failure but those that v3 itself answered. */
  readonly ok: boolean
  readonly requests: number
  readonly adoptionSeconds: number
  readonly failedDuringAdoption: number
  readonly promotion: ReleaseReport
  readonly failedDuringPromotion: number
  readonly rollback: ReleaseReport
  readonly failedDuringBadRelease: number
  /** From the client's first failed request to the moment the status shows weight 0. Absent if nothing failed. */
  readonly secondsFromFirstBadResponseToWeightZero?: number
}

/** Requests a second of the client. */
const rate = 50
const lookEveryMs = 250
const stepLimitMs = 90_000

/** Plays the whole story: v1 is adopted, v2 promoted, v3 rolled back. Errors: DEMO_TIMEOUT when a step does not end. */
export async function playDemo(ports: DemoPorts): Promise<DemoReport> {
  const watcher = createWatcher(ports)
  await ports.apply(namespaceObject)
  await ports.apply(buildDeployment(versions.v1))
  await ports.apply(serviceObject)
  await watcher.until('v1 starts', ({ target, primary }) => readyReplicasOf(target) > 0 || readyReplicasOf(primary) > 0)
  await ports.apply(buildClient(rate))
  const adoptionBegan = ports.now()
  await watcher.until('Kinglet takes v1 over', ({ canary, book }) => phaseOf(canary) === 'Initialized' && book.sent > 0)
  const adoptionEnded = ports.now()
  const adoptionSeconds = seconds(adoptionEnded - adoptionBegan)
  ports.say(`v1 is adopted: the primary serves, the Deployment rests at 0 replicas (${adoptionSeconds} s)`)

  const good = await release(ports, watcher, versions.v2, 'Succeeded')
  ports.say(`v2 is promoted (${good.report.seconds} s)`)
  const bad = await release(ports, watcher, versions.v3, 'Failed')
  ports.say(`v3 is rolled back (${bad.report.seconds} s)`)

  // The client's last seconds reach its log a moment later than the status does.
  const ended = ports.now()
  const { book } = await watcher.until('v3 was released', (look) => look.book.second * 1000 > ended)
  const failedDuringAdoption = failuresBetween(book, 0, good.began).length
  const failedDuringPromotion = failuresBetween(book, good.began, bad.began).length
  const badFailures = failuresBetween(book, bad.began, Number.POSITIVE_INFINITY)
  const firstBad = badFailures[0]
  return {
    ok: good.report.outcome === 'Succeeded' && bad.report.outcome === 'Failed' && failedDuringAdoption + failedDuringPromotion === 0 && badFailures.length > 0,
    requests: book.sent,
    adoptionSeconds,
    failedDuringAdoption,
    promotion: { ...good.report, failed: failedDuringPromotion },
    failedDuringPromotion,
    rollback: { ...bad.report, failed: badFailures.length },
    failedDuringBadRelease: badFailures.length,
    ...(firstBad === undefined ? {} : { secondsFromFirstBadResponseToWeightZero: Math.max(0, seconds(bad.weightZeroAt - firstBad)) }),
  }
}

interface Release {
  readonly report: ReleaseReport
  readonly began: number
  /** When the status first showed weight 0 after it had shown more. */
  readonly weightZeroAt: number
}

async function release(ports: DemoPorts, watcher: Watcher, version: DemoVersion, expected: string): Promise<Release> {
  const began = ports.now()
  const sentBefore = watcher.latest().book.sent
  const weights: number[] = []
  let weightZeroAt = began
  const follow = ({ canary }: Observation): void => {
    const weight = weightOf(canary)
    if (weight === weights.at(-1) || (weights.length === 0 && weight === 0)) return
    if (weight === 0) weightZeroAt = ports.now()
    weights.push(weight)
  }
  await ports.apply(buildDeployment(version))
  const headline = `${version.name} is released`
  await watcher.until(headline, ({ canary }) => phaseOf(canary) === 'Progressing', follow)
  const { canary, book } = await watcher.until(headline, (look) => isOver(phaseOf(look.canary)), follow)
  const outcome = phaseOf(canary)
  if (outcome !== expected) ports.say(`${version.name} ended as ${outcome}, expected ${expected}`)
  const report = { version: version.name, outcome, seconds: seconds(ports.now() - began), weights, requests: book.sent - sentBefore, failed: 0 }
  return { report, began, weightZeroAt }
}

const isOver = (phase: string): boolean => phase === 'Succeeded' || phase === 'Failed'

interface Watcher {
  latest(): Observation
  /** Looks again and again until `holds`; `follow` sees every look. Errors: DEMO_TIMEOUT with the headline. */
  until(headline: string, holds: (observation: Observation) => boolean, follow?: (observation: Observation) => void): Promise<Observation>
}

function createWatcher(ports: DemoPorts): Watcher {
  let latest: Observation = { canary: undefined, target: undefined, primary: undefined, events: [], book: emptyBook }
  return {
    latest: () => latest,
    until: async (headline, holds, follow) => {
      const deadline = ports.now() + stepLimitMs
      for (;;) {
        latest = await observe(ports.client, latest.book)
        follow?.(latest)
        ports.show(headline, latest)
        if (holds(latest)) return latest
        if (ports.now() > deadline) {
          throw new AppError('DEMO_TIMEOUT', `${headline}: not done after ${stepLimitMs / 1000} s in namespace ${demoNamespace}; the Canary is ${phaseOf(latest.canary)}`)
        }
        await ports.pause(lookEveryMs)
      }
    },
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10
