import { describe, expect, it } from 'vitest'
import { parseCanary, type Canary } from '../api/canary.ts'
import { initialKingletState, type KingletState } from '../api/canary-status.ts'
import { bucketOf } from '../api/histogram.ts'
import { describeEvidence, describePlan } from '../api/guard-record.ts'
import type { Report } from '../api/protocol.ts'
import type { JsonObject } from '../base/json.ts'
import { GuardRun } from './guard-run.ts'

const start = 1_800_000_000_000
const none = { requests: 0, repeats: 0, repeatedFailures: 0, givenUp: 0 }
const podOf = (address: string): string => `pod-${address}`

function canaryAt(weight: number, kinglet: Partial<KingletState> = {}, analysis: JsonObject = {}): Canary {
  const raw = { metadata: { name: 'web', namespace: 'shop' }, spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { port: 80 }, analysis: { interval: '1m', stepWeight: 10, maxWeight: 50, ...analysis } } }
  const canary = parseCanary(raw)
  return { ...canary, status: { ...canary.status, phase: 'Progressing', canaryWeight: weight, kinglet: { ...initialKingletState, generation: 3, runGeneration: 2, ...kinglet } } }
}

interface Second {
  readonly boot: string
  readonly seq: number
  readonly failures?: { readonly primary?: number; readonly canary?: number }
  readonly weightPercent?: number
}

/** A second of 100 requests as one sidecar reports it. */
function second({ boot, seq, failures = {}, weightPercent = 10 }: Second): Report {
  const { primary = 0, canary = 0 } = failures
  const latency = (count: number) => [[bucketOf(5000), count] as const]
  return {
    type: 'report',
    bootId: `${boot}-0000-0000`.padEnd(12, '0'),
    seq,
    generation: weightPercent === 0 ? 2_000_000_000 : 3_000_000_000,
    ageMs: 0,
    series: [
      { track: 'primary', reason: 'weight', outcomes: { '2xx': 100 - weightPercent - primary, '5xx': primary }, latency: latency(100 - weightPercent) },
      ...(weightPercent > 0 ? [{ track: 'canary' as const, reason: 'weight' as const, outcomes: { '2xx': weightPercent - canary, '5xx': canary }, latency: latency(weightPercent) }] : []),
    ],
    clientAborted: 0,
    proxyErrors: 0,
    ...(weightPercent > 0 ? { drawn: { weightPercent, primary: { ...none, requests: 100 - weightPercent }, canary: { ...none, requests: weightPercent }, pods: [{ address: '10.0.0.1', requests: weightPercent, failures: canary }] } } : {}),
  }
}

/** Twenty seconds of two sidecars; the canary fails a little more often than the primary, not enough to be sure. */
const seconds = Array.from({ length: 20 }, (_unused, at) => ['aaaaaaaa', 'bbbbbbbb'].map((boot) => second({ boot, seq: at + 1, failures: { primary: at % 10 === 0 ? 1 : 0, canary: at % 13 === 0 ? 1 : 0 } }))).flat()
const heardAt = (index: number): number => start + Math.floor(index / 2) * 1000

/** Hears reports at the times they were sent, or all at once with their ages. */
function hearAll(run: GuardRun, reports: readonly Report[], nowMs?: number): void {
  for (const report of reports) {
    const atMs = heardAt(seconds.indexOf(report))
    if (nowMs === undefined) {
      run.hear(report, podOf, atMs)
      run.tick(atMs)
    } else run.hear({ ...report, ageMs: nowMs - atMs }, podOf, nowMs)
  }
  run.tick((nowMs ?? heardAt(seconds.length)) + 10_000)
}

const summary = (run: GuardRun, canary: Canary) => {
  const { canary: of, primary, logEvidence, riskRatio, pods } = run.observe(canary, start + 60_000).record
  return { of, primary, logEvidence, riskRatio, pods }
}

