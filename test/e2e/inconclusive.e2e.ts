import { describe, expect, it } from 'vitest'
import { resources } from '../../src/api/resources.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { cluster } from './lib/cluster.ts'
import { explain } from './lib/explain.ts'
import { conditionsOf, conditionWith, eventWith, getDeployment, patch } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { givenAdoptedApp, restsIdle, versionOf, type Story } from './lib/story.ts'

const inconclusive = /^Halt podinfo\..* advancement: inconclusive after 3s\. More requests, a longer maxDuration, or onInconclusive: promote or rollback end this\.$/

describe('a version with too little traffic to be judged', () => {
  const { namespace, explainOnFailure } = scene('inconclusive')
  let story: Story
  const change = (analysis: JsonObject): Promise<JsonObject> => patch(resources.canaries, namespace, 'podinfo', { spec: { analysis } })

  it('is held when the time is over, and it is said what would end that', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, {
      app: { replicas: 1 },
      canary: { interval: '1s', threshold: 1, strategy: { stepWeight: 20, maxWeight: 40, advance: 'evidence', maxDuration: '3s' } },
      streams: [{ name: 'users', url: 'http://podinfo/', rate: 4, timeoutMs: 20_000 }],
    })
    await story.deploy('v2')
    await conditionWith(namespace, 'podinfo', inconclusive)
    expect(story.watch.rows.at(-1)).toMatchObject({ phase: 'Progressing', weight: 20, failedChecks: 0 })
    expect(conditionsOf(await cluster().get(resources.canaries, { namespace, name: 'podinfo' }))).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'Inconclusive' }))
    expect(await explain(namespace, 'podinfo')).toMatch(/that it is no worse, in this step: failures .*:.*, latency 1:1; each needs 20:1/)
  })

  it('is promoted where the Canary says so', async () => {
    explainOnFailure()
    await change({ onInconclusive: 'promote' })
    await restsIdle(story, 'Succeeded')
    await eventWith(namespace, 'podinfo', /^Promoting although podinfo\..* analysis is inconclusive after 3s$/)
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
  })

  it('waits without a single request, however often the checks have looked: nothing has failed', async () => {
    explainOnFailure()
    await cluster().delete(resources.pods, { namespace, name: 'load-podinfo' })
    await change({ onInconclusive: 'hold' })
    await story.deploy('v3')
    await eventWith(namespace, 'podinfo', /^Halt advancement no values found for kinglet metric request-success-rate probably podinfo\..* is not receiving traffic: no requests in the last 1m0s$/)
    await conditionWith(namespace, 'podinfo', inconclusive)
    expect(story.watch.rows.at(-1)).toMatchObject({ phase: 'Progressing', weight: 20, failedChecks: 0 })
    expect(await explain(namespace, 'podinfo')).toMatch(/Last verdict: no-data, decided by request-success-rate, at weight 20%/)
  })

  it('is rolled back where the Canary says so', async () => {
    explainOnFailure()
    await change({ onInconclusive: 'rollback' })
    await restsIdle(story, 'Failed')
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* analysis is inconclusive after 3s$/)
    await eventWith(namespace, 'podinfo', /^Canary failed! Scaling down podinfo\./)
    expect(story.watch.rows.at(-1)).toMatchObject({ weight: 0, failedChecks: 0 })
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
  })
})
