/** podinfo's own metrics: counts by status and a histogram of durations, in Prometheus' text form. */
export interface PodinfoMetrics {
  observe(method: string, path: string, status: number, seconds: number): void
  print(): string
}

const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Series {
  readonly labels: string
  readonly buckets: number[]
  sum: number
  count: number
}

export function createPodinfoMetrics(): PodinfoMetrics {
  const durations = new Map<string, Series>()
  const totals = new Map<number, number>()
  return {
    observe: (method, path, status, seconds) => {
      totals.set(status, (totals.get(status) ?? 0) + 1)
      const labels = `method="${method}",path="${path}",status="${status}"`
      const series = durations.get(labels) ?? { labels, buckets: bounds.map(() => 0), sum: 0, count: 0 }
      durations.set(labels, series)
      for (const [index, bound] of bounds.entries()) if (seconds <= bound) series.buckets[index] = (series.buckets[index] ?? 0) + 1
      series.sum += seconds
      series.count += 1
    },
    print: () => {
      const lines = ['# HELP http_request_duration_seconds Seconds spent serving HTTP requests.', '# TYPE http_request_duration_seconds histogram']
      for (const { labels, buckets, sum, count } of durations.values()) {
        for (const [index, bound] of bounds.entries()) lines.push(`http_request_duration_seconds_bucket{${labels},le="${bound}"} ${buckets[index]}`)
        lines.push(`http_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`)
        lines.push(`http_request_duration_seconds_sum{${labels}} ${sum}`, `http_request_duration_seconds_count{${labels}} ${count}`)
      }
      lines.push('# HELP http_requests_total The total number of HTTP requests.', '# TYPE http_requests_total counter')
      for (const [status, count] of totals) lines.push(`http_requests_total{status="${status}"} ${count}`)
      return `${lines.join('\n')}\n`
    },
  }
}
