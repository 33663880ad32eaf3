import { describe, expect, it } from 'vitest'
import { FloodGuard } from './flood-guard.ts'

describe('leave to send more', () => {
  it('may be given for the stream and the connection with each frame, for ever', () => {
    const guard = new FloodGuard(0)
    for (let frames = 1; frames <= 100_000; frames += 1) for (let update = 0; update < 2; update += 1) guard.onWindowUpdate(0, frames)
  })

  it('that nothing is sent for is a flood after a while, and time forgives', () => {
    const guard = new FloodGuard(0)
    const flood = (now: number) => () => {
      for (let update = 0; update <= 10_000; update += 1) guard.onWindowUpdate(now, 3)
    }
    expect(flood(0)).toThrow('carry nothing')
    for (let second = 10; second < 100; second += 1) for (let update = 0; update < 500; update += 1) guard.onWindowUpdate(1000 * second, 3)
    expect(flood(100_000)).toThrow('carry nothing')
  })
})
