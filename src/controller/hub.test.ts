import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import { parseDownMessage } from '../api/codec.ts'
import type { Track, UpMessage } from '../api/protocol.ts'
import { VirtualClock } from '../kube/virtual-clock.testkit.ts'
import { Hub, type Session } from './hub.ts'
import { intentOf, nextGeneration, type Publication } from './tables.ts'

const canary = parseCanary({ metadata: { name: 'web', namespace: 'shop' }, spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { port: 80 }, analysis: { interval: '1m', stepWeight: 10 } } })

function publication(intent: number, weight: number, members: Readonly<Record<string, Track>>, tickMs = 1000): Publication {
  return {
    intent,
    intentAt: Date.parse('2026-06-01T00:00:00Z'),
    table: { canary: 'shop/web', canaryWeightPercent: weight, match: [], endpoints: { primary: [], canary: [] }, rescue: 'unsent', protocol: 'http', tickMs, silenceLimitMs: 30_000 },
    members: new Map(Object.entries(members)),
    canaryPods: new Map(),
  }
}

function sidecar(pod: string): Session & { readonly lines: string[]; isClosed: boolean; weights(): readonly number[]; generations(): readonly number[] } {
  const lines: string[] = []
  const tables = () =>
    lines.flatMap((line) => {
      const message = parseDownMessage(line.trimEnd())
      return message.ok && message.value.type === 'routes' ? [message.value.table] : []
    })
  const session = { namespace: 'shop', pod, lines, isClosed: false, send: (line: string) => void lines.push(line), close: () => void (session.isClosed = true), weights: () => tables().map((table) => table.canaryWeightPercent), generations: () => tables().map((table) => table.generation) }
  return session
}

function createHub() {
  const clock = new VirtualClock()
  const heard: string[] = []
  return { clock, heard, hub: new Hub(clock, (key) => void heard.push(key)) }
}

