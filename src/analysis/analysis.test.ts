import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import { bucketOf } from '../api/histogram.ts'
import type { Outcome, Reason, Report, Track } from '../api/protocol.ts'
import type { JsonObject } from '../base/json.ts'
import { tracksOf } from './guard-tick.ts'
import { ReportBook } from './book.ts'
import { judge, retentionOf } from './checks.ts'

const now = 1_700_000_000_000

interface Counted {
  readonly track?: Track
  readonly reason?: Reason
  readonly outcomes?: Partial<Record<Outcome, number>>
  readonly ms?: number
}

/** A report of one series: `outcomes` requests that took `ms` each. */
function report(seq: number, { track = 'canary', reason = 'weight', outcomes = { '2xx': 1 }, ms = 10 }: Counted, ageMs = 0, bootId = 'b'): Report {
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
  return { type: 'report', bootId, seq, generation: 1, ageMs, series: [{ track, reason, outcomes, latency: [[bucketOf(ms * 1000), total]] }], clientAborted: 0, proxyErrors: 0 }
}

const success = { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' }
const duration = { name: 'request-duration', thresholdRange: { max: 500 }, interval: '1m' }

const canaryWith = (metrics: readonly JsonObject[], analysis: JsonObject = {}) =>
  parseCanary({
    metadata: { name: 'myapp', namespace: 'test' },
    spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { port: 80 }, analysis: { interval: '1m', stepWeight: 10, metrics, ...analysis } },
    status: { kinglet: { generation: 3, runGeneration: 2 } },
  })

function judged(metrics: readonly JsonObject[], counted: readonly Counted[], analysis: JsonObject = {}) {
  const canary = canaryWith(metrics, analysis)
  const book = new ReportBook(retentionOf(canary))
  counted.forEach((series, index) => book.add(report(index + 1, series), 2, now))
  return judge(canary, book, now)
}

describe('the built-in checks', () => {
  it.each([
    ['a healthy canary', [success, duration], [{ outcomes: { '2xx': 200 } }], 'pass', undefined],
    ['exactly the threshold', [success], [{ outcomes: { '2xx': 99, '5xx': 1 } }], 'pass', undefined],
    ['a failing canary', [success], [{ outcomes: { '2xx': 90, '5xx': 10 } }], 'fail', 'Halt myapp.test advancement success rate 90.00% < 99%'],
    ['resets, time-outs and refusals as failures', [success], [{ outcomes: { '2xx': 97, reset: 1, timeout: 1, refused: 1 } }], 'fail', 'Halt myapp.test advancement success rate 97.00% < 99%'],
    ['4xx as successes', [success], [{ outcomes: { '4xx': 10 } }], 'pass', undefined],
    ['a slow canary', [success, duration], [{ outcomes: { '2xx': 10 }, ms: 1515 }], 'fail', 'Halt myapp.test advancement request duration 1.516s > 500ms'],
    ['a canary that is faster than allowed', [{ ...duration, thresholdRange: { min: 100 } }], [{ ms: 10 }], 'fail', 'Halt myapp.test advancement request duration 10ms < 100ms'],
    ['the deprecated threshold of the rate', [{ name: 'request-success-rate', threshold: 99 }], [{ outcomes: { '5xx': 1 } }], 'fail', 'Halt myapp.test advancement success rate 0.00% < 99%'],
    ['the deprecated threshold of the duration', [{ name: 'request-duration', threshold: 5 }], [{ ms: 10 }], 'fail', 'Halt myapp.test advancement request duration 10ms > 5ms'],
    ['a load test on the canary’s own Service', [success], [{ reason: 'direct', outcomes: { '5xx': 5 } }], 'fail', 'Halt myapp.test advancement success rate 0.00% < 99%'],
    ['requests by header', [success], [{ reason: 'match', outcomes: { '5xx': 5 } }], 'fail', 'Halt myapp.test advancement success rate 0.00% < 99%'],
    ['copies of the primary’s requests', [success], [{ reason: 'mirror', outcomes: { '5xx': 5 } }], 'fail', 'Halt myapp.test advancement success rate 0.00% < 99%'],
    ['no canary', [success], [{ track: 'primary', outcomes: { '5xx': 5 } }], 'no-data', 'Halt advancement no values found for kinglet metric request-success-rate probably web.test is not receiving traffic: no requests in the last 1m0s'],
    ['hops, which are in the chooser’s book', [success], [{ reason: 'hop', outcomes: { '5xx': 5 } }], 'no-data', expect.stringContaining('no requests')],
    ['a custom metric', [success, { name: 'latency', templateRef: { name: 'x' } }], [{}], 'unsupported', 'Halt myapp.test advancement: metric latency is not evaluated by this version of Kinglet. Remove it to go on without it.'],
    ['an inline query under a built-in name', [{ ...success, query: 'up' }], [{}], 'unsupported', expect.stringContaining('request-success-rate')],
    ['no metric at all', [], [], 'pass', undefined],
  ] as const)('judge %s', (_name, metrics, counted, result, message) => {
    const verdict = judged(metrics, counted)
    expect(verdict.result).toBe(result)
    expect(verdict.checks.find(({ name }) => name === verdict.decidedBy)?.message).toEqual(message)
  })

  it('do not let a webhook that is not called pass in silence', () =>
    expect(judged([], [], { webhooks: [{ name: 'gate', type: 'confirm-promotion', url: 'http://x' }, { name: 'note', type: 'event', url: 'http://x' }] })).toMatchObject({ result: 'unsupported', decidedBy: 'webhook gate' }))

  it('record both tracks with their counts', () =>
    expect(judged([success], [{ outcomes: { '2xx': 9, '5xx': 1 }, ms: 20 }, { track: 'primary', outcomes: { '2xx': 90 }, ms: 5 }])).toMatchObject({
      canary: { requests: 10, failures: 1, successRatePercent: 90, outcomes: { '5xx': 1 } },
      primary: { requests: 90, failures: 0, successRatePercent: 100 },
      windowSeconds: 60,
    }))

  it('leave out what is older than the window, and what belongs to an earlier run', () => {
    const canary = canaryWith([{ ...success, interval: '10s' }])
    const book = new ReportBook(retentionOf(canary))
    book.add(report(1, { outcomes: { '5xx': 50 } }, 20_000), 2, now)
    book.add(report(2, { outcomes: { '5xx': 50 } }), 1, now)
    expect(judge(canary, book, now).result).toBe('no-data')
    book.add(report(3, {}, 9000), 2, now)
    expect(judge(canary, book, now).result).toBe('pass')
  })
})

