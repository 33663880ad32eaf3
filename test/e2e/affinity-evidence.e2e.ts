import { describe, expect, it } from 'vitest'
import { parseCanary } from '../../src/api/canary.ts'
import { resources } from '../../src/api/resources.ts'
import { cluster } from './lib/cluster.ts'
import { eventWith } from './lib/objects.ts'
import { ask, type Reply } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { stepsOf } from './lib/shares.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, since, type Story } from './lib/story.ts'

const url = 'http://podinfo/'
const versionOf = ({ body }: Reply): string => (JSON.parse(body) as { readonly message: string }).message
const cookieOf = ({ headers }: Reply): string => headers['set-cookie']?.[0]?.split(';')[0] ?? ''
const asking = (count: number, cookie?: string) => Array.from({ length: count }, () => ({ url, ...(cookie === undefined ? {} : { headers: { cookie } }) }))

/** Slowness on a machine that does ten other things is no news of the app; and odds of 5 : 1 come sooner than 20 : 1. */
const guard = { metrics: ['failures'], beta: 0.2 }
const sessionAffinity = { cookieName: 'release', maxAge: 600 }

describe('steps that pass by evidence beside users who are held', () => {
  const { namespace, explainOnFailure } = scene('held')
  let story: Story
  /** Those who bring a cookie. */
  const held = 12
  const guardRecord = async () => parseCanary(await cluster().get(resources.canaries, { namespace, name: 'podinfo' })).status.analysis?.guard

  it('come from those whom chance placed; who has a cookie keeps the version and is not compared', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, {
      canary: { interval: '10m', strategy: { stepWeights: [50, 60], advance: 'evidence', guard, sessionAffinity } },
      // Nobody of these keeps a cookie: each request is of a new user.
      streams: [{ name: 'newcomers', url, rate: 120, timeoutMs: 20_000 }],
    })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.until('the first step', ({ phase, weight, inForceAt }) => phase === 'Progressing' && weight === 50 && inForceAt !== undefined)
    const newcomers = await ask(namespace, asking(12))
    const cookie = cookieOf(newcomers.find((reply) => versionOf(reply) === 'v2') ?? { status: 0, headers: {}, body: '' })
    expect(cookie).toMatch(/^release=/)
    expect((await ask(namespace, asking(held, cookie))).map(versionOf), 'however far the release has come').toEqual(Array.from({ length: held }, () => 'v2'))
    await restsIdle(story, 'Succeeded')

    const weights = stepsOf(story.watch.rows, beganAt).map(({ weight }) => weight)
    expect(weights, 'by the clock a step takes ten minutes').toEqual([0, 50, 60])
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    const { canary, primary, apart = [] } = (await guardRecord()) ?? {}
    const sent = (lines.at(-1)?.total.sent ?? 0) - (lines[0]?.total.sent ?? 0)
    expect(canary?.requests).toBeGreaterThan(0)
    expect((canary?.requests ?? 0) + (primary?.requests ?? 0), `of ${sent} requests without a cookie`).toBeLessThanOrEqual(sent + newcomers.length)
    const ofHeld = apart.find(({ reason }) => reason === 'affinity')
    // The last of them may come when the canary serves everybody, and nothing is counted any more.
    expect((ofHeld?.canary.requests ?? 0) + (ofHeld?.primary.requests ?? 0)).toBeLessThanOrEqual(held)
    expect(ofHeld?.primary.requests ?? 0).toBe(0)
  })

  it('a bad version is taken back, and who was held by it is served again', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v3', { fault: 'broken' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    await eventWith(namespace, 'podinfo', /^Rolling back podinfo\..* guard is certain/)
    const last = await guardRecord()
    expect(last).toMatchObject({ decision: 'abort', by: 'failures', primary: { failures: 0 } })
    const failures = since(await story.load.settled(), beganAt).flatMap((line) => line.failures)
    expect(failures.every(({ status }) => status === 500)).toBe(true)
    expect(last?.canary.failures).toBeLessThanOrEqual(failures.length)
    expect((await ask(namespace, asking(3))).map(versionOf)).toEqual(['v2', 'v2', 'v2'])
  })
})