describe('the hub of the sidecars', () => {
  it('sends a change to all who are connected, and the newest table to whoever comes later', () => {
    const { hub } = createHub()
    const early = sidecar('a')
    const late = sidecar('b')
    hub.join(early)
    hub.publish('shop/web', publication(1, 0, { a: 'primary', b: 'canary' }), canary)
    hub.publish('shop/web', publication(2, 10, { a: 'primary', b: 'canary' }), canary)
    hub.join(late)
    expect(early.weights()).toEqual([0, 10])
    expect(late.weights()).toEqual([10])
  })

  it('sends nothing where nothing changed', () => {
    const { hub } = createHub()
    const session = sidecar('a')
    hub.join(session)
    for (let times = 0; times < 5; times += 1) hub.publish('shop/web', publication(1, 0, { a: 'primary' }), canary)
    expect(session.weights()).toEqual([0])
  })

  it('never brings an older intent back, whatever a lagging cache says', () => {
    const { hub } = createHub()
    const session = sidecar('a')
    hub.join(session)
    hub.publish('shop/web', publication(3, 0, { a: 'primary' }), canary)
    hub.publish('shop/web', publication(2, 50, { a: 'primary' }), canary)
    expect(session.weights()).toEqual([0])
  })

  it('prints each distinct table once, for a thousand sidecars too', () => {
    const { hub } = createHub()
    const sessions = Array.from({ length: 1000 }, (_unused, index) => sidecar(`pod-${index}`))
    for (const session of sessions) hub.join(session)
    hub.publish('shop/web', publication(1, 10, Object.fromEntries(sessions.map(({ pod }, index) => [pod, index % 10 === 0 ? 'canary' : 'primary']))), canary)
    expect(sessions.every(({ lines }) => lines.length === 1)).toBe(true)
    // Equal texts of a line of this length are one string in memory only if it was made once; two tracks, two strings.
    expect(new Set(sessions.map(({ lines }) => lines[0])).size).toBe(2)
  })

  it('knows who has acknowledged which intent, and tells whoever waits for it', () => {
    const { hub, heard } = createHub()
    const session = sidecar('a')
    hub.join(session)
    hub.publish('shop/web', publication(1, 0, { a: 'primary', b: 'primary' }), canary)
    expect(hub.telemetryOf('shop/web', canary).acknowledged).toEqual(new Map())
    hub.hear(session, { type: 'ack', generation: session.generations()[0] ?? 0 })
    expect(hub.telemetryOf('shop/web', canary).acknowledged).toEqual(new Map([['a', 1]]))
    expect(heard).toEqual(['shop/web'])
  })

  it('listens to the newest session of a pod alone, and to no pod that belongs to nobody', () => {
    const { hub, heard } = createHub()
    const [old, young, stranger] = [sidecar('a'), sidecar('a'), sidecar('x')]
    const leaveOld = hub.join(old)
    hub.join(young)
    hub.join(stranger)
    hub.publish('shop/web', publication(1, 0, { a: 'primary' }), canary)
    hub.hear(old, { type: 'ack', generation: 1_000_000_000 })
    hub.hear(stranger, { type: 'ack', generation: 1_000_000_000 })
    leaveOld()
    expect(heard).toEqual([])
    expect(young.weights()).toEqual([0])
    expect(hub.sessionCount()).toBe(2)
    expect([old.isClosed, young.isClosed]).toEqual([true, false])
  })

  it('begins anew with a Canary that was made again by the same name, and does not go back to the one before', () => {
    const { hub } = createHub()
    const session = sidecar('a')
    const [before, after] = [{ ...canary, uid: 'one', createdAt: '2026-06-01T00:00:00Z' }, { ...canary, uid: 'two', createdAt: '2026-06-01T00:00:05Z' }]
    hub.join(session)
    hub.publish('shop/web', publication(20, 50, { a: 'primary' }), before)
    hub.hear(session, { type: 'ack', generation: session.generations()[0] ?? 0 })
    hub.publish('shop/web', publication(1, 0, { a: 'primary' }), after)
    hub.publish('shop/web', publication(20, 50, { a: 'primary' }), before)
    expect(session.weights()).toEqual([50, 0])
    expect(hub.telemetryOf('shop/web', after).acknowledged).toEqual(new Map())
  })

  it('pings each sidecar once a tick of its table', async () => {
    const { hub, clock } = createHub()
    const [busy, idle] = [sidecar('a'), sidecar('b')]
    hub.join(busy)
    hub.join(idle)
    hub.publish('shop/web', publication(1, 0, { a: 'primary' }, 1000), canary)
    hub.publish('shop/other', publication(1, 0, { b: 'primary' }, 10_000), canary)
    await clock.advance(20_000)
    const pings = (session: { readonly lines: readonly string[] }): number => session.lines.filter((line) => line.includes('ping')).length
    expect([pings(busy), pings(idle)]).toEqual([20, 2])
    hub.stop()
    expect(clock.pending).toBe(0)
  })

  it('leaves a pod with the Canary that has it by now when the one before goes', () => {
    const { hub, heard } = createHub()
    const session = sidecar('a')
    hub.join(session)
    for (const key of ['shop/before', 'shop/web']) hub.publish(key, publication(1, 0, { a: 'primary' }), canary)
    hub.forget('shop/before')
    hub.hear(session, { type: 'ack', generation: session.generations()[0] ?? 0 })
    expect(heard).toEqual(['shop/web'])
  })

  it('forgets a Canary that is gone', () => {
    const { hub } = createHub()
    hub.publish('shop/web', publication(1, 0, { a: 'primary' }), canary)
    hub.forget('shop/web')
    const session = sidecar('a')
    hub.join(session)
    expect(session.weights()).toEqual([])
  })
})

describe('the generations of tables', () => {
  it('rise over changes, time and leaders, and say their intent', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ rises: fc.boolean(), passesMs: fc.integer({ min: 0, max: 5_000_000 }), isNewLeader: fc.boolean() }), { maxLength: 50 }),
        (changes) => {
          let now = 1_700_000_000_000
          let intent = 1
          let intentAt = now
          let known = 0
          let last = 0
          for (const { rises, passesMs, isNewLeader } of changes) {
            // Another leader takes some seconds; it knows only what is durable.
            now += passesMs + (isNewLeader ? 60_000 : 0)
            if (rises) {
              intent += 1
              intentAt = now
            }
            const generation = nextGeneration(isNewLeader ? 0 : known, { intent, intentAt }, now)
            expect(generation).toBeGreaterThan(last)
            expect(intentOf(generation)).toBe(intent)
            last = generation
            known = generation
          }
        },
      ),
    ))
})

