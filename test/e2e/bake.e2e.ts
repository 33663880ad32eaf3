import { describe, expect, it } from 'vitest'
import { resources } from '../../src/api/resources.ts'
import { explain } from './lib/explain.ts'
import { startLoad } from './lib/load.ts'
import { conditionsOf, eventWith, getDeployment, patch } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, givenAdoptedApp, onlyAnswers, restsIdle, since, versionOf, type Story } from './lib/story.ts'

/** The checks would have to fail fifty times. */
const patient = { interval: '1s', threshold: 50, strategy: { stepWeights: [50], bake: '10m', guard: { metrics: ['failures'] } } }
const evidence = 'while serving everybody it failed \\d+ of \\d+ requests \\([\\d.]+%\\), allowed [\\d.]+%; evidence .*:1 that it is worse, limit [\\d,]+:1'

describe('a version that serves everybody while the old one stays warm', () => {
  const { namespace, explainOnFailure } = scene('bake')
  let story: Story

  it('and turns bad: the old one is brought back', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { canary: patient, streams: [{ name: 'users', url: 'http://podinfo/', rate: 50, timeoutMs: 20_000 }] })
    const beganAt = Date.now()
    await story.deploy('v2', { fault: 'breakable' })
    await eventWith(namespace, 'podinfo', /^Baking podinfo\..* for 10m0s while the old version stays warm$/)
    await onlyAnswers(story, 'v2', 'podinfo')
    expectNoFailure(since(await story.load.settled(), beganAt))
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary')), 'the primary is untouched').toBe('v1')

    await startLoad(namespace, [{ name: 'switch', url: 'http://podinfo-canary/break', rate: 10, connections: 'fresh' }], 'switch')
    await restsIdle(story, 'Failed')
    await onlyAnswers(story, 'v1', 'podinfo-primary')
    const failures = since(await story.load.settled(), beganAt).flatMap((line) => line.failures)
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.map(({ status }) => status).filter((status) => status !== 500), 'nothing else fails on the way back').toEqual([])
  })

  it('and is told about with what it did while it served everybody', async () => {
    explainOnFailure()
    await eventWith(namespace, 'podinfo', new RegExp(`^Halt podinfo\\..* advancement guard: ${evidence}$`))
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* guard is certain: evidence .*:1 that it is worse, limit [\d,]+:1$/)
    expect(conditionsOf(story.watch.current())).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True', message: expect.stringMatching(new RegExp(`^The guard took the canary back: ${evidence}\\. Apply another revision to start again\\.$`)) as unknown }))
    expect(await explain(namespace, 'podinfo')).toMatch(/canary alone +\d+ +[1-9]\d* +[\d.]+%/)
  })

  it('and stays well: it is promoted when the time is over', async () => {
    explainOnFailure()
    await patch(resources.canaries, namespace, 'podinfo', { spec: { analysis: { bake: '3s' } } })
    const beganAt = Date.now()
    await story.deploy('v3')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(story.watch.rows.filter((row) => row.at >= beganAt && row.phase === 'Progressing').map((row) => row.weight)).toContain(100)
    await eventWith(namespace, 'podinfo', /^Baking podinfo\..* for 3s while the old version stays warm$/)
    await onlyAnswers(story, 'v3', 'podinfo-primary')
    expectNoFailure(since(await story.load.settled(), beganAt))
  })
})
