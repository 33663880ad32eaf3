/**
 * What reports and scrapes do to the requests beside them. Three conditions in turn, at half of what the sidecar can do, open loop: no
 * reports, a report each second, and that with two scrapes a second. The same process is silent and talkative: its controller tells it
 * another tick.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Contender } from './contender.ts'
import type { Answer } from './load/messages.ts'
import type { LoadProcess } from './load-process.ts'
import { median } from './results.ts'
import { workloads } from './workloads.ts'

const conditions = ['no report', 'reports', 'reports and scrapes'] as const
const never = 600_000
const settleMs = 300

export interface Disturbance {
  readonly rounds: number
  readonly seconds: number
}

/** `setTick` publishes a table with that tick, milliseconds. Lines for people. */
export async function measureDisturbance(load: LoadProcess, contender: Contender, setTick: (ms: number) => void, { rounds, seconds }: Disturbance, say: (line: string) => void): Promise<void> {
  const workload = workloads.find(({ name }) => name === 'get')
  const { port, adminPort } = contender
  if (!workload || adminPort === undefined) return
  const closed = await load.run({ kind: 'closed', port, workload, seconds: 2 })
  const rate = closed.requests / closed.seconds / 2
  const answers = new Map<string, Answer[]>(conditions.map((name) => [name, []]))
  for (let round = 0; round < rounds + 1; round += 1) {
    for (const name of conditions) {
      setTick(name === 'no report' ? never : 1000)
      await pause(settleMs)
      const answer = await load.run({ kind: 'open', port, workload, seconds, rate, ...(name === 'reports and scrapes' ? { scrapePort: adminPort } : {}) })
      // The first round loads what renders, and compiles.
      if (round > 0) answers.get(name)?.push(answer)
    }
  }
  const quiet = answers.get('no report') ?? []
  say(`${Math.round(rate)} requests a second, ${rounds} rounds of ${seconds} s each, µs; medians, and in brackets the difference of p99.9 round by round`)
  for (const [name, all] of answers) {
    const [p50, p99, p999] = (['p50', 'p99', 'p999'] as const).map((quantile) => median(all.map((answer) => answer[quantile])).toFixed(0))
    const differences = all.map((answer, index) => Math.round(answer.p999 - (quiet[index]?.p999 ?? 0)))
    say(`${name.padEnd(20)} p50 ${p50}  p99 ${p99}  p99.9 ${p999}${name === 'no report' ? '' : `  [${differences.join(', ')}] median ${median(differences)}`}`)
  }
}
