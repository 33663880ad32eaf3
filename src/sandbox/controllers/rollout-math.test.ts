import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fenceposts, newReplicas, scaleProportionally, shrinkOld, type Count } from './rollout-math.ts'

const count = (name: string, replicas: number, available = replicas, createdAt = 0, maxReplicas?: number): Count => ({ name, replicas, available, createdAt, maxReplicas })

describe('the fence posts of a rollout', () => {
  it.each([
    { desired: 4, surge: '25%', unavailable: '25%', expected: { desired: 4, surge: 1, unavailable: 1 } },
    { desired: 1, surge: '25%', unavailable: '25%', expected: { desired: 1, surge: 1, unavailable: 0 } },
    { desired: 10, surge: '25%', unavailable: '25%', expected: { desired: 10, surge: 3, unavailable: 2 } },
    { desired: 3, surge: 0, unavailable: 0, expected: { desired: 3, surge: 0, unavailable: 1 } },
    { desired: 3, surge: '0%', unavailable: '10%', expected: { desired: 3, surge: 0, unavailable: 1 } },
    { desired: 2, surge: 1, unavailable: 5, expected: { desired: 2, surge: 1, unavailable: 2 } },
    { desired: 0, surge: '25%', unavailable: '25%', expected: { desired: 0, surge: 0, unavailable: 1 } },
  ])('of $desired with maxSurge $surge and maxUnavailable $unavailable are $expected', ({ desired, surge, unavailable, expected }) =>
    expect(fenceposts(desired, surge, unavailable)).toEqual(expected))
})

describe('the new ReplicaSet', () => {
  const fence = { desired: 10, surge: 2, unavailable: 2 }
  it.each([
    { why: 'starts with the surge', current: [count('old', 10)], own: 0, expected: 2 },
    { why: 'takes what the old one gave', current: [count('old', 8), count('new', 2)], own: 2, expected: 4 },
    { why: 'waits while there is no room', current: [count('old', 10), count('new', 2)], own: 2, expected: 2 },
    { why: 'never has more than wanted', current: [count('new', 10)], own: 10, expected: 10 },
    { why: 'shrinks when less is wanted', current: [count('new', 12)], own: 12, expected: 10 },
  ])('$why', ({ current, own, expected }) => expect(newReplicas(fence, current, own)).toBe(expected))
})

describe('the old ReplicaSets', () => {
  const fence = { desired: 10, surge: 2, unavailable: 2 }
  it.each([
    { why: 'give what may be unavailable', fresh: count('new', 2, 0), old: [count('a', 10)], expected: { a: 8 } },
    { why: 'give as much as new pods are available', fresh: count('new', 4, 4), old: [count('a', 8)], expected: { a: 4 } },
    { why: 'keep everything while the new one is broken', fresh: count('new', 4, 0), old: [count('a', 8)], expected: {} },
    { why: 'lose sick pods first', fresh: count('new', 2, 0), old: [count('a', 4, 0, 1), count('b', 6, 6, 2)], expected: { a: 2 } },
    { why: 'go, oldest first', fresh: count('new', 10, 10), old: [count('b', 1, 1, 2), count('a', 1, 1, 1)], expected: { a: 0, b: 0 } },
  ])('$why', ({ fresh, old, expected }) => expect(Object.fromEntries(shrinkOld(fence, fresh, old))).toEqual(expected))
})

describe('a scale in the middle of a rollout', () => {
  it('is shared in proportion', () =>
    expect(Object.fromEntries(scaleProportionally({ desired: 15, surge: 3, unavailable: 0 }, [count('old', 8, 8, 1, 13), count('new', 5, 5, 2, 13)]))).toEqual({ old: 11, new: 7 }))

  it('gives all pods that the Deployment allows, and takes none below zero', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), fc.nat(40), fc.nat(5), (sizes, desired, surge) => {
        const max = sizes.reduce((sum, size) => sum + size, 0)
        let counts = sizes.map((size, index) => count(`rs${index}`, size, size, index, max))
        // What rounding leaves is taken from the largest, which may have too little: then the next look takes the rest, as in Kubernetes.
        for (let look = 0; look <= sizes.length; look += 1) {
          const scaled = scaleProportionally({ desired, surge, unavailable: 0 }, counts)
          counts = counts.map(({ name, replicas, createdAt }) => count(name, scaled.get(name) ?? replicas, replicas, createdAt, desired + surge))
          expect(Math.min(...counts.map(({ replicas }) => replicas))).toBeGreaterThanOrEqual(0)
        }
        if (max > 0) expect(counts.reduce((sum, { replicas }) => sum + replicas, 0)).toBe(desired > 0 ? desired + surge : 0)
      }),
    ))
})

describe('a rollout, step by step', () => {
  it('ends with the new pods alone, and never leaves the fence', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (desired, surge, unavailable) => {
        const fence = fenceposts(desired, `${surge}%`, `${unavailable}%`)
        let [oldCount, fresh] = [desired, 0]
        for (let step = 0; step < 4 * desired + 4; step += 1) {
          const old = count('old', oldCount)
          const own = count('new', fresh)
          const wanted = newReplicas(fence, [old, own], fresh)
          if (wanted === fresh) oldCount = shrinkOld(fence, own, [old]).get('old') ?? oldCount
          else fresh = wanted
          expect(oldCount + fresh).toBeLessThanOrEqual(fence.desired + fence.surge)
          expect(oldCount + fresh).toBeGreaterThanOrEqual(fence.desired - fence.unavailable)
        }
        expect([oldCount, fresh]).toEqual([0, desired])
      }),
    ))
})
