import { err, ok, type Result } from './result.ts'

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * Milliseconds in a Go duration: `1m30s`, `500ms`, `1.5h`, `0`. Go's time.ParseDuration without a sign.
 * Anything else is an error that quotes the text.
 */
export function parseDurationMs(text: string): Result<number> {
  if (text === '0') return ok(0)
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return err(`"${text}" is not a duration such as 30s or 1m30s`)
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  return ok(total)
}

/** Go's time.Duration.String for whole milliseconds: 1515 → `1.515s`, 500 → `500ms`, 90000 → `1m30s`. Flagger's events print durations so. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = (ms % 60_000) / 1000
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`
}
