import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterFailure, type FailedAttempt, type Step } from './after-failure.ts'

/** A primary's sidecar that sent a GET to the canary. */
const hop: FailedAttempt = {
  port: 'route',
  track: 'canary',
  self: 'primary',
  isLocal: false,
  failure: 'unsent',
  isReused: false,
  method: 'GET',
  canReplay: true,
  rescue: 'unsent',
}
const local: FailedAttempt = { ...hop, track: 'primary', isLocal: true }

describe('after a failure', () => {
  it.each<[given: string, attempt: FailedAttempt, step: Step]>([
    ['a hop that never left', hop, 'elsewhere'],
    ['the same with a POST', { ...hop, method: 'POST' }, 'elsewhere'],
    ['the same with rescue idempotent', { ...hop, rescue: 'idempotent' }, 'elsewhere'],
    ['the same with rescue off', { ...hop, rescue: 'off' }, 'fail'],
    ['the same when its body is no more at hand', { ...hop, canReplay: false }, 'fail'],
    ['a hop to the primary that never left, with rescue off', { ...hop, track: 'primary', self: 'canary', rescue: 'off' }, 'elsewhere'],
    ['the canary’s own app that refuses, with rescue off', { ...local, track: 'canary', self: 'canary', rescue: 'off' }, 'elsewhere'],
    ['a write that an old connection refused', { ...hop, isReused: true }, 'again'],
    ['an old connection that died under a GET', { ...hop, failure: 'lost', isReused: true }, 'again'],
    ['the same under a PUT', { ...hop, failure: 'lost', isReused: true, method: 'PUT' }, 'again'],
    ['the same under a POST', { ...hop, failure: 'lost', isReused: true, method: 'POST' }, 'fail'],
    ['a new connection that died under a GET', { ...hop, failure: 'lost' }, 'fail'],
    ['the same with rescue idempotent', { ...hop, failure: 'lost', rescue: 'idempotent' }, 'primary'],
    ['the same under a PUT with rescue idempotent', { ...hop, failure: 'lost', rescue: 'idempotent', method: 'PUT' }, 'fail'],
    ['a canary’s 5xx', { ...hop, failure: 'status' }, 'fail'],
    ['a canary’s 5xx with rescue idempotent', { ...hop, failure: 'status', rescue: 'idempotent' }, 'primary'],
    ['the same for a POST', { ...hop, failure: 'status', rescue: 'idempotent', method: 'POST' }, 'fail'],
    ['a primary’s 5xx with rescue idempotent', { ...local, failure: 'status', rescue: 'idempotent' }, 'fail'],
    ['a time-out', { ...hop, failure: 'timeout', rescue: 'idempotent' }, 'fail'],
    ['a local app that refuses', local, 'elsewhere'],
    ['a local app that refuses at the direct port', { ...local, port: 'direct' }, 'fail'],
    ['an old connection at the direct port', { ...local, port: 'direct', failure: 'lost', isReused: true }, 'again'],
    ['a local app that dies', { ...local, failure: 'lost' }, 'fail'],
  ])('given %s', (_given, attempt, step) => expect(afterFailure(attempt)).toBe(step))

  const attempt: fc.Arbitrary<FailedAttempt> = fc.record({
    port: fc.constantFrom('route', 'direct'),
    track: fc.constantFrom('primary', 'canary'),
    self: fc.constantFrom('primary', 'canary'),
    isLocal: fc.boolean(),
    failure: fc.constantFrom('unsent', 'lost', 'status', 'timeout'),
    isReused: fc.boolean(),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'),
    canReplay: fc.boolean(),
    rescue: fc.constantFrom('off', 'unsent', 'idempotent'),
  })

  it('nothing that may have been carried out is carried out twice, unless repeating it changes nothing', () =>
    fc.assert(
      fc.property(attempt, (failed) => {
        if (failed.failure !== 'unsent' && ['POST', 'PATCH'].includes(failed.method)) expect(afterFailure(failed)).toBe('fail')
      }),
    ))

  it('the direct port sends nothing on', () =>
    fc.assert(
      fc.property(attempt, (failed) => {
        expect(['again', 'fail']).toContain(afterFailure({ ...failed, port: 'direct' }))
      }),
      // Few of them are repeatable requests with `idempotent`.
      { numRuns: 3000 },
    ))

  it('the same place is tried again only over a connection that was old', () =>
    fc.assert(
      fc.property(attempt, (failed) => {
        expect(afterFailure({ ...failed, isReused: false })).not.toBe('again')
      }),
    ))
})
