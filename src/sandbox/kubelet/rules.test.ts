import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advanceBackOff, backOffMs, noBackOff } from './backoff.ts'
import { advanceProbe, initialProbeState, readProbeSettings } from './probe-state.ts'
import { terminationOrder } from './termination.ts'

describe('a probe', () => {
  const verdicts = (settings: object, results: string) => {
    let state = initialProbeState
    const parsed = readProbeSettings(settings)
    return Array.from(results, (result) => (state = advanceProbe(state, result === '+', parsed)).verdict[0]).join('')
  }
  it.each([
    { why: 'succeeds at the first success', settings: {}, results: '+', expected: 's' },
    { why: 'fails at the third failure in a row', settings: {}, results: '---', expected: 'uuf' },
    { why: 'forgives failures that are not in a row', settings: {}, results: '+--+--+---', expected: 'sssssssssf' },
    { why: 'comes back at the first success', settings: {}, results: '---+', expected: 'uufs' },
    { why: 'wants several successes when told so', settings: { successThreshold: 2 }, results: '++---+-++', expected: 'usssffffs' },
    { why: 'fails at once with failureThreshold 1', settings: { failureThreshold: 1 }, results: '+-+', expected: 'sfs' },
  ])('$why', ({ settings, results, expected }) => expect(verdicts(settings, results)).toBe(expected))

  it('has the defaults of the API', () =>
    expect(readProbeSettings({ httpGet: {} })).toEqual({ initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1000, successThreshold: 1, failureThreshold: 3 }))
})

describe('the end of a pod', () => {
  it.each([
    { pod: [['app', 'app']], expected: { app: [] } },
    { pod: [['s1', 'sidecar'], ['s2', 'sidecar'], ['a', 'app'], ['b', 'app']], expected: { a: [], b: [], s2: ['a', 'b'], s1: ['a', 'b', 's2'] } },
    { pod: [['once', 'init'], ['s1', 'sidecar'], ['a', 'app']], expected: { once: [], a: [], s1: ['once', 'a'] } },
  ] as const)('of $pod stops sidecars last, in reverse order', ({ pod, expected }) =>
    expect(Object.fromEntries(terminationOrder(pod.map(([name, kind]) => ({ name, kind }))))).toEqual(expected))
})

describe('the back-off of a container', () => {
  it('is none for the first end, then doubles up to its ceiling', () => {
    let backOff = noBackOff
    const waits = Array.from({ length: 8 }, () => backOffMs((backOff = advanceBackOff(backOff, 10))))
    expect(waits).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 16_000, 16_000])
  })

  it('is forgotten after a run of a minute', () =>
    fc.assert(fc.property(fc.nat(50), (ends) => backOffMs(advanceBackOff({ ends }, 60_000)) === 0)))
})
