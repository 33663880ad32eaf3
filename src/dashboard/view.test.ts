import { describe, expect, it } from 'vitest'
import { renderLine, renderView, type View } from './view.ts'

const view: View = {
  canary: 'demo/podinfo',
  phase: 'Progressing',
  elapsedMs: 83_400,
  headline: 'Releasing v2',
  primary: { readyPods: 2, version: 'v1', weightPercent: 70, requests: 1400, successRatePercent: 100, p99Ms: 4.25 },
  canaryTrack: { readyPods: 1, version: 'v2', weightPercent: 30, requests: undefined, successRatePercent: undefined, p99Ms: undefined },
  sent: 2000,
  failed: 0,
  events: Array.from({ length: 12 }, (_, index) => `event ${index}${index === 10 ? ' long'.repeat(30) : ''}`),
}

describe('the live view', () => {
  const lines = renderView(view, false)

  it('shows both tracks with weight, success rate and p99', () => {
    expect(lines.find((line) => line.includes('primary'))).toMatch(/v1 .* 70 % +1400 +100\.00% +4\.3ms$/)
    expect(lines.find((line) => line.startsWith('  canary'))).toMatch(/v2 .* 30 % +- +- +-$/)
  })

  it('draws bars of one length whose filled parts add up', () => {
    const filled = lines.join('').split('').filter((char) => char === '█').length
    expect(filled).toBe(30)
  })

  it('keeps the newest events only', () => {
    expect(lines.join('\n')).not.toContain('event 3')
    expect(lines.at(-1)).toContain('event 11')
  })

  it('has no control characters without colour', () => expect(lines.join('')).not.toContain('\u001B'))

  it('fits 100 columns', () => expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100))

  it('says the same in one line where there is no terminal', () =>
    expect(renderLine(view)).toBe(' 1m23s Progressing | primary v1 70% success=100.00% p99=4.3ms | canary v2 30% success=- p99=- | sent=2000 failed=0'))
})
