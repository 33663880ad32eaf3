import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import type { Affinity, StickyKey } from '../api/routing.ts'
import { chooseTrack, compileRoutes, localTable, type Choice } from './routes.ts'
import { positionOf } from './sticky.ts'
import { requestView } from './testing/request-view.ts'
import { seeded } from './testing/seeded.ts'
import { newPhase, type Phase } from './weighted-choice.ts'

const routes = (change: Partial<RouteTable>) => {
  const compiled = compileRoutes({ ...localTable, ...change })
  if (!compiled.ok) throw new Error(compiled.error)
  return compiled.value
}

const cookie = (name: string, value: string) => ({ name, value, setCookie: `${name}=${value}; Max-Age=60` })
const affinity: Affinity = { canary: cookie('cc', 'now'), primary: cookie('pc', 'now'), previous: { ...cookie('cc', 'old'), setCookie: 'cc=old; Max-Age=-1' } }
const choose = (change: Partial<RouteTable>, cookies: string, phase: Phase = newPhase(() => 0.999)): Choice => chooseTrack(routes({ affinity, ...change }), requestView(cookies === '' ? {} : { headers: { cookie: cookies } }), 0, phase)

describe('session affinity', () => {
  it.each<[given: string, weight: number, cookies: string, expected: Pick<Choice, 'track' | 'reason' | 'setCookies'>]>([
    ['a new user whom the weight sends to the canary', 100, '', { track: 'canary', reason: 'weight', setCookies: ['cc=now; Max-Age=60'] }],
    ['a new user whom the weight sends to the primary', 1, '', { track: 'primary', reason: 'weight', setCookies: ['pc=now; Max-Age=60'] }],
    ['a user of the canary', 1, 'a=b; cc=now', { track: 'canary', reason: 'affinity', setCookies: [] }],
    ['a user of the primary', 100, 'pc=now', { track: 'primary', reason: 'affinity', setCookies: [] }],
    ['a user with both cookies', 1, 'pc=now; cc=now', { track: 'canary', reason: 'affinity', setCookies: [] }],
    ['a user of the primary at the step before', 100, 'pc=before', { track: 'canary', reason: 'weight', setCookies: ['cc=now; Max-Age=60'] }],
    ['a user of the run before who comes to the canary again', 100, 'cc=old', { track: 'canary', reason: 'weight', setCookies: ['cc=now; Max-Age=60'] }],
    ['a user of the run before who comes to the primary', 1, 'cc=old', { track: 'primary', reason: 'weight', setCookies: ['pc=now; Max-Age=60', 'cc=old; Max-Age=-1'] }],
    ['a user of the run before while nothing is judged', 0, 'cc=old', { track: 'primary', reason: 'weight', setCookies: ['cc=old; Max-Age=-1'] }],
    ['a user of the canary after an abort', 0, 'cc=now', { track: 'primary', reason: 'weight', setCookies: [] }],
    ['anybody else while nothing is judged', 0, 'pc=now', { track: 'primary', reason: 'weight', setCookies: [] }],
    ['a cookie that only looks like it', 1, 'xcc=now; cc=now2', { track: 'primary', reason: 'weight', setCookies: ['pc=now; Max-Age=60'] }],
  ])('given %s', (_given, canaryWeightPercent, cookies, expected) => expect(choose({ canaryWeightPercent }, cookies)).toMatchObject(expected))

  it('draws for those who are new, and for nobody who is held or while nothing is judged', () => {
    expect([100, 1, 0].map((canaryWeightPercent) => choose({ canaryWeightPercent }, '').isDrawn)).toEqual([true, true, false])
    expect(['cc=now', 'pc=now'].map((cookies) => choose({ canaryWeightPercent: 50 }, cookies).isDrawn)).toEqual([false, false])
  })

  it('comes after the rules', () =>
    expect(choose({ canaryWeightPercent: 1, match: [{ method: { exact: 'GET' } }] }, 'pc=now')).toMatchObject({ track: 'canary', reason: 'match', setCookies: [] }))

  it('ends when nobody judges any more', () => {
    const table = routes({ affinity, canaryWeightPercent: 50, silenceLimitMs: 1000 })
    expect(chooseTrack(table, requestView({ headers: { cookie: 'cc=now' } }), 1001, newPhase(() => 0.999))).toMatchObject({ track: 'primary' })
  })

  /** Users who come back again and again and keep their cookies. */
  function browse(affinityOf: Affinity, weights: readonly number[], random: () => number): { readonly shares: readonly number[]; readonly flips: number } {
    const users = Array.from({ length: 2000 }, () => ({ jar: new Map<string, string>(), track: '' }))
    const phase: Phase = newPhase(random)
    let flips = 0
    const shares = weights.map((canaryWeightPercent, step) => {
      const steps = routes({ affinity: { ...affinityOf, ...(affinityOf.primary ? { primary: cookie('pc', `step${step}`) } : {}) }, canaryWeightPercent })
      for (const user of users) if (user.track === 'primary') user.track = ''
      let toCanary = 0
      for (let count = 0; count < 20_000; count += 1) {
        const user = users[Math.floor(random() * users.length)]
        if (!user) throw new Error('unreachable')
        const header = [...user.jar].map(([name, value]) => `${name}=${value}`).join('; ')
        const { track, setCookies } = chooseTrack(steps, requestView(header === '' ? {} : { headers: { cookie: header } }), 0, phase)
        for (const set of setCookies) user.jar.set(set.slice(0, 2), set.slice(3, set.indexOf(';')))
        const isHeld = user.track === 'canary' || (user.track === 'primary' && affinityOf.primary !== undefined)
        if (isHeld && user.track !== track) flips += 1
        user.track = track
        if (track === 'canary') toCanary += 1
      }
      return toCanary / 20_000
    })
    return { shares, flips }
  }

  it.each([
    ['with a cookie for the canary alone', { canary: cookie('cc', 'now') }, 20_000],
    // Everybody is drawn once, and then it is over: the sample are the users.
    ['with a cookie for either track', { canary: cookie('cc', 'now'), primary: cookie('pc', 'now') }, 2000],
  ])('%s gives each step its share of the requests, but for chance, and nobody who is held goes elsewhere', (_how, of, draws) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const weights = [5, 10, 25, 50]
      const { shares, flips } = browse(of, weights, seeded(seed))
      expect(flips).toBe(0)
      for (const [step, share] of shares.entries()) {
        const weight = (weights[step] ?? 0) / 100
        // Whoever is held once cannot be sent back: on one side it errs by a user more than a coin would.
        expect(Math.abs(share - weight)).toBeLessThan(4 * Math.sqrt((weight * (1 - weight)) / draws))
      }
    }
  })
})

