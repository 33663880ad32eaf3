import { describe, expect, it } from 'vitest'
import { isOutOfDescriptors, roomForClients, roomWithin } from './descriptors.ts'

describe('room for clients', () => {
  it.each([
    [1_048_576, 838_835],
    [1024, 793],
    [120, 70],
    [10, 1],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('of %d descriptors is for %d connections', (descriptors, room) => {
    expect(roomWithin(descriptors)).toBe(room)
  })

  it('is what this process may open', () => {
    expect(roomForClients()).toBeGreaterThan(100)
    expect(isOutOfDescriptors()).toBe(false)
  })
})
