import { describe, expect, it } from 'vitest'
import type { Stream } from './client/load.ts'
import { eventually } from './lib/eventually.ts'
import { startLoad, timeoutMs } from './lib/load.ts'
import { availableReplicas, eventsOf, eventWith, getDeployment } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { served, versions } from './lib/shares.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, since, versionOf } from './lib/story.ts'

const url = 'http://podinfo/'
const stream = (name: string, headers: Readonly<Record<string, string>> = {}): Stream => ({ name, url, rate: 20, headers, timeoutMs })

describe('an A/B test', () => {
  const { namespace, explainOnFailure } = scene('ab')

  it('sends those with the header or the cookie to the canary, at weight 0 too, and nobody else', async () => {
    explainOnFailure()
    const story = await givenAdoptedApp(namespace, {
      streams: [
        stream('everybody'),
        stream('strangers', { 'x-group': 'outsider', cookie: 'canary=never' }),
        stream('insiders', { 'x-group': 'insider' }),
        stream('cookies', { cookie: 'theme=dark; canary=always' }),
      ],
      canary: {
        strategy: {
          iterations: 8,
          match: [{ headers: { 'x-group': { exact: 'insider' } } }, { headers: { cookie: { regex: '^(.*?;)?\\s*(canary=always)(;.*)?$' } } }],
        },
      },
    })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await eventWith(namespace, 'podinfo', /^Advance podinfo\..* canary iteration 1\/8$/)
    const from = Date.now() + 1500
    await eventWith(namespace, 'podinfo', /^Advance podinfo\..* canary iteration 7\/8$/)
    const to = Date.now()
    await restsIdle(story, 'Succeeded')
    const lines = await story.load.settled()

    expectNoFailure(lines)
    const judgedAt = story.watch.rows.find((row) => row.at > beganAt && row.phase === 'Promoting')?.decidedAt ?? 0
    const history = story.watch.rows.map((row) => `${new Date(row.at).toISOString()} ${row.phase}`).join(', ')
    for (const name of ['everybody', 'strangers']) {
      const before = versions(lines, beganAt, judgedAt, name)
      expect(before['v1'], name).toBeGreaterThan(100)
      expect(before, `${name}, before v2 has passed`).toEqual({ v1: before['v1'] })
      // The primary rolls without a gap: they meet v2 in its own pods, never in the canary's.
      const strays = lines.filter((line) => line.second * 1000 > beganAt && served([line], 'podinfo', 0, Infinity, name).byCanary > 0)
      expect(strays.map((line) => `${new Date(line.second * 1000).toISOString()} ${JSON.stringify(line.streams[name]?.answered)}`), `${name} on the canary; ${history}`).toEqual([])
    }
    for (const name of ['insiders', 'cookies']) {
      const during = served(lines, 'podinfo', from, to, name)
      expect(during.total, name).toBeGreaterThan(20)
      expect(during.byCanary, `${name} on the canary, of ${during.total}`).toBe(during.total)
    }
    expect(story.watch.rows.filter((row) => row.phase === 'Progressing').map((row) => row.weight).filter((weight) => weight !== 0), 'the weight stays 0').toEqual([])
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
  })
})

describe('blue/green', () => {
  const { namespace, explainOnFailure } = scene('bluegreen')

  it('lets no user reach v2 before it is promoted; a test reaches it at the canary Service', async () => {
    explainOnFailure()
    const story = await givenAdoptedApp(namespace, { canary: { strategy: { iterations: 4 } } })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await eventually('both pods of v2 are ready', async () => availableReplicas(await getDeployment(namespace, 'podinfo')) === 2)
    const test = await startLoad(namespace, [{ name: 'test', url: 'http://podinfo-canary/', rate: 30, timeoutMs }], 'test')
    const judged = await story.watch.phase('Promoting', 'Finalising', 'Succeeded', 'Failed')
    // Afterwards its Service is empty, and it is refused.
    const tests = (await test.lines()).filter((line) => (line.second + 1) * 1000 < judged.decidedAt)
    // It may be up before the kube-proxies know the pods.
    expectNoFailure(tests.slice(tests.findIndex((line) => line.total.answered > 0) + 1))
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)

    expectNoFailure(lines)
    const judgedAt = story.watch.rows.find((row) => row.at > beganAt && (row.weight > 0 || ['Promoting', 'Finalising', 'Succeeded'].includes(row.phase)))?.decidedAt ?? 0
    const before = served(lines, 'podinfo', beganAt, judgedAt)
    expect(before.total).toBeGreaterThan(100)
    const strays = lines.filter((line) => served([line], 'podinfo', beganAt, judgedAt).byCanary > 0)
    expect(strays.map((line) => `${new Date(line.second * 1000).toISOString()} ${JSON.stringify(line.streams)}`), `users on v2 before its promotion at ${new Date(judgedAt).toISOString()}`).toEqual([])
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    const messages = (await eventsOf(namespace, 'podinfo')).map((event) => event.message)
    for (const iteration of [1, 2, 3, 4]) expect(messages).toContain(`Advance podinfo.${namespace} canary iteration ${iteration}/4`)
  })

  it('waits, and says so, while nobody tests v2: no data is no evidence', async () => {
    explainOnFailure('quiet')
    const story = await givenAdoptedApp(namespace, { name: 'quiet', canary: { strategy: { iterations: 2 }, interval: '1s' }, app: { replicas: 1 } })
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await eventWith(namespace, 'quiet', /no values found .* quiet\..* is not receiving traffic/)
    expect(story.watch.rows.at(-1)).toMatchObject({ phase: 'Progressing', failedChecks: 0 })
    expectNoFailure(await story.load.settled())
  })
})
