import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OpenStreams } from './open-streams.ts'

describe('open streams', () => {
  it('are those of a Map, whatever comes and goes', () =>
    fc.assert(
      fc.property(fc.array(fc.record({ id: fc.integer({ min: 1, max: 90 }), isAdded: fc.boolean() }), { maxLength: 300 }), (steps) => {
        const open = new OpenStreams<{ readonly id: number }>()
        const expected = new Map<number, { readonly id: number }>()
        for (const { id, isAdded } of steps) {
          if (isAdded) {
            open.add({ id })
            expected.set(id, { id })
          } else expect(open.delete(id)).toBe(expected.delete(id))
          expect(open.get(id)).toEqual(expected.get(id))
          expect(open.size).toBe(expected.size)
        }
        expect(open.all().toSorted((a, b) => a.id - b.id)).toEqual([...expected.values()].toSorted((a, b) => a.id - b.id))
      }),
    ))

  it('hold a thousand that stay, beside many that do not', () => {
    const open = new OpenStreams<{ readonly id: number }>()
    for (let id = 1; id < 200_000; id += 2) {
      open.add({ id })
      if (id % 199 !== 0) expect(open.delete(id)).toBe(true)
    }
    expect(open.size).toBe(open.all().length)
    for (const { id } of open.all()) expect(open.get(id)?.id).toBe(id)
    open.clear()
    expect(open.size + open.all().length).toBe(0)
  })
})