describe('the guard of a run', () => {
  it('is certain at the report that makes it so, without waiting for the second to end', () => {
    const run = new GuardRun(canaryAt(5), [])
    let failed = 0
    for (let seq = 1; !run.isAborted && seq < 20; seq += 1) {
      run.hear(second({ boot: 'aaaaaaaa', seq, weightPercent: 5, failures: { canary: 1 } }), podOf, start)
      failed += 1
    }
    expect(failed).toBeLessThanOrEqual(10)
    expect(run.observe(canaryAt(5), start).record).toMatchObject({ decision: 'abort', by: 'failures', canary: { failures: failed }, pods: [{ pod: 'pod-10.0.0.1', failures: failed }] })
  })

  it('counts a request that two pods refused and the primary served as one failure of the canary', () => {
    const run = new GuardRun(canaryAt(10), [])
    const rescued: Report = {
      ...second({ boot: 'aaaaaaaa', seq: 1 }),
      series: [
        { track: 'canary', reason: 'weight', outcomes: { refused: 2, '2xx': 9 }, latency: [] },
        { track: 'primary', reason: 'weight', outcomes: { '2xx': 91 }, latency: [] },
        { track: 'canary', reason: 'match', outcomes: { '5xx': 50 }, latency: [] },
      ],
      drawn: { weightPercent: 10, primary: { ...none, requests: 90, repeats: 1 }, canary: { ...none, requests: 10, repeats: 1, repeatedFailures: 1 }, pods: [] },
    }
    run.hear(rescued, podOf, start)
    expect(run.observe(canaryAt(10), start).record).toMatchObject({ canary: { requests: 10, failures: 1 }, primary: { requests: 90, failures: 0 } })
  })

  it('names the requests that fail most, and goes on counting after a restart', () => {
    const run = new GuardRun(canaryAt(5), [])
    const report = second({ boot: 'aaaaaaaa', seq: 1, weightPercent: 5, failures: { canary: 3, primary: 1 } })
    const at = (route: string, failures: number, primary = 0) => ({ route, canary: { failures, slow: failures }, primary: { failures: primary, slow: 0 } })
    const told = { ...report, ...(report.drawn ? { drawn: { ...report.drawn, routes: [at('GET /', 1), at('POST /pay/{id}', 2, 1)] } } : {}) }
    run.hear(told, podOf, start)
    const { record, checkpoint } = run.observe(canaryAt(5), start)
    expect(describeEvidence(record)).toMatch(/; worst POST \/pay\/{id} with 2 of the canary's 3 failures \(primary 1 of 1\)$/)
    const next = new GuardRun(canaryAt(5, { guard: checkpoint }), [])
    next.hear({ ...told, seq: 2 }, podOf, start + 1000)
    expect(next.observe(canaryAt(5), start + 1000).record.routes).toEqual([at('POST /pay/{id}', 4, 2), { ...at('GET /', 2) }])
  })

  it('holds an hour without a request, and says nothing against the canary', () => {
    const run = new GuardRun(canaryAt(10), [])
    for (let at = 0; at < 3600; at += 1) run.tick(start + at * 1000)
    expect(run.observe(canaryAt(10), start + 3_600_000).record).toMatchObject({ decision: 'none', canary: { requests: 0 } })
  })

  it('tells before the first step what is to be expected at the traffic of the day', () => {
    const run = new GuardRun(canaryAt(0), [])
    for (let seq = 1; seq <= 60; seq += 1) {
      run.hear(second({ boot: 'aaaaaaaa', seq, weightPercent: 0 }), podOf, start + seq * 1000)
      run.tick(start + seq * 1000)
    }
    const { plan } = run.observe(canaryAt(0), start + 62_000, 100).record
    expect(plan?.requestsPerSecond).toBe(100)
    expect(plan?.broken?.failedRequests).toBeLessThan(40)
    expect(plan?.smallestRatio).toBeGreaterThan(1)
  })

  it('foretells nothing of a primary that has served two requests, and more once it has served enough', () => {
    const run = new GuardRun(canaryAt(0), [])
    const two = second({ boot: 'aaaaaaaa', seq: 1, weightPercent: 0 })
    run.hear({ ...two, series: two.series.map((delta) => ({ ...delta, outcomes: { '2xx': 2 } })) }, podOf, start)
    run.tick(start + 2000)
    const { plan } = run.observe(canaryAt(0), start + 2000, 2).record
    expect(plan && describePlan(plan)).toBe('too little traffic is known yet to foretell what will be found: 2 requests of the primary')
    run.follow(canaryAt(10))
    for (let seq = 2; seq <= 4; seq += 1) run.hear(second({ boot: 'aaaaaaaa', seq }), podOf, start + seq * 1000)
    run.tick(start + 9000)
    expect(run.observe(canaryAt(10), start + 9000, 100).record.plan).toMatchObject({ primary: { requests: 272, failures: 0 }, smallestRatio: expect.any(Number) })
  })
})

describe('the guard of a canary that serves everybody', () => {
  const baking = { bakeStartedAt: start }
  const alone = (seq: number, failures: number): Report => ({ ...second({ boot: 'aaaaaaaa', seq, weightPercent: 100, failures: { canary: failures } }), series: [{ track: 'canary', reason: 'weight', outcomes: { '2xx': 100 - failures, '5xx': failures }, latency: [] }] })

  it('is certain at the report of the failures, not when their second is complete', () => {
    const history = Array.from({ length: 30 }, (_unused, at) => ({ atMs: start - at * 1000, share: 0, primary: { requests: 100, failures: 0, latency: [] }, canary: { requests: 0, failures: 0, latency: [] } }))
    const run = new GuardRun(canaryAt(100), history)
    run.follow(canaryAt(100, baking, { bake: '5m' }))
    for (let seq = 1; seq <= 20; seq += 1) {
      run.hear(alone(seq, 0), podOf, start + seq * 1000)
      run.tick(start + seq * 1000)
    }
    expect(run.isAborted).toBe(false)
    run.hear(alone(21, 20), podOf, start + 21_000)
    expect(run.isAborted).toBe(true)
    expect(run.observe(canaryAt(100, baking), start + 21_000).record).toMatchObject({ decision: 'abort', bake: { canary: { failures: 20 } } })
  })
})

describe('the guard beside users who are held by a cookie', () => {
  const cookies: JsonObject = { sessionAffinity: { cookieName: 'release' }, advance: 'evidence' }
  const sticky = (weight: number, kinglet: Partial<KingletState> = {}) => canaryAt(weight, kinglet, { ...cookies, bake: '5m' })
  /** Ten new users, a fifth of whom came to the canary at a weight of 10 %: and a hundred who have a cookie. */
  const arrivals = (seq: number): Report => ({
    ...second({ boot: 'aaaaaaaa', seq }),
    series: [
      { track: 'primary', reason: 'weight', outcomes: { '2xx': 8 }, latency: [] },
      { track: 'canary', reason: 'weight', outcomes: { '2xx': 2 }, latency: [] },
      { track: 'primary', reason: 'affinity', outcomes: { '2xx': 79, '5xx': 1 }, latency: [] },
      { track: 'canary', reason: 'affinity', outcomes: { '2xx': 20 }, latency: [] },
    ],
    drawn: { weightPercent: 10, primary: { ...none, requests: 8 }, canary: { ...none, requests: 2 }, pods: [] },
  })

  it('compares those who are drawn, by the share that they really have, and says whom it leaves out', () => {
    const run = new GuardRun(sticky(10), [])
    for (let seq = 1; seq <= 400; seq += 1) {
      run.hear(arrivals(seq), podOf, start + seq * 1000)
      run.tick(start + seq * 1000)
    }
    run.tick(start + 410_000)
    const { record } = run.observe(sticky(10), start + 410_000)
    expect(record).toMatchObject({ canary: { requests: 800 }, primary: { requests: 3200 }, apart: [{ reason: 'affinity', canary: { requests: 8000, failures: 0 }, primary: { requests: 32_000, failures: 400 } }] })
    expect(record.split, 'nobody can say what it should be').toBeUndefined()
    expect(record.advance?.metrics.find(({ metric }) => metric === 'failures')?.logEvidence, 'eight hundred without a failure').toBeGreaterThan(3)
  })

  it('counts all of them once the canary serves everybody', () => {
    const run = new GuardRun(sticky(10), [])
    run.follow(sticky(100, { bakeStartedAt: start, generation: 3 }))
    run.hear({ ...arrivals(1), series: [{ track: 'canary', reason: 'affinity', outcomes: { '2xx': 70, '5xx': 30 }, latency: [] }], drawn: { weightPercent: 100, primary: none, canary: none, pods: [] } }, podOf, start)
    expect(run.observe(sticky(100, { bakeStartedAt: start }), start).record).toMatchObject({ decision: 'abort', bake: { canary: { requests: 100, failures: 30 } } })
  })
})

describe('a controller that takes over', () => {
  const undisturbed = new GuardRun(canaryAt(10), [])
  hearAll(undisturbed, seconds)
  const expected = summary(undisturbed, canaryAt(10))

  it.each([0, 7, 14, 26, 40])('goes on from a checkpoint after %d reports with the same evidence, whatever is repeated and in whatever order', (before) => {
    const first = new GuardRun(canaryAt(10), [])
    hearAll(first, seconds.slice(0, before))
    const { checkpoint } = first.observe(canaryAt(10), heardAt(before))
    const written = JSON.parse(JSON.stringify(checkpoint)) as typeof checkpoint
    expect(JSON.stringify(written).length).toBeLessThan(8192)
    const second = new GuardRun(canaryAt(10, { guard: written }), [])
    // Sidecars come back in any order and repeat everything; each one's own reports stay in order.
    const repeated = [...seconds.filter(({ bootId }) => bootId.startsWith('b')), ...seconds.filter(({ bootId }) => bootId.startsWith('a'))]
    hearAll(second, repeated, heardAt(seconds.length))
    const { logEvidence, ...rest } = summary(second, canaryAt(10))
    expect(rest.of).toEqual(expected.of)
    expect(rest.primary).toEqual(expected.primary)
    expect(rest.pods).toEqual(expected.pods)
    expect(Math.abs(logEvidence - expected.logEvidence)).toBeLessThan(0.0001)
  })

  it('begins anew where the checkpoint is of another run', () => {
    const { checkpoint } = undisturbed.observe(canaryAt(10), start)
    const run = new GuardRun(canaryAt(10, { guard: { ...checkpoint, run: 1 } }), [])
    expect(summary(run, canaryAt(10)).of.requests).toBe(0)
  })

  it('with more sidecars than a checkpoint can name goes by time', () => {
    const many = new GuardRun(canaryAt(10), [])
    const reports = Array.from({ length: 100 }, (_unused, at) => second({ boot: `boot${String(at).padStart(4, '0')}`, seq: 1 }))
    for (const report of reports) many.hear(report, podOf, start)
    many.tick(start + 5000)
    const { checkpoint } = many.observe(canaryAt(10), start + 5000)
    expect(checkpoint.boots).toBeUndefined()
    const next = new GuardRun(canaryAt(10, { guard: checkpoint }), [])
    for (const report of reports) next.hear({ ...report, ageMs: 10_000 }, podOf, start + 10_000)
    next.tick(start + 20_000)
    expect(summary(next, canaryAt(10)).of).toEqual({ requests: 1000, failures: 0 })
  })
})
