import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MatchRule, StringMatch } from '../api/routing.ts'
import { compileRules } from './match-rules.ts'
import { cookieValue, queryParameter } from './request-view.ts'
import { compileStringMatch } from './string-match.ts'
import { requestView } from './testing/request-view.ts'

describe('a string condition', () => {
  it.each<[match: StringMatch, value: string | undefined, expected: boolean]>([
    [{ exact: 'a' }, 'a', true],
    [{ exact: 'a' }, 'A', false],
    [{ exact: '' }, '', true],
    [{ exact: '' }, undefined, false],
    [{ prefix: 'ab' }, 'abc', true],
    [{ prefix: 'ab' }, 'cab', false],
    [{ suffix: 'bc' }, 'abc', true],
    [{ suffix: 'bc' }, 'bcd', false],
    [{ regex: 'a.*' }, 'abc', true],
    [{ regex: 'a' }, 'abc', false],
    [{ regex: 'a|b' }, 'ab', false],
    [{ regex: '.*' }, undefined, false],
    [{ regex: '(?i)chrome' }, 'Chrome', true],
    [{ regex: '^(.*?;)?(canary=always)(;.*)?$' }, 'a=1;canary=always;b=2', true],
    [{ present: true }, '', true],
    [{ present: true }, undefined, false],
  ])('%j on %j is %j', (match, value, expected) => {
    const matcher = compileStringMatch(match)
    expect(matcher.ok && matcher.value(value)).toBe(expected)
  })

  it.each<[regex: string, value: string]>([
    ['(a+)+$', `${'a'.repeat(8000)}b`],
    ['(a|a)*b', 'a'.repeat(8000)],
    ['.*.*.*=.*', 'x'.repeat(8000)],
    ['(.*a){20}', 'a'.repeat(19)],
  ])('%s, on which a backtracking engine would hang, is answered', (regex, value) => {
    const matcher = compileStringMatch({ regex })
    expect(matcher.ok && matcher.value(value)).toBe(false)
  })

  it('of an expression does not look at a value beyond its bound', () => {
    const matcher = compileStringMatch({ regex: 'a*' })
    expect(matcher.ok && [8192, 8193].map((length) => matcher.value('a'.repeat(length)))).toEqual([true, false])
  })

  it.each(['(?=a)b', '(a)\\1', '(', '(a?){500}a{500}'])('%s is refused', (regex) => {
    const matcher = compileStringMatch({ regex })
    expect(matcher).toMatchObject({ ok: false, error: expect.stringContaining(`"${regex}"`) as unknown })
  })

  it('without regard to case folds both sides, but for an expression', () => {
    const folds = [{ exact: 'Ab' }, { prefix: 'A' }, { suffix: 'B' }, { regex: 'Ab' }].map((match) => compileStringMatch(match as StringMatch, true))
    expect(folds.map((matcher) => matcher.ok && matcher.value('aB'))).toEqual([true, true, true, false])
  })
})

