import { describe, expect, it } from 'vitest'
import { peakOf } from '../bench/judge/peak.ts'
import { scenarios } from '../bench/judge/scenarios.ts'

/** `npm run bench:false-alarms`, reduced: 20 rollouts of 300 ticks each, always the same ones. */
const runs = 20

describe('of healthy rollouts the guard aborts no more than it promises', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (_name, scenario) => {
    const peaks = Array.from({ length: runs }, (_, at) => peakOf(scenario, 1000 + at, 300))
    expect(peaks.filter((peak) => peak >= Math.log(20)).length / runs).toBeLessThanOrEqual(0.05)
    expect(peaks.filter((peak) => peak >= Math.log(1000)).length).toBe(0)
  })
})
