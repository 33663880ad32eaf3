import { afterAll, describe, expect, it } from 'vitest'
import { parseCanary } from '../../../src/api/canary.ts'
import type { GuardRecord } from '../../../src/api/guard-record.ts'
import { resources } from '../../../src/api/resources.ts'
import { cluster } from '../lib/cluster.ts'
import { eventually } from '../lib/eventually.ts'
import { kill, recovered } from '../lib/kinglet.ts'
import { startLoad } from '../lib/load.ts'
import { eventWith } from '../lib/objects.ts'
import { scene } from '../lib/scene.ts'
import { served } from '../lib/shares.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, since, type Story } from '../lib/story.ts'

const rate = 70
/** Reports are a second old, and counted two seconds later; on a busy machine the client's log comes late as well. */
const lagSeconds = 6

/** Twenty-one nats for a pass: more than two thousand requests of the canary, which do not come here. */
const patient = { interval: '2s', threshold: 50, strategy: { stepWeights: [20], advance: 'evidence', guard: { metrics: ['failures'], beta: 1e-9 } } }

describe('the controller is killed while the guard has seen half of it', () => {
  const { namespace, explainOnFailure } = scene('evidence-kept')
  let story: Story
  let inForceAt = 0
  let before: GuardRecord
  afterAll(() => recovered('controller'))

  const record = async (): Promise<{ readonly guard: GuardRecord; readonly atMs: number }> => {
    const { analysis } = parseCanary(await cluster().get(resources.canaries, { namespace, name: 'podinfo' })).status
    if (!analysis?.guard) throw new Error('no record of the guard yet')
    return { guard: analysis.guard, atMs: Date.parse(analysis.time) }
  }
  const drawn = ({ canary, primary }: GuardRecord): number => canary.requests + primary.requests
  const evidenceOf = ({ advance }: GuardRecord): number => advance?.metrics[0]?.logEvidence ?? NaN

  /** What the guard has counted and what the client was answered since the weight came into force, at the guard's last verdict. */
  const compare = async (): Promise<string | undefined> => {
    const { guard, atMs } = await record()
    const { total } = served(await story.load.lines(), 'podinfo', inForceAt, atMs)
    const missing = total - drawn(guard)
    return Math.abs(missing) <= lagSeconds * rate ? undefined : `the client was answered ${total} times, the guard has counted ${drawn(guard)}`
  }

  it('every request that was drawn counts once, those of the time without a controller too', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { canary: patient })
    const beganAt = Date.now()
    await story.deploy('v2', { fault: 'breakable' })
    const row = await story.watch.until('the canary has its weight', ({ weight, inForceAt: at }) => weight === 20 && at !== undefined)
    inForceAt = row.inForceAt ?? 0
    before = await eventually('a hundred requests of the canary have been counted', async () => {
      const { guard } = await record()
      return guard.canary.requests >= 100 && guard
    })
    await kill('controller')
    const killedAt = Date.now()
    await recovered('controller')
    // It judges as soon as the first sidecar is back, and counts what they repeat.
    await eventually('the next leader judges, by more than the checkpoint', async () => {
      const { guard, atMs } = await record()
      return atMs > killedAt + 2000 && drawn(guard) > drawn(before) + lagSeconds * rate
    })
    await eventually('the counts of guard and client agree', async () => {
      const difference = await compare()
      if (difference === undefined) return true
      throw new Error(difference)
    })
    const { guard } = await record()
    expect(evidenceOf(guard), 'the evidence of before is in it').toBeGreaterThan(evidenceOf(before))
    expectNoFailure(since(await story.load.settled(), beganAt))
  })

  it('and a version that turns bad then is taken back with all that was counted', async () => {
    explainOnFailure()
    await startLoad(namespace, [{ name: 'switch', url: 'http://podinfo-canary/break', rate: 10, connections: 'fresh' }], 'switch')
    await restsIdle(story, 'Failed')
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* guard is certain: evidence .*:1 that it is worse, limit 1,000:1$/)
    const { guard } = await record()
    expect(guard).toMatchObject({ decision: 'abort', by: 'failures' })
    expect(guard.canary.requests).toBeGreaterThan(before.canary.requests)
  })
})
