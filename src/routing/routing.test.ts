import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RouteTable } from '../api/protocol.ts'
import type { MatchRule } from '../api/routing.ts'
import { pickEndpoint } from './endpoint-choice.ts'
import { chooseTrack, compileRoutes, localTable, type Routes } from './routes.ts'
import { requestView } from './testing/request-view.ts'
import type { RequestView } from './request-view.ts'
import { newPhase } from './weighted-choice.ts'

const request = (headers: Record<string, string> = {}): RequestView => requestView({ headers })

function routes(change: Partial<RouteTable>): Routes {
  const compiled = compileRoutes({ ...localTable, ...change })
  if (!compiled.ok) throw new Error(compiled.error)
  return compiled.value
}

describe('the choice of a track', () => {
  const rule: MatchRule = { headers: { 'x-canary': { exact: 'always' } } }
  const matching = request({ 'x-canary': 'always' })

  it.each<[given: string, table: Partial<RouteTable>, view: RequestView, silentForMs: number, expected: object]>([
    ['no table', {}, request(), 0, { track: 'primary', reason: 'weight' }],
    ['weight 100', { canaryWeightPercent: 100 }, request(), 0, { track: 'canary', reason: 'weight' }],
    ['a match at weight 0', { match: [rule] }, matching, 0, { track: 'canary', reason: 'match' }],
    ['a match at weight 100', { match: [rule], canaryWeightPercent: 100 }, matching, 0, { track: 'canary', reason: 'match' }],
    ['no match at weight 0', { match: [rule] }, request(), 0, { track: 'primary', reason: 'weight' }],
    ['silence up to the limit', { canaryWeightPercent: 100, silenceLimitMs: 5000 }, request(), 5000, { track: 'canary', reason: 'weight' }],
    ['silence beyond the limit', { canaryWeightPercent: 100, silenceLimitMs: 5000 }, request(), 5001, { track: 'primary', reason: 'weight' }],
    ['silence without a limit', { canaryWeightPercent: 100, silenceLimitMs: 0 }, request(), 1e9, { track: 'canary', reason: 'weight' }],
    ['a match in silence', { match: [rule], silenceLimitMs: 5000 }, matching, 1e9, { track: 'canary', reason: 'match' }],
  ])('given %s', (_given, table, view, silentForMs, expected) =>
    expect(chooseTrack(routes(table), view, silentForMs, newPhase(() => 0.999))).toMatchObject(expected))

  it.each([
    ['a weight', { canaryWeightPercent: 50 }, 0, true],
    ['no weight', {}, 0, false],
    ['a weight that nobody judges any more', { canaryWeightPercent: 50, silenceLimitMs: 5000 }, 5001, false],
    ['a rule', { canaryWeightPercent: 50, match: [rule] }, 0, false],
  ])('is drawn by %s: could it have fallen on either track?', (_by, table, silentForMs, isDrawn) =>
    expect(chooseTrack(routes(table), matching, silentForMs, newPhase(() => 0.999)).isDrawn).toBe(isDrawn))

  it('does not spend the canary’s share on requests that a rule decided', () => {
    const table = routes({ match: [rule], canaryWeightPercent: 50 })
    const phase = newPhase(() => 0.999)
    chooseTrack(table, request(), 0, phase)
    const before = { ...phase }
    chooseTrack(table, matching, 0, phase)
    expect(phase).toEqual(before)
  })
})

describe('the choice of an endpoint', () => {
  it('takes turns while loads are equal', () => expect([0, 1, 2, 3].map((turn) => pickEndpoint(3, turn, () => 0))).toEqual([0, 1, 2, 0]))
  it('prefers the less loaded of the next two', () => expect(pickEndpoint(3, 0, (index) => [5, 1, 0][index])).toBe(1))
  it('skips those that are out of the question', () => expect(pickEndpoint(3, 0, (index) => (index === 2 ? 9 : undefined))).toBe(2))
  it('finds none where none is left', () => expect(pickEndpoint(2, 0, () => undefined)).toBeUndefined())
  it('always finds one that is left', () =>
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { minLength: 1, maxLength: 8 }), fc.nat(), (loads, turn) => {
        const picked = pickEndpoint(loads.length, turn, (index) => loads[index])
        if (loads.every((load) => load === undefined)) expect(picked).toBeUndefined()
        else expect(picked === undefined ? undefined : loads[picked]).toBeDefined()
      }),
    ))
})
