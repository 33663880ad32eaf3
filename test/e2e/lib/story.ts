import { expect } from 'vitest'
import { resources } from '../../../src/api/resources.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import type { Stream } from '../client/load.ts'
import type { Failure, Line } from '../client/tally.ts'
import { apply } from './apply.ts'
import { watchCanary, type CanaryWatch } from './canary-watch.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { failureText, startLoad, usersOf, type LoadPod } from './load.ts'
import { canary, deployment, service, type AppOptions, type CanaryOptions } from './manifests.ts'
import { availableReplicas, getDeployment, rolledOut, selectorOf, specReplicas } from './objects.ts'
import { fitsWeight, served, shareAgainstWeight, stepsOf } from './shares.ts'

/** Given, when and then of the suites, on podinfo. */

export interface Story {
  readonly namespace: string
  /** Of the Deployment, the Service and the Canary. */
  readonly name: string
  readonly watch: CanaryWatch
  readonly load: LoadPod
  /** Applies the Deployment as the person does: with another version, fault, replicas. */
  deploy(version: string, options?: Partial<AppOptions>): Promise<void>
}

export interface StoryOptions {
  readonly name?: string
  readonly app?: Partial<AppOptions>
  readonly canary?: Partial<CanaryOptions>
  readonly streams?: readonly Stream[]
}

/** Given: the app at v1 in front of users, and nothing of Kinglet's. */
export async function givenAppUnderLoad(namespace: string, options: StoryOptions = {}): Promise<Story> {
  const { name = 'podinfo' } = options
  const app = { namespace, name, version: 'v1', ...options.app }
  await apply(deployment(app), service({ namespace, name, ...(app.isGrpc ? { isGrpc: true } : {}) }))
  await rolledOut(namespace, name)
  const load = await startLoad(namespace, options.streams ?? usersOf(name), `load-${name}`)
  const watch = await watchCanary(namespace, name)
  const deploy = async (version: string, more: Partial<AppOptions> = {}): Promise<void> => void (await apply(deployment({ ...app, version, ...more })))
  return { namespace, name, watch, load, deploy }
}

/** When: a Canary takes the app over; then the primary serves, and the target rests. */
export async function adopted(story: Story, options: Partial<CanaryOptions> = {}): Promise<void> {
  await apply(canary({ namespace: story.namespace, name: story.name, ...options }))
  await restsIdle(story)
  // Who has an idle connection to a pod of before may use it until the pod has gone, not only until it is to go.
  await eventually(`the pods of ${story.namespace}/${story.name} from before the adoption are gone`, async () => (await cluster().list(resources.pods, { namespace: story.namespace, labelSelector: `app=${story.name}` })).length === 0)
  await onlyAnswers(story, 'v1', `${story.name}-primary`)
}

/** Then: the primary serves alone, and the target has no pods. */
export async function restsIdle({ namespace, name, watch }: Story, phase: 'Initialized' | 'Succeeded' | 'Failed' = 'Initialized'): Promise<void> {
  await watch.phase(phase)
  await eventually(`${namespace}/${name} is at 0 replicas`, async () => {
    const target = await getDeployment(namespace, name)
    return specReplicas(target) === 0 && availableReplicas(target) === 0
  })
  const apex = await cluster().get(resources.services, { namespace, name })
  expect(selectorOf(apex)).toEqual({ app: `${name}-primary` })
}

/** Given: the app adopted, under load. */
export async function givenAdoptedApp(namespace: string, options: StoryOptions = {}): Promise<Story> {
  const story = await givenAppUnderLoad(namespace, options)
  await adopted(story, options.canary)
  return story
}

/** Then: the Deployment and the Service are the person's again, and of the split nothing is left. */
export async function isGivenBack({ namespace, name, watch }: Story, replicas = 2): Promise<void> {
  await watch.gone()
  const target = await getDeployment(namespace, name)
  expect(specReplicas(target)).toBe(replicas)
  expect(availableReplicas(target)).toBe(replicas)
  const apex = await cluster().get(resources.services, { namespace, name })
  expect(selectorOf(apex)).toEqual({ app: name })
  await eventually(`nothing of the split of ${namespace}/${name} is left`, async () => {
    const left = await Promise.all([
      cluster().find(resources.deployments, { namespace, name: `${name}-primary` }),
      cluster().find(resources.services, { namespace, name: `${name}-primary` }),
      cluster().find(resources.services, { namespace, name: `${name}-canary` }),
    ])
    return left.every((object) => object === undefined)
  })
}

/** Then: users saw no failure at all, but those that `isAllowed` accounts for. */
export function expectNoFailure(lines: readonly Line[], isAllowed: (failure: Failure) => boolean = () => false): void {
  const failures = lines.flatMap((line) => line.failures).filter((failure) => !isAllowed(failure))
  const total = lines.at(-1)?.total
  expect(failures.map(failureText).slice(0, 12), `${failures.length} of ${total?.sent} requests failed`).toEqual([])
}

/** Then: the canary answered no more requests than its weight of each moment gives, but for chance. */
export function expectShareWithinWeight(lines: readonly Line[], { watch, name }: Story): void {
  const { served, allowed } = shareAgainstWeight(lines, watch.rows, name)
  expect(served, `the canary answered ${served} requests, its weights allow ${allowed}`).toBeLessThanOrEqual(allowed)
}

/** Then: the release since `from` took these steps, each at least an interval long, and at each the canary answered what its weight says, but for chance. */
export function expectSteps(weights: readonly number[], lines: readonly Line[], { watch, name }: Story, { from, intervalMs }: { readonly from: number; readonly intervalMs: number }): void {
  const steps = stepsOf(watch.rows, from)
  expect(steps.map(({ weight }) => weight)).toEqual([0, ...weights])
  for (const { weight, inForceAt, to } of steps.slice(1)) {
    expect(to - inForceAt, `time at ${weight} %`).toBeGreaterThanOrEqual(intervalMs)
    const counts = served(lines, name, inForceAt, to)
    expect(counts.total, `answers at ${weight} %`).toBeGreaterThan(50)
    expect(fitsWeight(counts, weight), `at ${weight} % the canary answered ${counts.byCanary} of ${counts.total}`).toBe(true)
  }
}

/** Then: users end up with this version on this workload alone. Those on a kept-alive connection stay with an old pod until it closes it. */
export async function onlyAnswers({ load, namespace }: Story, version: string, workload: string): Promise<void> {
  const who = `${version}@${workload}`
  await eventually(`every user of ${namespace} is answered by ${who}`, async () => {
    const last = (await load.lines()).at(-1)
    const answering = new Set(Object.values(last?.streams ?? {}).flatMap((second) => Object.keys(second.answered)))
    if (answering.size === 1 && answering.has(who)) return true
    throw new Error([...answering].join(', '))
  })
}

/** Lines of the seconds from `at` (epoch milliseconds) on. */
export const since = (lines: readonly Line[], at: number): readonly Line[] => lines.filter((line) => line.second * 1000 >= at)

/** What the status of a Deployment's pods says of its version: `PODINFO_UI_MESSAGE` in the template. */
export const versionOf = (deployed: JsonObject): string | undefined => /"PODINFO_UI_MESSAGE","value":"([^"]*)"/.exec(JSON.stringify(deployed))?.[1]
