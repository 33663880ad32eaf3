/** The rounds. Each round measures every proxy once, so that whatever else the machine does hits all of them. */
import type { Contender } from './contender.ts'
import type { Answer } from './load/messages.ts'
import type { LoadProcess } from './load-process.ts'
import type { Options } from './options.ts'
import { median, type Missing, type ProxyResult, type Quantiles, type WorkloadResult } from './results.ts'
import type { Workload } from './workloads.ts'

/** Below this share of its core's time a proxy was not what limited the rate. */
const fullShare = 0.93
/** Before each measurement: caches, and the kernel's idea of who is busy. */
const readySeconds = 0.3

interface Sample extends Answer {
  readonly cpuUs: number
}

interface Samples {
  readonly contender: Contender
  readonly closed: Sample[]
  readonly open: { readonly sample: Sample; readonly direct: Answer }[]
}

export async function measureWorkload(load: LoadProcess, contenders: readonly Contender[], workload: Workload, options: Options): Promise<WorkloadResult> {
  const { rounds, seconds } = options
  const all = contenders.filter((contender) => contender.reasonNot(workload) === undefined).map((contender): Samples => ({ contender, closed: [], open: [] }))
  // The load's own code first: of two processes of one build, the one that a cold client had asked first stayed half as dear again. Then what
  // compiles itself while it runs, which takes seconds of every kind of request; what does not gets the same.
  const { warmSeconds } = options
  if (warmSeconds > 0) for (const port of [load.ports.primary, ...all.map(({ contender }) => contender.portFor(workload))]) await load.run({ kind: 'closed', port, workload, seconds: warmSeconds })
  for (let round = 0; round < rounds; round += 1) {
    for (const { contender, closed } of inTurn(all, round)) {
      await load.run({ kind: 'closed', port: contender.portFor(workload), workload, seconds: readySeconds })
      closed.push(await sample(contender, () => load.run({ kind: 'closed', port: contender.portFor(workload), workload, seconds })))
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { contender, closed, open } of inTurn(all, round)) {
      if (!contender.isProxy || hasNoAnswer(closed)) continue
      const rate = median(closed.map(rpsOf)) / 2
      const measured = await sample(contender, () => load.run({ kind: 'open', port: contender.portFor(workload), workload, seconds, rate }))
      const direct = await load.run({ kind: 'open', port: load.ports.primary, workload, seconds: seconds / 2, rate })
      open.push({ sample: measured, direct })
    }
  }
  const unable = contenders.flatMap((contender): Missing[] => {
    const silent = all.some((samples) => samples.contender === contender && hasNoAnswer(samples.closed)) ? 'it answered no request' : undefined
    const reason = contender.reasonNot(workload) ?? silent
    return reason === undefined ? [] : [{ name: contender.name, reason }]
  })
  return { name: workload.name, title: workload.title, proxies: all.filter(({ closed }) => !hasNoAnswer(closed)).map(summarize), unable }
}

/** Every round begins with another proxy. */
const inTurn = <Item>(items: readonly Item[], round: number): readonly Item[] => {
  const first = round % Math.max(1, items.length)
  return [...items.slice(first), ...items.slice(0, first)]
}

async function sample(contender: Contender, run: () => Promise<Answer>): Promise<Sample> {
  const before = contender.cpuUs()
  const answer = await run()
  return { ...answer, cpuUs: contender.cpuUs() - before }
}

const hasNoAnswer = (closed: readonly Sample[]): boolean => closed.every(({ requests }) => requests === 0)
const rpsOf = ({ requests, seconds }: Answer): number => requests / seconds
const cpuOf = ({ cpuUs, requests }: Sample): number => (requests === 0 ? 0 : cpuUs / requests)

function summarize({ contender, closed, open }: Samples): ProxyResult {
  const added = (quantile: keyof Quantiles): number => median(open.map(({ sample: measured, direct }) => measured[quantile] - direct[quantile]))
  return {
    name: contender.name,
    cpuUs: median(closed.map(cpuOf)),
    cpuUsAtHalf: median(open.map(({ sample: measured }) => cpuOf(measured))),
    maxRps: median(closed.map(rpsOf)),
    isClientBound: median(closed.map(({ cpuUs, seconds }) => cpuUs / (seconds * 1e6))) < fullShare,
    added: { p50: added('p50'), p99: added('p99'), p999: added('p999') },
    errors: [...closed, ...open.map(({ sample: measured }) => measured)].reduce((sum, { errors }) => sum + errors, 0),
  }
}
