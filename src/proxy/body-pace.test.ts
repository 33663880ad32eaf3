import { describe, expect, it } from 'vitest'
import { BodyPace } from './body-pace.ts'
import { Deadlines } from './deadlines.ts'

/** A clock that goes on when it is told. */
function paced(bytesPerSecond: number): { readonly pace: BodyPace; readonly pass: (ms: number) => void } {
  const clock = Object.assign(new Deadlines(() => 0), { now: 0 })
  return { pace: new BodyPace(clock, bytesPerSecond), pass: (ms) => void (clock.now += ms) }
}

describe('(28) the pace of a body', () => {
  it('gives five seconds, and a second more for as many bytes as the rate asks for', () => {
    const { pace, pass } = paced(100)
    expect(pace.patienceMs(0)).toBe(5000)
    pass(2000)
    pace.took()
    expect(pace.patienceMs(300)).toBe(6000)
    pass(5900)
    pace.took()
    expect(pace.patienceMs(301)).toBe(110)
    pass(200)
    expect(pace.patienceMs(301)).toBe(0)
  })

  it('does not count the time in which nobody waits for the client', () => {
    const { pace, pass } = paced(100)
    pace.patienceMs(0)
    pass(1000)
    pace.took()
    pass(60_000)
    expect(pace.patienceMs(50)).toBe(4500)
  })
})
