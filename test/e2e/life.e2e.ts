import { describe, expect, it } from 'vitest'
import { resources } from '../../src/api/resources.ts'
import { cluster } from './lib/cluster.ts'
import { isOwnFault } from './lib/load.ts'
import { conditionsOf, eventsOf, eventWith, getDeployment, podsOf, targetPortOf } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { adopted, expectNoFailure, expectShareWithinWeight, expectSteps, givenAppUnderLoad, isGivenBack, onlyAnswers, restsIdle, since, versionOf, type Story } from './lib/story.ts'

const intervalMs = 4000

describe('the life of an app under constant load', () => {
  const { namespace, explainOnFailure } = scene('life')
  let story: Story

  it('is adopted without a failed request', async () => {
    explainOnFailure()
    story = await givenAppUnderLoad(namespace)
    // Slowness is left to Flagger's check here, so that its words are heard too.
    await adopted(story, { interval: `${intervalMs / 1000}s`, strategy: { stepWeight: 10, maxWeight: 50, guard: { metrics: ['failures'] } } })
    expectNoFailure(await story.load.settled())
    for (const [name, port] of [['podinfo', 'kinglet-route'], ['podinfo-primary', 'kinglet-direct'], ['podinfo-canary', 'kinglet-direct']] as const) {
      expect(targetPortOf(await cluster().get(resources.services, { namespace, name })), name).toBe(port)
    }
    expect((await eventsOf(namespace, 'podinfo')).map((event) => event.message)).toContain(`Initialization done! podinfo.${namespace}`)
    expect(conditionsOf(story.watch.current())).toContainEqual(expect.objectContaining({ type: 'Promoted', status: 'True', reason: 'Initialized' }))
  })

  it('promotes a good version through 10, 20, 30, 40 and 50 % without a failed request', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expectSteps([10, 20, 30, 40, 50], lines, story, { from: beganAt, intervalMs })
    expectShareWithinWeight(lines, story)

    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    await onlyAnswers(story, 'v2', 'podinfo-primary')
    const messages = (await eventsOf(namespace, 'podinfo')).map((event) => event.message)
    for (const weight of [10, 20, 30, 40, 50]) expect(messages).toContain(`Advance podinfo.${namespace} canary weight ${weight}`)
    expect(messages).toEqual(expect.arrayContaining([
      `New revision detected! Scaling up podinfo.${namespace}`,
      `Starting canary analysis for podinfo.${namespace}`,
      `Copying podinfo.${namespace} template spec to podinfo-primary.${namespace}`,
      'Routing all traffic to primary',
      `Promotion completed! Scaling down podinfo.${namespace}`,
    ]))
    expect(conditionsOf(story.watch.current())).toContainEqual(expect.objectContaining({ type: 'Promoted', status: 'True', reason: 'Succeeded' }))
  })

  it('rolls a version back that answers with errors; nothing else fails', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v3', { fault: 'errors' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines, isOwnFault)
    expectShareWithinWeight(lines, story)
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    const rolledBackAt = story.watch.rows.at(-1)?.at ?? 0
    expectNoFailure(since(lines, rolledBackAt + 1500))
    // One request in nine fails: chance decides whether the guard is certain before the check has failed twice.
    await eventWith(namespace, 'podinfo', /^Halt podinfo\..* advancement (success rate \d\d\.\d\d% < 99%|guard: canary failed \d+ of \d+ requests \([\d.]+%\), primary 0 of .*; evidence .*:1 that it is worse, limit 1,000:1)$/)
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* (failed checks threshold reached 2|guard is certain: evidence .*:1 that it is worse, limit 1,000:1)$/)
    await eventWith(namespace, 'podinfo', /^Canary failed! Scaling down podinfo\./)
    expect(conditionsOf(story.watch.current())).toContainEqual(expect.objectContaining({ type: 'Promoted', status: 'False', reason: 'Failed' }))
  })

  it('rolls a version back that is slow, without a failed request', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v4', { fault: 'slow' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
    await eventWith(namespace, 'podinfo', /^Halt podinfo\..* advancement request duration [\d.]+m?s > 500ms$/)
  })

  it('gives the Deployment and the Service back when the Canary is deleted, without a failed request', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    // v4 is slow: the person takes it back first, and the app they get back is the one in their manifest.
    await story.deploy('v2')
    await cluster().delete(resources.canaries, { namespace, name: 'podinfo' })
    await isGivenBack(story)
    await story.load.more(200)
    await onlyAnswers(story, 'v2', 'podinfo')
    expectNoFailure(since(await story.load.settled(), beganAt))
    expect(await podsOf(namespace, 'app=podinfo')).toHaveLength(2)
  })
})
