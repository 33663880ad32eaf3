import { describe, expect, it } from 'vitest'
import { canaryAnnotation, settingAnnotations } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { listAt, stringAt } from '../../src/base/json.ts'
import { cluster } from './lib/cluster.ts'
import { eventually } from './lib/eventually.ts'
import { getDeployment, uidOf } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, expectShareWithinWeight, givenAppUnderLoad, isGivenBack, onlyAnswers, restsIdle, since, versionOf, type Story } from './lib/story.ts'

const optIn = {
  [canaryAnnotation]: 'enabled',
  [settingAnnotations.interval]: '1s',
  [settingAnnotations.stepWeight]: '25',
  [settingAnnotations.threshold]: '2',
}

describe('one annotation on the Deployment', () => {
  const { namespace, explainOnFailure } = scene('annotation')
  let story: Story

  it('makes the Canary from the Service and the port that there are, and adopts the app', async () => {
    explainOnFailure()
    story = await givenAppUnderLoad(namespace, { app: { replicas: 1 } })
    await story.deploy('v1', { annotations: optIn })
    await restsIdle(story)
    await onlyAnswers(story, 'v1', 'podinfo-primary')
    const canary = await cluster().get(resources.canaries, { namespace, name: 'podinfo' })
    const target = await getDeployment(namespace, 'podinfo')
    expect(listAt(canary, 'metadata', 'ownerReferences')).toEqual([expect.objectContaining({ kind: 'Deployment', name: 'podinfo', uid: uidOf(target) })])
    expect(canary).toMatchObject({
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
        service: { name: 'podinfo', port: 80 },
        analysis: { interval: '1s', stepWeight: 25, maxWeight: 50, threshold: 2 },
      },
    })
    expectNoFailure(await story.load.settled())
  })

  it('promotes the next version that is applied', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v2', { annotations: optIn })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
  })

  it('changes the Canary when a setting changes', async () => {
    explainOnFailure()
    await story.deploy('v2', { annotations: { ...optIn, [settingAnnotations.stepWeight]: '5' } })
    await eventually('the step weight of the Canary', async () => {
      const canary = await cluster().get(resources.canaries, { namespace, name: 'podinfo' })
      return JSON.stringify(canary['spec']).includes('"stepWeight":5')
    })
  })

  it('gives everything back when it is removed', async () => {
    explainOnFailure()
    await story.deploy('v2')
    await isGivenBack(story, 1)
    await story.load.more(200)
    expectNoFailure(await story.load.settled())
    const target = await getDeployment(namespace, 'podinfo')
    const left = Object.keys(target['metadata'] as object).includes('annotations') ? JSON.stringify((target['metadata'] as { annotations?: object }).annotations ?? {}) : ''
    expect(left).not.toContain('kinglet.sh/status')
    expect(stringAt(target, 'spec', 'template', 'metadata', 'labels', 'app')).toBe('podinfo')
  })
})
