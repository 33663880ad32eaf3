/** `npm run bench:proxy`: puts the proxies in a row and measures them. bench/README.md says what and why. */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { judge, mostMemory, type Memory } from './bars.ts'
import { Contender } from './contender.ts'
import { startLoad, type LoadProcess } from './load-process.ts'
import { measureDisturbance } from './disturbance.ts'
import { measureWorkload } from './measure.ts'
import { help, readOptions, type Options } from './options.ts'
import { peers } from './peers/all.ts'
import { otherBuild, watchedKinglet } from './peers/kinglet.ts'
import { pinSelf } from './pinned-process.ts'
import { median, type Missing, type ProcessResult, type Results, type WorkloadResult } from './results.ts'
import { holdConnections, soak } from './soak.ts'
import { renderResults } from './table.ts'
import { workloads } from './workloads.ts'

/** What a proxy does after its start is over by then. */
const settleMs = 2000
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const options = readOptions(process.argv.slice(2))
if (options) await run(options)
else process.stdout.write(`${help}\n`)

async function run(wanted: Options): Promise<void> {
  pinSelf()
  const load = await startLoad()
  try {
    if (wanted.soakSeconds !== undefined || wanted.connections !== undefined || wanted.disturbance) {
      await examineSidecar(load, wanted)
      return
    }
    const results = await compare(load, wanted)
    process.stdout.write(`${renderResults(results)}\n`)
    if (wanted.json !== undefined) writeFileSync(wanted.json, `${JSON.stringify(results, undefined, 2)}\n`)
  } finally {
    load.stop()
  }
}

async function compare(load: LoadProcess, wanted: Options): Promise<Results> {
  const known = [...peers, ...(wanted.against === undefined ? [] : [otherBuild(wanted.against)])]
  const chosenWorkloads = choose(workloads, wanted.only)
  const chosen = choose(known, wanted.only)
  const unknown = wanted.only.filter((name) => ![...known, ...workloads].some((each) => each.name === name))
  if (unknown.length > 0) throw new Error(`--only knows no ${unknown.join(', ')}; see --help`)
  const missing: Missing[] = []
  const contenders: Contender[] = []
  try {
    for (const peer of chosen) {
      const reason = peer.missing()
      if (reason === undefined) contenders.push(await Contender.prepare(peer, contenders.length, load.ports))
      else missing.push({ name: peer.name, reason })
    }
    const all = await startAll(contenders, wanted.starts, missing)
    const processes = all.filter(({ contender }) => !missing.some(({ name }) => name === contender.name))
    const running = processes.map(({ contender }) => contender)
    const results: WorkloadResult[] = []
    for (const workload of chosenWorkloads) {
      say(`${workload.name} …`)
      results.push(await measureWorkload(load, running, workload, wanted))
      for (const { contender, loaded } of processes) loaded.push({ workload: workload.name, mib: contender.rssMiB() })
    }
    const summaries = processes.flatMap(({ contender, starts, idleMiB, loaded }): ProcessResult[] =>
      contender.isProxy ? [{ name: contender.name, startMs: median(starts), idleMiB, ...mostMemory(loaded) }] : [],
    )
    return { node: process.version, cpu: cpus()[0]?.model ?? 'unknown CPU', rounds: wanted.rounds, seconds: wanted.seconds, missing, processes: summaries, workloads: results, bars: judge(results, summaries) }
  } finally {
    for (const contender of contenders) await contender.dispose()
  }
}

async function examineSidecar(load: LoadProcess, wanted: Options): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  const reports: number[] = []
  const contender = await Contender.prepare(
    watchedKinglet(() => reports.push(performance.timeOrigin + performance.now())),
    0,
    load.ports,
  )
  try {
    await contender.start()
    await pause(settleMs)
    print(`idle ${contender.rssMiB().toFixed(1)} MiB`)
    if (wanted.connections !== undefined) await holdConnections(contender, wanted.connections, print)
    if (wanted.disturbance) await measureDisturbance(load, contender, reports, wanted, print)
    if (wanted.soakSeconds !== undefined) await soak(load, contender, wanted.soakSeconds, print)
  } finally {
    await contender.dispose()
  }
}

/** Those that were asked for; all where none of them was. */
function choose<Named extends { readonly name: string }>(all: readonly Named[], only: readonly string[]): readonly Named[] {
  const chosen = all.filter(({ name }) => only.includes(name))
  return chosen.length > 0 ? chosen : all
}

interface Started {
  readonly contender: Contender
  readonly starts: number[]
  idleMiB: number
  readonly loaded: Memory[]
}

/** Starts each several times in turn, and leaves it running after the last. One that does not start joins the `missing`. */
async function startAll(contenders: readonly Contender[], times: number, missing: Missing[]): Promise<readonly Started[]> {
  const all = contenders.map((contender): Started => ({ contender, starts: [], idleMiB: 0, loaded: [] }))
  for (let time = 0; time < times; time += 1) {
    for (const { contender, starts } of all) {
      if (missing.some(({ name }) => name === contender.name)) continue
      try {
        await contender.stop()
        starts.push(await contender.start())
      } catch (error) {
        missing.push({ name: contender.name, reason: String(error) })
      }
    }
  }
  await pause(settleMs)
  for (const each of all) each.idleMiB = each.contender.rssMiB()
  return all
}
