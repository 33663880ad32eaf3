import { afterAll, describe, expect, it } from 'vitest'
import { resources } from '../../../src/api/resources.ts'
import { cluster } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { kill, recovered } from '../lib/kinglet.ts'
import { isOwnFault } from '../lib/load.ts'
import { apply } from '../lib/apply.ts'
import { canary } from '../lib/manifests.ts'
import { eventWith, get, getDeployment } from '../lib/objects.ts'
import { scene } from '../lib/scene.ts'
import { stepsOf } from '../lib/shares.ts'
import { expectNoFailure, expectShareWithinWeight, givenAppUnderLoad, isGivenBack, restsIdle, since, versionOf, type Story } from '../lib/story.ts'

/** Every replica of the controller is killed at once, in each phase of an app's life, while users are served. */
describe('the controller is killed', () => {
  const { namespace, explainOnFailure } = scene('controller-killed')
  let story: Story
  afterAll(() => recovered('controller'))

  it('during the adoption: no request fails, and the adoption goes on', async () => {
    explainOnFailure()
    story = await givenAppUnderLoad(namespace)
    await apply(canary({ namespace, interval: '2s', strategy: { maxWeight: 40, stepWeight: 20 } }))
    await eventually('the primary is being made', () => get(resources.deployments, namespace, 'podinfo-primary'))
    await kill('controller')
    await eventually('the apex has been switched', async () => JSON.stringify(await get(resources.services, namespace, 'podinfo')).includes('"app":"podinfo-primary"'))
    await kill('controller')
    await restsIdle(story)
    expectNoFailure(await story.load.settled())
  })

  it('at weights 20 and 40, while promoting and while finalising: the analysis goes on where it was', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v2')
    for (const weight of [20, 40]) {
      await story.watch.until(`weight ${weight}`, (row) => row.phase === 'Progressing' && row.weight === weight)
      await kill('controller')
    }
    await story.watch.phase('Promoting')
    await kill('controller')
    await story.watch.phase('Finalising', 'Succeeded')
    await kill('controller')
    await restsIdle(story, 'Succeeded')
    expect(stepsOf(story.watch.rows, at).map(({ weight }) => weight), 'no step is repeated').toEqual([0, 20, 40])
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
  })

  it('while a bad version is judged, and as it is rolled back: it is rolled back all the same', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v3', { fault: 'errors' })
    await story.watch.until('weight 20', (row) => row.at > at && row.phase === 'Progressing' && row.weight === 20)
    await kill('controller')
    await story.watch.phase('Failed')
    await kill('controller')
    await restsIdle(story, 'Failed')
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines, isOwnFault)
    expectShareWithinWeight(lines, story)
    await eventWith(namespace, 'podinfo', /^Canary failed! Scaling down podinfo\./)
  })

  it('during the deletion: the Deployment and the Service are given back', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v2')
    await cluster().delete(resources.canaries, { namespace, name: 'podinfo' })
    await kill('controller')
    await eventually('the target is up again', async () => ((await getDeployment(namespace, 'podinfo'))['status'] as { availableReplicas?: number }).availableReplicas === 2)
    await kill('controller')
    await isGivenBack(story)
    await story.load.more(200)
    expectNoFailure(since(await story.load.settled(), at))
  })
})
