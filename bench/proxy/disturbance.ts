/**
 * What reports and scrapes do to the requests beside them. Three conditions in turn, at half of what the sidecar can do, open loop: no
 * reports, a report each second, and that with scrapes. The same process is silent and talkative: its controller tells it
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
const warmSeconds = 4

export interface Disturbance {
  readonly rounds: number
  readonly seconds: number
  readonly scrapeEverySeconds: number
}

/** A sidecar whose tick can be set while it runs, milliseconds. */
export interface Steered {
  readonly contender: Contender
  setTick(ms: number): void
}

/** One or more builds in the same rounds. Lines for people. */
export async function measureDisturbance(load: LoadProcess, builds: readonly Steered[], { rounds, seconds, scrapeEverySeconds }: Disturbance, say: (line: string) => void): Promise<void> {
  const workload = workloads.find(({ name }) => name === 'get')
  if (!workload) return
  const cases = builds.flatMap((build) => conditions.map((condition) => ({ build, condition, answers: new Array<Answer>() })))
  let slowest = Number.POSITIVE_INFINITY
  for (const { contender } of builds) {
    const closed = await load.run({ kind: 'closed', port: contender.port, workload, seconds: warmSeconds })
    slowest = Math.min(slowest, closed.requests / closed.seconds)
  }
  const rate = slowest / 2
  for (let round = 0; round < rounds + 1; round += 1) {
    for (const { build, condition, answers } of cases) {
      build.setTick(condition === 'no report' ? never : 1000)
      await pause(settleMs)
      const { port, adminPort } = build.contender
      const answer = await load.run({ kind: 'open', port, workload, seconds, rate, ...(condition === 'reports and scrapes' && adminPort !== undefined ? { scrape: { port: adminPort, everyMs: scrapeEverySeconds * 1000 } } : {}) })
      build.setTick(never)
      // The first round compiles.
      if (round > 0) answers.push(answer)
    }
  }
  say(`${Math.round(rate)} requests a second, ${rounds} rounds of ${seconds} s each, µs; medians, and in brackets the difference of p99.9 round by round`)
  for (const { build, condition, answers } of cases) {
    const quiet = cases.find((other) => other.build === build && other.condition === 'no report')?.answers ?? []
    const [p50, p99, p999] = (['p50', 'p99', 'p999'] as const).map((quantile) => median(answers.map((answer) => answer[quantile])).toFixed(0))
    const differences = answers.map((answer, index) => Math.round(answer.p999 - (quiet[index]?.p999 ?? 0)))
    const change = condition === 'no report' ? '' : `  [${differences.join(', ')}] median ${median(differences)}`
    say(`${build.contender.name.padEnd(8)} ${condition.padEnd(20)} p50 ${p50}  p99 ${p99}  p99.9 ${p999}${change}`)
  }
}
