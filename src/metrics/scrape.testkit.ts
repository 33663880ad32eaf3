import { expect } from 'vitest'

const sample = /^([a-z_]+)(?:\{((?:[a-z]+="[^"\\\n]*",?)+)\})? (\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/

/**
 * Holds a scrape to Prometheus' text format and to itself: each family once and whole, buckets that rise to the count, and as many requests in the
 * counters as in the histograms. Gives their number.
 */
export function expectAddsUp(text: string): number {
  const values = new Map<string, number>()
  const families = new Set<string>()
  for (const block of text.trimEnd().split('\n\n')) {
    const [help = '', type = '', ...lines] = block.split('\n')
    const name = /^# HELP ([a-z_]+) \S/.exec(help)?.[1] ?? ''
    expect(type).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`))
    expect(families).not.toContain(name)
    families.add(name)
    for (const line of lines) {
      const [, metric = '', labels = '', value] = sample.exec(line) ?? []
      expect(type.endsWith('histogram') ? metric.replace(/_(bucket|sum|count)$/, '') : metric, line).toBe(name)
      expect(values, line).not.toContain(`${metric} ${labels}`)
      values.set(`${metric} ${labels}`, Number(value))
    }
  }
  const of = (metric: string): readonly (readonly [labels: string, value: number])[] => [...values].filter(([key]) => key.startsWith(`${metric} `)).map(([key, value]) => [key.slice(metric.length + 1), value])
  const counted = of('http_request_duration_seconds_count')
  for (const [labels, count] of counted) {
    const buckets = of('http_request_duration_seconds_bucket').filter(([key]) => key.startsWith(`${labels},le=`)).map(([, value]) => value)
    expect(buckets).toEqual(buckets.toSorted((one, other) => one - other))
    expect(buckets.length).toBe(16)
    expect(buckets.at(-1)).toBe(count)
    expect(values.has(`http_request_duration_seconds_sum ${labels}`)).toBe(true)
  }
  const total = counted.reduce((sum, [, count]) => sum + count, 0)
  expect(of('kinglet_requests_total').reduce((sum, [, count]) => sum + count, 0)).toBe(total)
  return total
}
