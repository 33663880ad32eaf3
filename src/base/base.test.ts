import { describe, expect, it } from 'vitest'
import { formatGoDuration, parseDurationMs } from './duration.ts'
import { canonicalJson, stringAt } from './json.ts'

describe('a Go duration', () => {
  it.each([
    ['30s', 30_000],
    ['1m', 60_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['0', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDurationMs(text)).toEqual({ ok: true, value: ms }))

  it.each(['', '5', 'm', '-1s', '1 s', '1s!', '1d'])('%j is refused by name', (text) => {
    const parsed = parseDurationMs(text)
    expect(parsed.ok).toBe(false)
    if (!parsed.ok) expect(parsed.error).toContain(`"${text}"`)
  })

  it.each([
    [1515, '1.515s'],
    [500, '500ms'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [0, '0s'],
  ])('%d ms prints as %s', (ms, text) => expect(formatGoDuration(ms)).toBe(text))
})

describe('raw JSON', () => {
  it('gives the same text for the same object in another order', () =>
    expect(canonicalJson({ b: 1, a: { d: [2, { z: 1, y: 2 }], c: 3 } })).toBe(canonicalJson({ a: { c: 3, d: [2, { y: 2, z: 1 }] }, b: 1 })))

  it('reads nothing through a value that is not an object', () => expect(stringAt({ a: 'x' }, 'a', 'b')).toBeUndefined())
})