describe('match rules', () => {
  const both: MatchRule = { headers: { 'user-agent': { prefix: 'Mozilla' } }, cookies: { stage: { exact: 'beta' } } }
  const first = (rules: readonly MatchRule[], request: Parameters<typeof requestView>[0]): number => {
    const compiled = compileRules(rules, 'match')
    if (!compiled.ok) throw new Error(compiled.error.reason)
    return compiled.value(requestView(request))
  }

  it.each<[given: string, rule: MatchRule, request: Parameters<typeof requestView>[0], expected: boolean]>([
    ['all conditions', both, { headers: { 'user-agent': 'Mozilla/5', cookie: 'stage=beta' } }, true],
    ['the header alone', both, { headers: { 'user-agent': 'Mozilla/5' } }, false],
    ['the cookie alone', both, { headers: { cookie: 'stage=beta' } }, false],
    ['no conditions', {}, {}, true],
    ['the path', { uri: { prefix: '/cart' } }, { target: '/cart/7?a=1' }, true],
    ['the path with its query', { uri: { exact: '/cart?a=1' } }, { target: '/cart?a=1' }, false],
    ['the path but for its query', { uri: { exact: '/cart' } }, { target: '/cart?a=1' }, true],
    ['the path in other letters', { uri: { prefix: '/CART' }, ignoreUriCase: true }, { target: '/Cart/7' }, true],
    ['the path in other letters, by case', { uri: { prefix: '/CART' } }, { target: '/Cart/7' }, false],
    ['a header in other letters, beside a path whose case is ignored', { uri: { prefix: '/' }, ignoreUriCase: true, headers: { 'x-a': { exact: 'B' } } }, { headers: { 'x-a': 'b' } }, false],
    ['the method', { method: { exact: 'POST' } }, { method: 'POST' }, true],
    ['another method', { method: { regex: 'GET|HEAD' } }, { method: 'POST' }, false],
    ['the host', { authority: { suffix: '.example.com' } }, { authority: 'shop.example.com' }, true],
    ['the scheme of the connection', { scheme: { exact: 'http' } }, {}, true],
    ['the scheme at the ingress', { scheme: { exact: 'https' } }, { headers: { 'x-forwarded-proto': 'https' } }, true],
    ['a query parameter', { queryParams: { user: { prefix: '7' } } }, { target: '/?a=1&user=77' }, true],
    ['a query parameter that is only there', { queryParams: { debug: { present: true } } }, { target: '/?debug' }, true],
    ['a query parameter that is not there', { queryParams: { debug: { present: true } } }, { target: '/?debugger=1' }, false],
    ['a header that must not be', { withoutHeaders: { 'x-bot': { present: true } } }, { headers: { 'x-bot': '1' } }, false],
    ['the absence of a header that must not be', { withoutHeaders: { 'x-bot': { present: true } } }, {}, true],
    ['another value of a header that must not match', { withoutHeaders: { 'x-bot': { exact: '1' } } }, { headers: { 'x-bot': '0' } }, true],
  ])('given %s', (_given, rule, request, expected) => expect(first([rule], request)).toBe(expected ? 0 : -1))

  it('are tried in order, and one is enough', () => expect(first([both, { method: { exact: 'GET' } }, {}], {})).toBe(1))
  it('that are none match nothing', () => expect(first([], {})).toBe(-1))
  it('name the condition that RE2 refuses', () =>
    expect(compileRules([both, { cookies: { stage: { regex: '(?=a)' } } }], 'spec.match')).toMatchObject({ ok: false, error: { path: 'spec.match[1].cookies.stage' } }))

  it('agree with a list of comparisons, whatever the headers are', () => {
    const value = fc.stringMatching(/^[ab]{0,3}$/)
    const match = fc.oneof(value.map((exact) => ({ exact })), value.map((prefix) => ({ prefix })), value.map((suffix) => ({ suffix })))
    const holds = (condition: StringMatch, actual: string | undefined): boolean =>
      actual !== undefined && ('exact' in condition ? actual === condition.exact : 'prefix' in condition ? actual.startsWith(condition.prefix) : 'suffix' in condition && actual.endsWith(condition.suffix))
    const names = fc.constantFrom('x', 'y', 'z')
    const rules = fc.array(fc.record({ headers: fc.dictionary(names, match), withoutHeaders: fc.dictionary(names, match) }), { maxLength: 3 })
    fc.assert(
      fc.property(rules, fc.dictionary(names, value), (given, headers) => {
        const expected = given.findIndex(
          (rule) => Object.entries(rule.headers).every(([name, condition]) => holds(condition, headers[name])) && Object.entries(rule.withoutHeaders).every(([name, condition]) => !holds(condition, headers[name])),
        )
        expect(first(given, { headers })).toBe(expected)
      }),
    )
  })
})

describe('a cookie', () => {
  it.each<[header: string, name: string, value: string | undefined]>([
    ['a=1; b=2', 'b', '2'],
    ['a=1;b=2', 'b', '2'],
    ['a="x y"', 'a', 'x y'],
    ['a=1; a=2', 'a', '1'],
    ['ab=1', 'b', undefined],
    ['A=1', 'a', undefined],
    ['a=b=c', 'a', 'b=c'],
    ['a', 'a', undefined],
    ['a="', 'a', '"'],
    ['', 'a', undefined],
  ])('of %j named %s is %j', (header, name, value) => expect(cookieValue(header, name)).toBe(value))
})

describe('a query parameter', () => {
  it.each<[target: string, name: string, value: string | undefined]>([
    ['/?a=1&b=2', 'b', '2'],
    ['/?a=1&a=2', 'a', '1'],
    ['/?a', 'a', ''],
    ['/?a=%20', 'a', '%20'],
    ['/?ab=1', 'a', undefined],
    ['/a=1', 'a', undefined],
    ['*', 'a', undefined],
  ])('of %j named %s is %j', (target, name, value) => expect(queryParameter(target, name)).toBe(value))
})
