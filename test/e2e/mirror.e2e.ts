import { describe, expect, it } from 'vitest'
import { apply } from './lib/apply.ts'
import { canary } from './lib/manifests.ts'
import { eventWith } from './lib/objects.ts'
import { sidecarCount } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { served, versions } from './lib/shares.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, since, type Story } from './lib/story.ts'

describe('a release that begins with copies of the users’ requests', () => {
  const { namespace, explainOnFailure } = scene('mirror')
  const copies = (outcome: string): Promise<number> => sidecarCount(namespace, 'podinfo-primary', 'kinglet_requests_total', { track: 'canary', reason: 'mirror', outcome })
  let story: Story

  it('takes a bad version back before any user has met it', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { app: { replicas: 1 }, canary: { strategy: { mirror: true, stepWeights: [50] } } })
    const beganAt = Date.now()
    await story.deploy('v2', { fault: 'broken' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expect(versions(lines)).toEqual({ v1: served(lines, 'podinfo').total })
    expect(story.watch.rows.every(({ weight }) => weight === 0)).toBe(true)
    expect(await copies('5xx'), 'copies that failed').toBeGreaterThan(20)
    expect(await copies('2xx')).toBe(0)
    await eventWith(namespace, 'podinfo', /^Advance podinfo\..* canary weight 0$/)
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* failed checks threshold reached 2$/)
  })

  it('gives a good version its first users after an interval of copies', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v3')
    const atHalf = await story.watch.until('the first weight', ({ phase, weight }) => phase === 'Progressing' && weight === 50)
    const copied = await copies('2xx')
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expect(copied, 'copies that were answered').toBeGreaterThan(50)
    const before = served(lines, 'podinfo', beganAt, atHalf.decidedAt)
    expect(before.total).toBeGreaterThan(50)
    expect(before.byCanary, 'users on the canary while it got copies').toBe(0)
    expect(served(lines, 'podinfo', atHalf.decidedAt).byCanary, 'and afterwards').toBeGreaterThan(20)
  })

  it('in blue/green copies until the promotion, and no user meets the new version before it', async () => {
    explainOnFailure()
    await apply(canary({ namespace, strategy: { iterations: 3, mirror: true } }))
    const beganAt = Date.now()
    await story.deploy('v4')
    await story.watch.until('the last iteration', ({ iterations }) => iterations === 3)
    const copied = await copies('2xx')
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expect(copied, 'copies that were answered').toBeGreaterThan(50)
    const judgedAt = story.watch.rows.find((row) => row.at > beganAt && (row.weight > 0 || row.phase === 'Promoting'))?.decidedAt ?? 0
    const before = served(lines, 'podinfo', beganAt, judgedAt)
    expect(before.total).toBeGreaterThan(50)
    expect(before.byCanary).toBe(0)
    await eventWith(namespace, 'podinfo', /^Stop traffic mirroring and route all traffic to canary$/)
  })
})