describe('a sticky hash', () => {
  const stickyHash = { key: { by: 'header', name: 'x-user' } as const, seed: 'run 1' }
  const trackOf = (user: string, canaryWeightPercent: number): string =>
    chooseTrack(routes({ stickyHash, canaryWeightPercent }), requestView({ headers: { 'x-user': user } }), 0, newPhase(() => 0.999)).track

  it('keeps a user where the weight has put them, and a rising weight sends nobody back', () =>
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (user, one, other) => {
        const [lower, higher] = [Math.min(one, other), Math.max(one, other)]
        expect(trackOf(user, lower)).toBe(trackOf(user, lower))
        if (trackOf(user, lower) === 'canary') expect(trackOf(user, higher)).toBe('canary')
      }),
    ))

  it.each([1, 5, 10, 33, 50, 90])('gives %i %% of the users to the canary, within three sigma', (weight) => {
    for (const prefix of ['user-', '10.0.', '', 'a3f9-']) {
      const count = Array.from({ length: 10_000 }, (_none, index) => trackOf(`${prefix}${index}`, weight)).filter((track) => track === 'canary').length
      const share = weight / 100
      expect(Math.abs(count - 10_000 * share)).toBeLessThan(3 * Math.sqrt(10_000 * share * (1 - share)))
    }
  })

  it('begins with other users in the next run', () => {
    const first = (seed: string): readonly string[] =>
      Array.from({ length: 1000 }, (_none, index) => `user-${index}`).filter((user) => (positionOf(requestView({ headers: { 'x-user': user } }), { ...stickyHash, seed }) ?? 0) < 100_000)
    const [one, two] = [first('run 1'), first('run 2')]
    expect(one.filter((user) => two.includes(user)).length).toBeLessThan(30)
  })

  it('is recorded as affinity, and leaves who cannot be told apart to the weight', () => {
    const table = routes({ stickyHash, canaryWeightPercent: 100 })
    expect(chooseTrack(table, requestView({ headers: { 'x-user': '7' } }), 0, newPhase(() => 0.999))).toMatchObject({ track: 'canary', reason: 'affinity' })
    expect(chooseTrack(table, requestView(), 0, newPhase(() => 0.999))).toMatchObject({ track: 'canary', reason: 'weight' })
  })

  const position = (key: StickyKey, headers: Record<string, string>): number | undefined => positionOf(requestView({ headers, clientAddress: '10.0.0.1' }), { key, seed: 's' })
  const ofAddress = (address: string): number | undefined => position({ by: 'header', name: 'is' }, { is: address })

  it.each<[given: string, key: StickyKey, headers: Record<string, string>, address: string | undefined]>([
    ['the other end of the connection', { by: 'clientAddress', trustedHops: 0 }, { 'x-forwarded-for': '1.1.1.1' }, '10.0.0.1'],
    ['what one proxy in front saw, not what the client claims', { by: 'clientAddress', trustedHops: 1 }, { 'x-forwarded-for': '6.6.6.6, 1.1.1.1' }, '1.1.1.1'],
    ['what the first of two proxies saw', { by: 'clientAddress', trustedHops: 2 }, { 'x-forwarded-for': '6.6.6.6, 1.1.1.1, 10.9.9.9' }, '1.1.1.1'],
    ['the oldest where there are fewer', { by: 'clientAddress', trustedHops: 2 }, { 'x-forwarded-for': '1.1.1.1' }, '1.1.1.1'],
    ['the other end where there are none', { by: 'clientAddress', trustedHops: 1 }, {}, '10.0.0.1'],
    ['a cookie', { by: 'cookie', name: 'uid' }, { cookie: 'a=b; uid=1.1.1.1' }, '1.1.1.1'],
    ['nothing in an empty header', { by: 'header', name: 'x-user' }, { 'x-user': '' }, undefined],
  ])('looks at %s', (_given, key, headers, address) => expect(position(key, headers)).toBe(address === undefined ? undefined : ofAddress(address)))
})
