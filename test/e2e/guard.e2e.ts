import { describe, expect, it } from 'vitest'
import { explain } from './lib/explain.ts'
import { conditionsOf, eventWith } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { givenAdoptedApp, restsIdle, since, type Story } from './lib/story.ts'

/** The checks alone would need fifty intervals of five seconds. */
const patient = { interval: '5s', threshold: 50, strategy: { stepWeight: 5, maxWeight: 50 } }

describe('a version that fails every request', () => {
  const { namespace, explainOnFailure } = scene('guard')
  let story: Story

  it('is gone after a handful of failed requests, long before the checks have counted to their threshold', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { canary: patient, streams: [{ name: 'users', url: 'http://podinfo/', rate: 100 }] })
    const beganAt = Date.now()
    await story.deploy('v2', { fault: 'broken' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    const failures = since(await story.load.settled(), beganAt).flatMap((line) => line.failures)
    expect(failures.length).toBeGreaterThan(0)
    // Four to six make it certain, the rest is what was on the way: on a machine that does ten other things a second's worth, and another.
    expect(failures.length, 'failed requests').toBeLessThanOrEqual(30)
    expect(story.watch.rows.at(-1)).toMatchObject({ weight: 0, failedChecks: 0 })
  })

  it('is told about with counts, in the events, the conditions and the explanation', async () => {
    await eventWith(namespace, 'podinfo', /^Guard of podinfo\..*: at \d+ requests\/s/)
    // A request is counted when it comes and its failure when it has ended: one more may be under way.
    await eventWith(namespace, 'podinfo', /^Halt podinfo\..* advancement guard: canary failed (\d+) of \d+ requests .*, primary 0 of \d+ requests.*; worst GET \/ with \1 of the canary's \1 failures/)
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* guard is certain/)
    expect(conditionsOf(story.watch.current())).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True', message: expect.stringContaining('The guard took the canary back') as unknown }))
    expect(JSON.parse(await explain(namespace, 'podinfo', 'json'))).toMatchObject({ phase: 'Failed', analysis: { decidedBy: 'guard', guard: { decision: 'abort', by: 'failures', primary: { failures: 0 }, routes: [{ route: 'GET /', primary: { failures: 0 } }] } } })
  })
})
