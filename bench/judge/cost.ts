import { parseArgs } from 'node:util'
import { bucketOf } from '../../src/api/histogram.ts'
import { observeTick } from '../../src/analysis/guard/guard.ts'
import { readGuard } from '../../src/analysis/guard/reading.ts'
import { defaultGuardSettings } from '../../src/analysis/guard/settings.ts'
import { binomial, normal, randomOf, tickAt, track } from '../../src/analysis/guard/simulation.testkit.ts'
import { startGuard } from '../../src/analysis/guard/state.ts'
import type { GuardTick, TrackTick } from '../../src/analysis/guard/tick.ts'

/** What it costs to judge many rollouts at 1 Hz: 200 requests a second each, both metrics, four named pods, lognormal latencies. */
const { values } = parseArgs({ options: { rollouts: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '60' }, json: { type: 'boolean', default: false } } })
const [rollouts, seconds] = [Number(values.rollouts), Number(values.seconds)]

const random = randomOf(1)
function counted(requests: number): TrackTick {
  const counts = new Map<number, number>()
  for (let left = requests; left > 0; left -= 1) {
    const bucket = bucketOf(50_000 * Math.exp(0.6 * normal(random)))
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  return track(requests, binomial(random, requests, 0.003), [...counts])
}
const sum = (parts: readonly TrackTick[]): TrackTick => track(parts.reduce((total, { requests }) => total + requests, 0), parts.reduce((total, { failures }) => total + failures, 0), parts.flatMap(({ latency }) => latency))

/** Ticks that the rollouts take in turn, made before the clock starts. */
const ticks = Array.from({ length: 97 }, (_, at): GuardTick => {
  const pods = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`web-7d9f8c6b5-${name}wxyz`, counted(5)]))
  return { ...tickAt(at, 0.1, counted(180), sum(Object.values(pods))), canaryPods: pods }
})
const learning = Array.from({ length: 5 }, (_, at) => tickAt(at, 0, counted(200), track(0)))

const collect = (globalThis as { readonly gc?: () => void }).gc
collect?.()
const heapBefore = process.memoryUsage().heapUsed
const states = Array.from({ length: rollouts }, () => learning.reduce(observeTick, startGuard({ ...defaultGuardSettings, alpha: 1e-300 })))
const second = (at: number): void => {
  for (let rollout = 0; rollout < rollouts; rollout += 1) {
    const [state, tick] = [states[rollout], ticks[(at * 31 + rollout) % ticks.length]]
    if (state && tick) states[rollout] = observeTick(state, { ...tick, atMs: 1_700_000_000_000 + at * 1000 })
  }
}
for (let at = 0; at < 10; at += 1) second(at)
const cpuBefore = process.cpuUsage()
for (let at = 10; at < 10 + seconds; at += 1) second(at)
const cpu = process.cpuUsage(cpuBefore)
const cpuAtRead = process.cpuUsage()
for (const state of states) readGuard(state)
const read = process.cpuUsage(cpuAtRead)
collect?.()

const corePercent = (100 * (cpu.user + cpu.system)) / 1e6 / seconds
const result = {
  rollouts,
  simulatedSeconds: seconds,
  corePercent,
  microsecondsPerTick: (cpu.user + cpu.system) / seconds / rollouts,
  microsecondsPerReading: (read.user + read.system) / rollouts,
  heapKibPerRollout: (process.memoryUsage().heapUsed - heapBefore) / 1024 / rollouts,
  checkpointBytes: Math.max(...states.map((state) => JSON.stringify(state).length)),
}
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${rollouts} rollouts at 1 Hz: ${corePercent.toFixed(1)} % of one core (bar: 20 %), ${result.microsecondsPerTick.toFixed(0)} µs a tick, ${result.microsecondsPerReading.toFixed(0)} µs a reading; ${result.heapKibPerRollout.toFixed(1)} KiB of heap a rollout, checkpoint ${result.checkpointBytes} bytes\n`)
process.exitCode = corePercent < 20 ? 0 : 1
