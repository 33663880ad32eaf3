/**
 * What a bad version costs: `npm run bench:judge`. On the cluster that KUBECONFIG leads to, with Kinglet installed and the images of
 * the end-to-end suites on its node; without KUBECONFIG on a sandbox of its own. The same app, load and weight, with the guard and with
 * Flagger's checks alone. Counted is what the client saw; beside it stands what the simulation of the guard expects.
 */
import { parseArgs } from 'node:util'
import { defaultGuardSettings, type GuardSettings } from '../../src/analysis/guard/settings.ts'
import { randomOf } from '../../src/analysis/guard/simulation.testkit.ts'
import { createClient } from '../../src/kube/client.ts'
import { loadKubeConfig } from '../../src/kube/config.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { releaseRepeatedly, type Cost, type Trial } from './releases.ts'
import { bareSettings, mean, untilAbort } from './until-abort.ts'

const { values } = parseArgs({
  options: {
    rps: { type: 'string', default: '100' },
    weight: { type: 'string', default: '5' },
    /** Share of the bad version's requests that fail, percent. */
    failing: { type: 'string', default: '100' },
    /** The same of the good version: that of the table. */
    base: { type: 'string', default: '0.1' },
    /** Releases with the guard. Of a version that fails now and then one says little: the deviation is two thirds of the mean. */
    runs: { type: 'string', default: '1' },
    /** Of the run without a guard; the reference manifest has 60. */
    'plain-interval': { type: 'string', default: '5' },
    'skip-plain': { type: 'boolean', default: false },
  },
})
const [rps, weight, failing, base, runs, plainSeconds] = [values.rps, values.weight, values.failing, values.base, values.runs, values['plain-interval']].map(Number) as [number, number, number, number, number, number]
const flaggerSeconds = 60
const threshold = 5
const write = (line: string): void => void process.stdout.write(`${line}\n`)

const trial = (namespace: string, analysis: Trial['analysis'], releases: number): Trial => ({ namespace, requestsPerSecond: rps, failingPercent: failing, basePercent: base, releases, analysis })
/** A step that only the guard ends: 2 % of ten requests a second are none in five seconds often enough, and a check would promote the version. */
const guarded = { interval: '5s', threshold: 1000, stepWeight: weight, maxWeight: weight, advance: 'evidence' }
const plain = { interval: `${plainSeconds}s`, threshold, stepWeight: weight, maxWeight: weight, guard: { enabled: false } }

function expectation(settings: GuardSettings): string {
  const random = randomOf(1)
  const fault = { share: weight / 100, rate: base / 100, canaryRate: failing / 100, requests: rps, isPoisson: true }
  const stops = Array.from({ length: 400 }, () => untilAbort(fault, settings, random))
  const seconds = stops.map((stop) => stop.seconds).toSorted((a, b) => a - b)
  return `${mean(seconds).toFixed(1)} s (nine of ten: ${seconds[20]} to ${seconds[380]}), ${mean(stops.map(({ victims }) => victims)).toFixed(1)} failed requests`
}

const costText = ({ outcome, failedRequests, others, firstToLastSeconds, fromWeightSeconds, sentPerSecond }: Cost): string =>
  `${outcome}: ${failedRequests} failed requests, ${firstToLastSeconds.toFixed(2)} s from first to last, the last ${fromWeightSeconds.toFixed(1)} s after the weight; ${Math.round(sentPerSecond)} requests/s${Object.keys(others).length > 0 ? `; no answer to ${JSON.stringify(others)}` : ''}`

const sandbox = process.env['KUBECONFIG'] === undefined ? await startSandbox() : undefined
await sandbox?.installKinglet()
const kubeconfig = sandbox?.kubeconfigPath ?? process.env['KUBECONFIG'] ?? ''
const client = createClient(loadKubeConfig({ kubeconfig }), systemClock, { fieldManager: 'bench', timeoutMs: 20_000 })
try {
  write(`${sandbox ? 'sandbox' : 'real cluster'}: ${rps} requests/s, weight ${weight} %, v2 fails ${failing} % of its requests, v1 ${base} %`)
  write(`simulated       by default ${expectation(defaultGuardSettings)}; the bare test ${expectation(bareSettings(defaultGuardSettings.alpha))}`)
  const costs = await releaseRepeatedly(client, trial(`judge-${process.pid}-guard`, guarded, runs), (cost) => write(`guard           ${costText(cost)}\n                ${cost.explanation}`))
  const ended = costs.filter(({ outcome }) => outcome === 'rolled back')
  if (runs > 1 && ended.length > 0) {
    const of = (pick: (cost: Cost) => number): number => mean(ended.map(pick))
    write(`guard, mean of ${ended.length}  ${of((cost) => cost.failedRequests).toFixed(1)} failed requests, ${of((cost) => cost.firstToLastSeconds).toFixed(1)} s from first to last, the last ${of((cost) => cost.fromWeightSeconds).toFixed(1)} s after the weight`)
  }
  if (!values['skip-plain']) {
    const [cost] = await releaseRepeatedly(client, trial(`judge-${process.pid}-plain`, plain, 1))
    const factor = flaggerSeconds / plainSeconds
    if (cost) write(`checks alone    ${costText(cost)}; interval ${plainSeconds} s, threshold ${threshold}`)
    if (cost && factor !== 1) write(`  with interval 1m: about ${Math.round(cost.failedRequests * factor)} failed requests, ${Math.round(cost.firstToLastSeconds * factor)} s (${factor} times as much)`)
  }
} finally {
  client.connection.close()
  await sandbox?.stop()
}