describe('a guard that is certain', () => {
  const run = { generation: 3, generationAt: Date.parse('2026-06-01T00:00:00Z'), runGeneration: 2 }
  const guarded = { ...canary, status: { ...canary.status, phase: 'Progressing' as const, canaryWeight: 10, kinglet: { ...canary.status.kinglet, ...run } } }
  const members = { a: 'primary', b: 'primary', c: 'canary' } as const
  const none = { requests: 0, repeats: 0, repeatedFailures: 0, givenUp: 0 }
  const allFailed = (seq: number): UpMessage => ({
    type: 'report',
    bootId: 'boot-of-a',
    seq,
    generation: 3_000_000_000,
    ageMs: 0,
    series: [
      { track: 'primary', reason: 'weight', outcomes: { '2xx': 90 }, latency: [[500, 90]] },
      { track: 'canary', reason: 'weight', outcomes: { '5xx': 10 }, latency: [[500, 10]] },
    ],
    clientAborted: 0,
    proxyErrors: 0,
    drawn: { weightPercent: 10, primary: { ...none, requests: 90 }, canary: { ...none, requests: 10 }, pods: [{ address: '10.0.0.3', requests: 10, failures: 10 }] },
  })

  it('takes the weight from every sidecar before anything is decided or written, and keeps it there', () => {
    const { hub, heard } = createHub()
    const [a, b] = [sidecar('a'), sidecar('b')]
    for (const session of [a, b]) hub.join(session)
    hub.publish('shop/web', publication(3, 10, members), guarded)
    hub.hear(a, allFailed(1))
    expect(heard).toEqual(['shop/web'])
    for (const session of [a, b]) expect(session.weights()).toEqual([10, 0])
    // The status still says 10: a look that knows no better changes nothing.
    hub.publish('shop/web', publication(3, 10, members), guarded)
    expect(a.weights()).toEqual([10, 0])
    expect(hub.telemetryOf('shop/web', guarded).guard?.record).toMatchObject({ decision: 'abort', canary: { requests: 10, failures: 10 } })
  })

  it('is none where the Canary does not want one', () => {
    const { hub } = createHub()
    const a = sidecar('a')
    const unguarded = { ...guarded, spec: { ...guarded.spec, analysis: { ...guarded.spec.analysis, guard: { ...guarded.spec.analysis.guard, enabled: false } } } }
    hub.join(a)
    hub.publish('shop/web', publication(3, 10, members), unguarded)
    for (let seq = 1; seq < 10; seq += 1) hub.hear(a, allFailed(seq))
    expect(a.weights()).toEqual([10])
    expect(hub.telemetryOf('shop/web', unguarded).guard).toBeUndefined()
  })

  it('remembers only so much of a sidecar of which it is not known whose it is', () => {
    const { hub } = createHub()
    const a = sidecar('a')
    hub.join(a)
    const latency = Array.from({ length: 3000 }, (_none, bucket) => [bucket, 1] as const)
    const large = (seq: number): UpMessage => {
      const small = allFailed(seq)
      return small.type === 'report' ? { ...small, series: small.series.map((series) => ({ ...series, latency })) } : small
    }
    for (let seq = 1; seq <= 100; seq += 1) hub.hear(a, large(seq))
    const unguarded = { ...guarded, spec: { ...guarded.spec, analysis: { ...guarded.spec.analysis, guard: { ...guarded.spec.analysis.guard, enabled: false } } } }
    hub.publish('shop/web', publication(3, 10, members), unguarded)
    // Ten in each report, of which 300,000 buckets are kept.
    expect(hub.telemetryOf('shop/web', unguarded).verdict?.canary.requests).toBe(490)
  })

  it('counts what a sidecar has said before it was known whose it is', () => {
    const { hub } = createHub()
    const a = sidecar('a')
    hub.join(a)
    hub.hear(a, allFailed(1))
    hub.publish('shop/web', publication(3, 10, members), guarded)
    expect(hub.telemetryOf('shop/web', guarded).guard?.record.canary).toEqual({ requests: 10, failures: 10 })
  })
})