describe('a book of reports', () => {
  it('counts each report once, in whatever order and however often they come', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ boot: fc.constantFrom('a', 'b'), seq: fc.integer({ min: 1, max: 30 }), ageMs: fc.integer({ min: 0, max: 50_000 }) }), { maxLength: 80 }),
        (arrivals) => {
          const book = new ReportBook(60_000)
          for (const { boot, seq, ageMs } of arrivals) book.add(report(seq, { outcomes: { '2xx': seq } }, ageMs, boot), 1, now)
          const distinct = new Map(arrivals.map(({ boot, seq }) => [`${boot} ${seq}`, seq]))
          const expected = [...distinct.values()].reduce((sum, count) => sum + count, 0)
          const sum = book.sum({ track: 'canary', reasons: ['weight'], fromMs: now - 60_000, toMs: now, minGeneration: 0 })
          expect(sum.requests).toBe(expected)
          expect([...sum.latency.values()].reduce((total, count) => total + count, 0)).toBe(expected)
        },
      ),
    ))

  it('forgets what is older than its retention', () => {
    const book = new ReportBook(60_000)
    book.add(report(1, {}), 1, now)
    book.add(report(2, {}), 1, now + 120_000)
    expect(book.sum({ track: 'canary', reasons: ['weight'], fromMs: 0, toMs: now + 120_000, minGeneration: 0 }).requests).toBe(1)
    expect(book.add(report(3, {}, 90_000), 1, now + 120_000)).toBe('too old')
  })

  it('forgets the sidecars that went, however many come and go', () => {
    const book = new ReportBook(60_000)
    for (let boot = 0; boot < 1000; boot += 1) book.add(report(1, {}, 0, `boot ${boot}`), 1, now + boot * 10_000)
    expect(book.callers).toBeLessThan(100)
    expect(book.add(report(1, {}, 0, 'boot 999'), 1, now + 9_990_000)).toBe('repeated')
  })

  it('believes only so many intents of one moment', () => {
    const book = new ReportBook(60_000)
    for (let intent = 1; intent <= 1000; intent += 1) book.add(report(intent, { outcomes: { '2xx': 1 } }), intent, now)
    expect(book.sum({ track: 'canary', reasons: ['weight'], fromMs: 0, toMs: now, minGeneration: 0 }).requests).toBeLessThanOrEqual(256)
  })
})

describe('the guard', () => {
  it('learns nothing from copies of requests, which chance has not put where they are', () => {
    const copied: Report['series'][number] = { track: 'canary', reason: 'mirror', outcomes: { '5xx': 50 }, latency: [[bucketOf(10_000), 50]] }
    const served: Report['series'][number] = { track: 'primary', reason: 'weight', outcomes: { '2xx': 50 }, latency: [[bucketOf(10_000), 50]] }
    const { primary, canary, canaryPods, share } = tracksOf({ series: [copied, served] }, (address) => address)
    expect({ primary: primary.requests, canary: canary.requests, failures: canary.failures, canaryPods, share }).toEqual({ primary: 50, canary: 0, failures: 0, canaryPods: {}, share: 0 })
  })
})
