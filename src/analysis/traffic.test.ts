import { describe, expect, it } from 'vitest'
import { TrafficMeter } from './traffic.ts'

/** Two callers of 50 requests a second each: at rest every ten seconds, from second 20 on every second. */
function busy(): TrafficMeter {
  const meter = new TrafficMeter()
  for (const end of [10, 20]) for (let caller = 0; caller < 2; caller += 1) meter.add(end * 1000, 10_000, 500)
  for (let end = 21; end <= 24; end += 1) for (let caller = 0; caller < 2; caller += 1) meter.add(end * 1000, 1000, 50)
  return meter
}

describe('the traffic', () => {
  it('is the same whether reports speak about ten seconds or about one', () => expect(busy().perSecond(24_000)).toBe(100))

  it('is the same after the callers were replaced by others, whose first reports count too', () => {
    const meter = busy()
    for (let end = 25; end <= 30; end += 1) for (let caller = 0; caller < 2; caller += 1) meter.add(end * 1000, 1000, 50)
    expect(meter.perSecond(30_000)).toBe(100)
  })

  it('is forgotten at rest too, where nobody asks', () => {
    const meter = busy()
    for (let end = 30; end <= 100_000; end += 10) meter.add(end * 1000, 10_000, 500)
    expect(meter.size).toBeLessThanOrEqual(121)
    expect(meter.perSecond(100_000_000)).toBe(50)
  })

  it('is known by one report', () => {
    const meter = new TrafficMeter()
    meter.add(10_000, 10_000, 500)
    expect(meter.perSecond(10_000)).toBe(50)
  })

  it('falls when nobody comes any more, and is 0 after a minute', () => {
    const meter = busy()
    for (let end = 25; end <= 54; end += 1) meter.add(end * 1000, 1000, 0)
    expect(meter.perSecond(54_000)).toBeLessThan(50)
    for (let end = 55; end <= 90; end += 1) meter.add(end * 1000, 1000, 0)
    expect(meter.perSecond(90_000)).toBe(0)
  })

  it('is not known by reports that do not say how long their intervals were, or of which nobody knows when it was', () => {
    const meter = new TrafficMeter()
    meter.add(1000, undefined, 5000)
    meter.add(100_000, 90_000, 5000)
    meter.add(100_000, 0, 5)
    expect(meter.perSecond(100_000)).toBe(0)
  })
})
