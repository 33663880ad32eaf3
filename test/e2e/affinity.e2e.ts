import { describe, expect, it } from 'vitest'
import { resources } from '../../src/api/resources.ts'
import { annotate, conditionWith } from './lib/objects.ts'
import { ask, type Reply } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle } from './lib/story.ts'

const url = 'http://podinfo/'
const pauseAnnotation = 'flagger.app/pause'
const versionOf = ({ body }: Reply): string => (JSON.parse(body) as { readonly message: string }).message
const cookiesOf = ({ headers }: Reply): readonly string[] => headers['set-cookie'] ?? []
const asking = (count: number, cookie?: string) => Array.from({ length: count }, () => ({ url, ...(cookie === undefined ? {} : { headers: { cookie } }) }))

describe('session affinity', () => {
  const { namespace, explainOnFailure } = scene('affinity')

  it('gives cookies, keeps users by them while the release runs, and takes them back after it', async () => {
    explainOnFailure()
    const sessionAffinity = { cookieName: 'release', primaryCookieName: 'release-primary', maxAge: 600 }
    const story = await givenAdoptedApp(namespace, { canary: { interval: '3s', strategy: { stepWeights: [50, 60, 70], sessionAffinity } } })
    await story.deploy('v2')
    await story.watch.until('half of the requests', ({ phase, weight }) => phase === 'Progressing' && weight === 50)
    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotation]: 'true' })
    // One step more or less before it holds is no matter: cookies of the primary end with a step.
    await conditionWith(namespace, 'podinfo', /held by annotation/)
    await story.watch.until('a step that is in force', ({ inForceAt }) => inForceAt !== undefined)

    const newcomers = await ask(namespace, asking(24))
    const given = new Map(newcomers.map((reply) => [versionOf(reply), cookiesOf(reply)]))
    for (const reply of newcomers) expect(cookiesOf(reply), 'one run, one cookie for each version').toEqual(given.get(versionOf(reply)))
    const [ofPrimary = '', ofCanary = ''] = ['v1', 'v2'].map((version) => given.get(version)?.[0])
    expect(ofCanary).toMatch(/^release=\w+; Max-Age=600; /)
    expect(ofPrimary).toMatch(/^release-primary=\w+; Max-Age=3; /)
    const [holdsPrimary = '', holdsCanary = ''] = [ofPrimary, ofCanary].map((cookie) => cookie.split(';')[0])
    const held = await ask(namespace, [...asking(12, `theme=dark; ${holdsCanary}`), ...asking(12, holdsPrimary)])
    expect(held.map(versionOf)).toEqual([...Array.from({ length: 12 }, () => 'v2'), ...Array.from({ length: 12 }, () => 'v1')])
    expect(held.flatMap(cookiesOf), 'whoever has one is given none').toEqual([])

    await annotate(resources.canaries, namespace, 'podinfo', { [pauseAnnotation]: null })
    await restsIdle(story, 'Succeeded')
    const [after] = await ask(namespace, asking(1, holdsCanary))
    expect(after && versionOf(after)).toBe('v2')
    expect(after && cookiesOf(after)).toEqual([expect.stringMatching(new RegExp(`^${holdsCanary}; Max-Age=-1; `))])
    expectNoFailure(await story.load.settled())
  })
})
