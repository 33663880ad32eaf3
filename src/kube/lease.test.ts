import { describe, expect, it } from 'vitest'
import type { Address, Resource } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { microTime, runWithLease, type LeaseOptions } from './lease.ts'
import { settle, VirtualClock } from './virtual-clock.testkit.ts'

/** A Lease with a resourceVersion, and switches for what can go wrong. */
class LeaseServer {
  lease: JsonObject | undefined
  isDown = false
  version = 0

  find(_resource: Resource, _at: Address): Promise<JsonObject | undefined> {
    return this.isDown ? Promise.reject(new AppError('UNAVAILABLE', 'down')) : Promise.resolve(this.lease)
  }
  create(_resource: Resource, object: JsonObject): Promise<JsonObject> {
    if (this.isDown) return Promise.reject(new AppError('UNAVAILABLE', 'down'))
    if (this.lease) return Promise.reject(new AppError('ALREADY_EXISTS', 'exists'))
    return Promise.resolve(this.put(object))
  }
  replace(_resource: Resource, object: JsonObject): Promise<JsonObject> {
    if (this.isDown) return Promise.reject(new AppError('UNAVAILABLE', 'down'))
    if (!this.lease) return Promise.reject(new AppError('NOT_FOUND', 'gone'))
    if (stringAt(object, 'metadata', 'resourceVersion') !== String(this.version)) return Promise.reject(new AppError('CONFLICT', 'newer'))
    return Promise.resolve(this.put(object))
  }
  put(object: JsonObject): JsonObject {
    this.version += 1
    this.lease = { ...object, metadata: { ...objectAt(object, 'metadata'), resourceVersion: String(this.version) } }
    return this.lease
  }
  get holder(): string | undefined {
    return stringAt(this.lease, 'spec', 'holderIdentity')
  }
}

interface Candidate {
  isLeading: boolean
  outcome: string
  readonly stop: () => void
  readonly leaders: string[]
}

function candidate(server: LeaseServer, clock: VirtualClock, identity: string, options: Partial<LeaseOptions> = {}): Candidate {
  const stopping = new AbortController()
  const self: Candidate = { isLeading: false, outcome: 'running', stop: () => stopping.abort(), leaders: [] }
  const lead = async (signal: AbortSignal): Promise<void> => {
    self.isLeading = true
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    self.isLeading = false
  }
  runWithLease({
    client: server,
    clock,
    namespace: 'kinglet-system',
    name: 'kinglet-controller',
    identity,
    signal: stopping.signal,
    random: () => 0,
    onLeader: (name) => self.leaders.push(name),
    lead,
    ...options,
  }).then(
    () => void (self.outcome = 'ended'),
    (error: AppError) => void (self.outcome = error.code),
  )
  return self
}

describe('the lease', () => {
  it('goes to the first one; the second takes over when it is given back', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first')
    await settle()
    const second = candidate(server, clock, 'second')
    await clock.advance(60_000)
    expect([first.isLeading, second.isLeading]).toEqual([true, false])
    expect(second.leaders).toEqual(['first'])
    first.stop()
    await clock.advance(2_000)
    expect(first.outcome).toBe('ended')
    expect(second.isLeading).toBe(true)
    expect(server.lease?.['spec']).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1, leaseDurationSeconds: 15 })
  })

  it('passes to another one when its holder vanished, by our clock and not by the holder’s', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    server.put({ metadata: {}, spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' } })
    const second = candidate(server, clock, 'second')
    await clock.advance(14_000)
    expect(second.isLeading).toBe(false)
    await clock.advance(4_000)
    expect(second.isLeading).toBe(true)
  })

  it('is kept over a connection that died without a word, by another one', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    let isDead = false
    const client: LeaseOptions['client'] = {
      find: (resource, at) => server.find(resource, at),
      create: (resource, object) => server.create(resource, object),
      replace: (resource, object, options) => {
        if (!isDead) return server.replace(resource, object)
        return new Promise((_resolve, reject) => {
          clock.after(options?.timeoutMs ?? 30_000, () => {
            isDead = false
            reject(new AppError('TIMEOUT', 'no answer', { retryable: true }))
          })
        })
      },
    }
    const first = candidate(server, clock, 'first', { client })
    await clock.advance(5_000)
    isDead = true
    await clock.advance(30_000)
    expect([first.isLeading, first.outcome]).toEqual([true, 'running'])
    first.stop()
  })

  it('is lost when it could not be renewed in time, before anybody else may lead', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first')
    const second = candidate(server, clock, 'second')
    await clock.advance(10_000)
    server.isDown = true
    await clock.advance(9_000)
    expect(first.isLeading).toBe(true)
    await clock.advance(3_000)
    expect(first.isLeading).toBe(false)
    expect(first.outcome).toBe('LEASE_LOST')
    expect(second.isLeading).toBe(false)
    server.isDown = false
    await clock.advance(20_000)
    expect(second.isLeading).toBe(true)
  })

  it('survives a short outage and a conflict', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first')
    await clock.advance(5_000)
    server.isDown = true
    await clock.advance(5_000)
    server.isDown = false
    server.put({ ...server.lease, metadata: { ...objectAt(server.lease, 'metadata'), labels: { touched: 'by somebody' } } })
    await clock.advance(30_000)
    expect([first.isLeading, first.outcome]).toEqual([true, 'running'])
  })

  it('is lost at once when somebody else took it', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first')
    await clock.advance(5_000)
    server.put({ ...server.lease, spec: { ...objectAt(server.lease, 'spec'), holderIdentity: 'thief' } })
    await clock.advance(3_000)
    expect([first.isLeading, first.outcome]).toEqual([false, 'LEASE_LOST'])
    expect(server.holder).toBe('thief')
  })

  it('is made anew when it was deleted', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first')
    await clock.advance(5_000)
    server.lease = undefined
    await clock.advance(10_000)
    expect([first.isLeading, server.holder]).toEqual([true, 'first'])
  })

  it('is renewed until the work has wound down, and only then given back', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first', {
      lead: async (signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        await new Promise<void>((resolve) => void clock.after(30_000, resolve))
      },
    })
    const second = candidate(server, clock, 'second')
    await clock.advance(5_000)
    first.stop()
    await clock.advance(29_000)
    expect([server.holder, second.isLeading]).toEqual(['first', false])
    await clock.advance(5_000)
    expect([first.outcome, second.isLeading]).toEqual(['ended', true])
  })

  it('fails with what the work failed with', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const first = candidate(server, clock, 'first', { lead: () => Promise.reject(new AppError('BROKEN', 'defect')) })
    await clock.advance(5_000)
    expect(first.outcome).toBe('BROKEN')
  })

  it('of two that start together goes to one', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    const all = ['a', 'b', 'c'].map((name) => candidate(server, clock, name))
    await clock.advance(60_000)
    expect(all.filter(({ isLeading }) => isLeading)).toHaveLength(1)
  })

  it('is never waited for after the signal', async () => {
    const [server, clock] = [new LeaseServer(), new VirtualClock()]
    server.put({ metadata: {}, spec: { holderIdentity: 'other', leaseDurationSeconds: 15 } })
    const second = candidate(server, clock, 'second')
    await settle()
    second.stop()
    await settle()
    expect([second.outcome, server.holder]).toEqual(['ended', 'other'])
  })

  it('writes times as MicroTime', () => expect(microTime(Date.parse('2026-06-01T00:00:00.123Z'))).toBe('2026-06-01T00:00:00.123000Z'))
})
