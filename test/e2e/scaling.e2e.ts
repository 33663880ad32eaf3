import { describe, expect, it } from 'vitest'
import { pauseAnnotations } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { stringAt } from '../../src/base/json.ts'
import { apply } from './lib/apply.ts'
import { eventually, staysTrue } from './lib/eventually.ts'
import { service } from './lib/manifests.ts'
import { annotate, eventWith, get, getDeployment, patch, podsOf, selectorOf, specReplicas, targetPortOf } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { served } from './lib/shares.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, since, versionOf, type Story } from './lib/story.ts'

const quickly = { interval: '1s', strategy: { maxWeight: 50, stepWeight: 25 } } as const

describe('an app that rests', () => {
  const { namespace, explainOnFailure } = scene('resting')
  let story: Story

  it('survives kubectl scale of its Deployment: no client reaches the pods, and they go again', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { canary: quickly, app: { replicas: 1 } })
    const at = Date.now()
    await patch(resources.deployments, namespace, 'podinfo', { spec: { replicas: 3 } }, 'scale')
    await eventually('the target is at 0 replicas again', async () => specReplicas(await getDeployment(namespace, 'podinfo')) === 0)
    await eventually('its pods are gone', async () => (await podsOf(namespace, 'app=podinfo')).length === 0)
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expect(served(lines, 'podinfo').byCanary).toBe(0)
    expect(story.watch.rows.at(-1)?.phase, 'replicas are no revision').toBe('Initialized')
  })

  it('keeps its clients when its Service is applied again with the old selector', async () => {
    explainOnFailure()
    const at = Date.now()
    for (let round = 1; round <= 3; round += 1) {
      await apply(service({ namespace }))
      const live = await get(resources.services, namespace, 'podinfo')
      expect(selectorOf(live), `round ${round}`).toEqual({ app: 'podinfo-primary' })
      expect(targetPortOf(live)).toBe('kinglet-route')
    }
    await story.load.more(200)
    expectNoFailure(since(await story.load.settled(), at))
  })

  it('takes kubectl rollout restart for a new revision, and judges it', async () => {
    explainOnFailure()
    const at = Date.now()
    const restartedAt = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
    await patch(resources.deployments, namespace, 'podinfo', { spec: { template: { metadata: { annotations: restartedAt } } } })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(stringAt(await getDeployment(namespace, 'podinfo-primary'), 'spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt')).toBe(restartedAt['kubectl.kubernetes.io/restartedAt'])
    expectNoFailure(since(await story.load.settled(), at))
  })

  it('starts nothing while the Canary is suspended, and goes on afterwards', async () => {
    explainOnFailure()
    await patch(resources.canaries, namespace, 'podinfo', { spec: { suspend: true } })
    await story.deploy('v2')
    await eventWith(namespace, 'podinfo', /^skipping canary run as object is suspended$/)
    await staysTrue('no pod of the target', async () => (await podsOf(namespace, 'app=podinfo')).length === 0, 3000)
    await patch(resources.canaries, namespace, 'podinfo', { spec: { suspend: false } })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
  })

  it('holds the weight while the pause annotation is there; the judge goes on', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v3')
    await story.watch.until('weight 25', (row) => row.phase === 'Progressing' && row.weight === 25)
    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotations[0]]: 'true' })
    const pausedAt = await story.watch.until('a weight', (row) => row.weight > 0)
    await staysTrue('the weight holds', () => story.watch.rows.at(-1)?.weight === pausedAt.weight && story.watch.rows.at(-1)?.phase === 'Progressing', 4000)
    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotations[0]]: null })
    await restsIdle(story, 'Succeeded')

    const failingAt = Date.now()
    await story.deploy('v4', { fault: 'errors' })
    await story.watch.until('weight 25', (row) => row.at > failingAt && row.phase === 'Progressing' && row.weight === 25)
    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotations[0]]: 'true' })
    await restsIdle(story, 'Failed')
    expectNoFailure(since(await story.load.settled(), at).filter((line) => line.second * 1000 < failingAt))
  })

  it('starts over with a new revision in the middle of an analysis', async () => {
    explainOnFailure()
    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotations[0]]: null })
    const at = Date.now()
    await story.deploy('v5')
    await story.watch.until('weight 25', (row) => row.at > at && row.phase === 'Progressing' && row.weight === 25)
    await story.deploy('v6')
    await story.watch.until('weight 0', (row) => row.phase === 'Progressing' && row.weight === 0)
    await eventWith(namespace, 'podinfo', /^New revision detected! Restarting analysis for podinfo\./)
    await restsIdle(story, 'Succeeded')
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v6')
    expectNoFailure(since(await story.load.settled(), at))
  })
})
