import { describe, expect, it } from 'vitest'
import { parseCanary } from '../../src/api/canary.ts'
import { resources } from '../../src/api/resources.ts'
import { cluster } from './lib/cluster.ts'
import { explain } from './lib/explain.ts'
import { eventWith, patch } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { stepsOf } from './lib/shares.ts'
import { expectNoFailure, expectShareWithinWeight, givenAdoptedApp, restsIdle, since, type Story } from './lib/story.ts'

/** Slowness on a machine that does ten other things is no news of the app; and odds of 5 : 1 come sooner than 20 : 1. */
const guard = { metrics: ['failures'], beta: 0.2 }

/** The weights of a release since `from`, in order, up to its promotion. */
const weightsOf = (story: Story, from: number): readonly number[] => stepsOf(story.watch.rows, from).map(({ weight }) => weight)

describe('a healthy version with decent traffic', () => {
  const { namespace, explainOnFailure } = scene('evidence')
  let story: Story

  it('passes each step as soon as it is shown to be no worse: by the clock that would take half an hour', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, {
      app: { replicas: 1 },
      canary: { interval: '10m', strategy: { stepWeights: [40, 60], advance: 'evidence', guard } },
      streams: [{ name: 'users', url: 'http://podinfo/', rate: 100, timeoutMs: 20_000 }],
    })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(weightsOf(story, beganAt)).toEqual([0, 40, 60])
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
    await eventWith(namespace, 'podinfo', /^Guard of podinfo\..*: at \d+ requests\/s/)
  })

  it('is told about with the evidence that it passed by', async () => {
    explainOnFailure()
    const text = await explain(namespace, 'podinfo')
    expect(text).toContain('Last verdict: pass, at weight 60%')
    expect(text).toMatch(/Sequential guard: the canary is shown to be no worse; evidence .* that it is worse, limit 1,000:1/)
    expect(text).toMatch(/that it is no worse, in this step: failures [\d,.]+:1; needed is 5:1/)
  })

  it('takes few and large steps where the harm that it could do is within the budget', async () => {
    explainOnFailure()
    // One percent a step would be fifty of them.
    await patch(resources.canaries, namespace, 'podinfo', { spec: { analysis: { stepWeights: null, stepWeight: 1, maxWeight: 50, interval: '1s', advance: 'interval', adaptive: { harmBudget: 20 } } } })
    const beganAt = Date.now()
    await story.deploy('v3')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    const weights = weightsOf(story, beganAt)
    expect(weights.at(-1)).toBe(50)
    // Of a version that nothing is known about every request may fail for the two seconds that a reaction takes.
    const { requestsPerSecond } = parseCanary(await cluster().get(resources.canaries, { namespace, name: 'podinfo' })).status.analysis?.guard?.plan ?? { requestsPerSecond: 0 }
    expect(requestsPerSecond).toBeGreaterThan(0)
    expect(weights[1], `at ${requestsPerSecond} requests/s steps ${weights.join(', ')}`).toBeLessThanOrEqual(Math.ceil((100 * 20) / (2 * requestsPerSecond)))
    expect(weights.length, `steps ${weights.join(', ')}`).toBeLessThan(20)
    expectNoFailure(since(await story.load.settled(), beganAt))
    expect(await explain(namespace, 'podinfo')).toMatch(/within the harm budget the weight may be \d+% next/)
  })
})
