/**
 * By how much reports and scrapes move the 99.9th percentile of the requests beside them: at half of what the sidecar can do, open loop.
 * Requests that were due around an event are left out, and the percentile of the others is what it were without the event. On a
 * machine that is never quite still, whatever is left out lowers it; so as many requests half-way between two events are left out for
 * comparison. Both are of one run: what the machine does meanwhile hits them alike, which runs in turn do not achieve.
 */
import type { Contender } from './contender.ts'
import type { Answer } from './load/messages.ts'
import type { LoadProcess } from './load-process.ts'
import { median } from './results.ts'
import { workloads } from './workloads.ts'

const warmSeconds = 4
/** A request that was due so long before an event, or so long after it, may have felt it. Milliseconds. */
const window = { beforeMs: 10, afterMs: 90 } as const

export interface Disturbance {
  readonly rounds: number
  readonly seconds: number
  readonly scrapeEverySeconds: number
}

/** Events, and the time between two of them. Milliseconds since 1970. */
interface Events {
  readonly name: string
  readonly times: readonly number[]
  readonly everyMs: number
}

/** `reports` grows while the sidecar runs: when each came, milliseconds since 1970. Lines for people. */
export async function measureDisturbance(load: LoadProcess, contender: Contender, reports: readonly number[], { rounds, seconds, scrapeEverySeconds }: Disturbance, say: (line: string) => void): Promise<void> {
  const workload = workloads.find(({ name }) => name === 'get')
  const { port, adminPort } = contender
  if (!workload || adminPort === undefined) return
  const closed = await load.run({ kind: 'closed', port, workload, seconds: warmSeconds })
  const rate = closed.requests / closed.seconds / 2
  const everyMs = scrapeEverySeconds * 1000
  say(`${Math.round(rate)} requests a second, ${rounds} rounds of ${seconds} s, a scrape every ${scrapeEverySeconds} s; p99.9 in µs, in brackets without the requests around the events, and around moments half-way between them`)
  const moved = new Map<string, number[]>()
  for (let round = 0; round < rounds; round += 1) {
    const answer = await load.run({ kind: 'open', port, workload, seconds, rate, scrape: { port: adminPort, everyMs } })
    const all = [
      { name: 'reports', times: reports, everyMs: 1000 },
      { name: 'scrapes', times: answer.scrapes ?? [], everyMs },
    ]
    const parts = all.map((events) => {
      const without = p999Without(answer, events, 0)
      const between = p999Without(answer, events, Math.min(events.everyMs / 2, 500))
      moved.set(events.name, [...(moved.get(events.name) ?? []), between - without])
      return `${events.name} [${without.toFixed(0)}, ${between.toFixed(0)}]`
    })
    say(`${answer.p999.toFixed(0)}  ${parts.join('  ')}`)
  }
  for (const [name, differences] of moved) say(`${name} move p99.9 by ${median(differences).toFixed(0)} µs (median; ${differences.map((each) => each.toFixed(0)).join(', ')})`)
}

/** The percentile of the requests that were not due around the events, each moved by `shiftMs`. */
function p999Without({ slowest = [], requests, seconds }: Answer, { times, everyMs }: Events, shiftMs: number): number {
  const isBeside = (dueAt: number): boolean => times.some((time) => dueAt >= time + shiftMs - window.beforeMs && dueAt < time + shiftMs + window.afterMs)
  const others = slowest
    .filter(([dueAt]) => !isBeside(dueAt))
    .map(([, us]) => us)
    .toSorted((one, other) => other - one)
  const windows = Math.floor((seconds * 1000) / everyMs)
  const left = requests * (1 - (windows * (window.beforeMs + window.afterMs)) / (seconds * 1000))
  return others[Math.max(0, Math.floor(left * 0.001))] ?? 0
}
