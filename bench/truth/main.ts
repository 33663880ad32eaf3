/**
 * `npm run bench:truth`: do the metrics say the truth? A million mixed requests, among them failures, aborts, resets and time-outs, from
 * clients that keep their own book. Sidecars, apps and clients share this process, so that the exact latency of each request can be
 * noted where it is recorded. Exits with 1 where a count differs, or a quantile by more than the histogram's error.
 */
import { parseArgs } from 'node:util'
import { TrafficBook } from '../../src/metrics/recorder.ts'
import { startMixedRun } from '../../src/proxy/testing/mixed-run.ts'

const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' }, clients: { type: 'string', default: '90' } } })
const requests = Number(values.requests)
const clients = Number(values.clients)
/** Two significant digits of HdrHistogram: 1/128 of a value at most; whole microseconds below. */
const largestError = 1 / 128

/** Every latency as it was given to the book, milliseconds, by `track reason outcome`. */
const exact = new Map<string, number[]>()
const isOfCanarysSidecar = (reason: string): boolean => reason === 'hop'
// oxlint-disable-next-line typescript/unbound-method -- it is called with its book below
const record = TrafficBook.prototype.record
TrafficBook.prototype.record = function noteAndRecord(this: TrafficBook, ...args: Parameters<typeof record>): void {
  const [track, reason, outcome, latencyMs] = args
  if (!isOfCanarysSidecar(reason)) {
    const series = `${track} ${reason} ${outcome}`
    const latencies = exact.get(series) ?? []
    exact.set(series, latencies)
    latencies.push(latencyMs)
  }
  record.apply(this, args)
}

const run = await startMixedRun()
const startedAt = performance.now()
const { book, counted } = await run.play(requests, clients)
const seconds = (performance.now() - startedAt) / 1000
const { requests: series } = await run.rig.stats()
await run.close()

let faults = 0
const judge = (isTrue: boolean): string => {
  if (!isTrue) faults += 1
  return isTrue ? '' : 'DIFFERS'
}
const sent = Object.values(book.counts).reduce((sum, count) => sum + count, 0)
console.log(`${sent} requests by ${clients} clients in ${seconds.toFixed(0)} s\n\n| series | clients’ book | sidecar | |\n|---|---:|---:|---|`)
for (const entry of [...new Set([...Object.keys(book.counts), ...Object.keys(counted)])].toSorted()) {
  const [expected, found] = [book.counts[entry] ?? 0, counted[entry] ?? 0]
  console.log(`| ${entry} | ${expected} | ${found} | ${judge(expected === found)} |`)
}
console.log('\n| series | p50 exact, ms | sidecar | p99 exact, ms | sidecar | |\n|---|---:|---:|---:|---:|---|')
for (const { track, reason, outcome, p50Ms, p99Ms } of series) {
  const sorted = Float64Array.from(exact.get(`${track} ${reason} ${outcome}`) ?? []).sort()
  const at = (q: number): number => sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN
  const isNear = (found: number, expected: number): boolean => Math.abs(found - expected) <= Math.max(0.001, expected * largestError)
  console.log(`| ${track} ${reason} ${outcome} | ${at(0.5).toFixed(3)} | ${p50Ms.toFixed(3)} | ${at(0.99).toFixed(3)} | ${p99Ms.toFixed(3)} | ${judge(isNear(p50Ms, at(0.5)) && isNear(p99Ms, at(0.99)))} |`)
}
console.log(faults === 0 ? '\nEvery count is the same, every quantile within the error.' : `\n${faults} differ.`)
process.exitCode = faults === 0 ? 0 : 1
