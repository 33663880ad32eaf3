import { describe, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { reconcile } from './reconciler.ts'
import { appCanary, appDeployment, appService, catchUp, createStage, live, namespace, statusOf, type Stage } from './stage.testkit.ts'

/** Canaries beside one that has the split, and what becomes of it when they go. */

async function givenAdopted(): Promise<Stage> {
  const stage = createStage()
  stage.cluster.put(resources.deployments, appDeployment('v1'))
  stage.cluster.put(resources.services, appService)
  stage.cluster.put(resources.canaries, appCanary())
  catchUp(stage)
  await live(stage, 25)
  expect(statusOf(stage)['phase']).toBe('Initialized')
  return stage
}

const addRival = (stage: Stage): void =>
  void stage.cluster.put(resources.canaries, { ...appCanary(), metadata: { name: 'rival', namespace, creationTimestamp: '2026-02-01T00:00:00Z', finalizers: ['finalizer.flagger.app'] }, spec: { ...objectAt(appCanary(), 'spec'), service: { name: 'web', port: 80 } } })

/** Both are looked at, again and again. */
async function liveTogether(stage: Stage, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await live(stage, 1)
    await reconcile(`${namespace}/rival`, stage.options).catch(() => undefined)
  }
}

/** What clients and the target depend on. */
const split = (stage: Stage): JsonObject => ({
  apex: objectAt(stage.cluster.get(resources.services, namespace, 'web'), 'spec', 'selector'),
  target: numberAt(stage.cluster.get(resources.deployments, namespace, 'web'), 'spec', 'replicas') ?? null,
  mark: stringAt(stage.cluster.get(resources.deployments, namespace, 'web'), 'metadata', 'annotations', 'kinglet.sh/status') ?? null,
})

describe('a Canary whose target another one has', () => {
  it('takes none of its sidecars', async () => {
    const stage = await givenAdopted()
    addRival(stage)
    const belongTo = (): ReadonlySet<string> => new Set([...stage.tables.values()].map(({ canary }) => canary))
    for (let second = 0; second < 3; second += 1) {
      await live(stage, 1)
      await reconcile(`${namespace}/rival`, stage.options)
      expect([...belongTo()]).toEqual(['shop/web'])
    }
  })
})

describe('a Canary that goes', () => {
  it('leaves the split of an older one for the same target alone', async () => {
    const stage = await givenAdopted()
    const before = split(stage)
    addRival(stage)
    await liveTogether(stage, 3)
    stage.cluster.onWrite = () => expect(split(stage)).toEqual(before)
    stage.cluster.remove(resources.canaries, { namespace, name: 'rival' })
    await liveTogether(stage, 5)
    expect(stage.cluster.get(resources.canaries, namespace, 'rival')).toBeUndefined()
    expect(split(stage)).toEqual(before)
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })

  it('together with the one that has the split takes nothing from the way back of that one', async () => {
    const stage = await givenAdopted()
    addRival(stage)
    await liveTogether(stage, 3)
    stage.cluster.onWrite = () => {
      const selector = Object.entries(objectAt(stage.cluster.get(resources.services, namespace, 'web'), 'spec', 'selector'))
      const serving = stage.cluster.all(resources.pods).filter((pod) => selector.every(([key, value]) => objectAt(pod, 'metadata', 'labels')[key] === value))
      expect(serving.length, 'ready pods behind the apex').toBeGreaterThan(0)
    }
    for (const name of ['web', 'rival']) stage.cluster.remove(resources.canaries, { namespace, name })
    await reconcile(`${namespace}/rival`, stage.options)
    await liveTogether(stage, 30)
    expect(stage.cluster.all(resources.canaries)).toEqual([])
    expect(split(stage)).toMatchObject({ apex: { app: 'web' }, target: 2, mark: null })
  })

  it('deletes its primary also where another tool has a finalizer on it, and goes when that tool has let go', async () => {
    const stage = await givenAdopted()
    const primary = (): JsonObject | undefined => stage.cluster.get(resources.deployments, namespace, 'web-primary')
    stage.cluster.put(resources.deployments, { metadata: { name: 'web-primary', namespace, finalizers: ['example.com/audit'] } })
    stage.cluster.remove(resources.canaries, { namespace, name: 'web' })
    await live(stage, 25)
    expect(stringAt(primary(), 'metadata', 'deletionTimestamp')).toBeDefined()
    stage.cluster.put(resources.deployments, { metadata: { name: 'web-primary', namespace, finalizers: [] } })
    stage.cluster.remove(resources.deployments, { namespace, name: 'web-primary' })
    await live(stage, 5)
    expect(stage.cluster.get(resources.canaries, namespace, 'web')).toBeUndefined()
  })

  it('is not kept by a Deployment of somebody else that has the name of its primary', async () => {
    const stage = createStage()
    stage.cluster.put(resources.deployments, appDeployment('v1'))
    stage.cluster.put(resources.deployments, { ...appDeployment('v1'), metadata: { name: 'web-primary', namespace } })
    stage.cluster.put(resources.services, appService)
    stage.cluster.put(resources.canaries, appCanary())
    await live(stage, 3)
    stage.cluster.remove(resources.canaries, { namespace, name: 'web' })
    await live(stage, 30)
    expect(stage.cluster.get(resources.canaries, namespace, 'web')).toBeUndefined()
    expect(stage.cluster.get(resources.deployments, namespace, 'web-primary')).toBeDefined()
  })
})
