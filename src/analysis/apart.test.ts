import { describe, expect, it } from 'vitest'
import type { SeriesDelta } from '../api/protocol.ts'
import { Apart } from './apart.ts'

const series = (track: SeriesDelta['track'], reason: SeriesDelta['reason'], outcomes: SeriesDelta['outcomes']): SeriesDelta => ({ track, reason, outcomes, latency: [] })

describe('requests that are not compared', () => {
  it('are counted by why they went where they went; those that were drawn, and hops, are not among them', () => {
    const apart = new Apart()
    apart.count({ series: [series('canary', 'direct', { '2xx': 3, '5xx': 1 }), series('canary', 'weight', { '2xx': 9 }), series('canary', 'hop', { '2xx': 9 })] })
    apart.count({ series: [series('canary', 'match', { '2xx': 5, timeout: 2, '4xx': 1 }), series('canary', 'direct', { '2xx': 1 }), series('primary', 'direct', { refused: 1 })] })
    expect(apart.all()).toEqual([
      { reason: 'match', canary: { requests: 8, failures: 2 }, primary: { requests: 0, failures: 0 } },
      { reason: 'direct', canary: { requests: 5, failures: 1 }, primary: { requests: 1, failures: 1 } },
    ])
  })

  it('go on from a checkpoint', () => {
    const before = new Apart()
    before.count({ series: [series('canary', 'mirror', { '2xx': 2 })] })
    const after = new Apart(before.all())
    after.count({ series: [series('canary', 'mirror', { '5xx': 1 })] })
    expect(after.all()).toMatchObject([{ reason: 'mirror', canary: { requests: 3, failures: 1 } }])
  })
})
