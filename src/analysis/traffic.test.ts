import { describe, expect, it } from 'vitest'
import { TrafficMeter } from './traffic.ts'

/** Two callers of 50 requests a second each: at rest every ten seconds, from second 20 on every second. */
function busy(): TrafficMeter {
  const meter = new TrafficMeter()
  for (const end of [0, 10, 20]) for (const caller of ['a', 'b']) meter.add(caller, end * 1000, 500)
  for (let end = 21; end <= 24; end += 1) for (const caller of ['a', 'b']) meter.add(caller, end * 1000, 50)
  return meter
}

describe('the traffic', () => {
  it('is the same whether reports speak about ten seconds or about one', () => expect(busy().perSecond(24_000)).toBe(100))

  it('is the same after the callers were replaced by others', () => {
    const meter = busy()
    for (let end = 24; end <= 30; end += 1) for (const caller of ['c', 'd']) meter.add(caller, end * 1000, 50)
    expect(meter.perSecond(30_000)).toBe(100)
  })

  it('falls when nobody comes any more, and is 0 after a minute', () => {
    const meter = busy()
    for (let end = 25; end <= 54; end += 1) meter.add('a', end * 1000, 0)
    expect(meter.perSecond(54_000)).toBeLessThan(50)
    for (let end = 55; end <= 90; end += 1) meter.add('a', end * 1000, 0)
    expect(meter.perSecond(90_000)).toBe(0)
  })

  it('is not known by the first report of a caller, which may speak about any time', () => {
    const meter = new TrafficMeter()
    meter.add('a', 1000, 5000)
    expect(meter.perSecond(1000)).toBe(0)
  })

  it('counts no report of the past twice', () => {
    const meter = busy()
    meter.add('a', 21_000, 50)
    expect(meter.perSecond(24_000)).toBe(100)
  })
})
