import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Crowd, type Seat } from './crowd.ts'

const called = (crowd: Crowd<number>): readonly number[] => {
  const members: number[] = []
  crowd.forEach((member) => members.push(member))
  return members.toSorted((a, b) => a - b)
}

describe('a crowd', () => {
  it('is whoever has entered and not left', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (steps) => {
        const crowd = new Crowd<number>()
        const seats = new Map<number, Seat<number>>()
        for (const member of steps) {
          const seat = seats.get(member)
          if (seat) crowd.leave(seat)
          else seats.set(member, crowd.enter(member))
          if (seat) seats.delete(member)
          expect(crowd.size).toBe(seats.size)
        }
        expect(called(crowd)).toEqual([...seats.keys()].toSorted((a, b) => a - b))
      }),
    ))

  it('lets a seat be left once', () => {
    const crowd = new Crowd<number>()
    const first = crowd.enter(1)
    crowd.leave(first)
    crowd.enter(2)
    crowd.leave(first)
    expect(called(crowd)).toEqual([2])
  })

  it('calls everybody who stays, whoever leaves and enters meanwhile', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(9)), (leavers) => {
        const crowd = new Crowd<number>()
        const seats = Array.from({ length: 10 }, (_, member) => crowd.enter(member))
        const order = [...leavers]
        const seen = new Set<number>()
        crowd.forEach((member) => {
          seen.add(member)
          const seat = seats[order.pop() ?? 0]
          if (seat && order.length > 0) crowd.leave(seat)
          crowd.enter(100)
        })
        for (const member of called(crowd)) if (member < 100) expect(seen).toContain(member)
      }),
    ))
})
