/**
 * `npm run test:bun [-- FILES]`: the tests of what runs in pods, on the runtime that it has there. Ends with the line that ends `npm test`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
const asked = process.argv.slice(2)
const files = asked.length > 0 ? asked : ['./src/proxy', './src/routing', './src/metrics', './src/runtime', './src/base', './src/api/codec.test.ts', './src/api/histogram.test.ts']

const folder = mkdtempSync(join(tmpdir(), 'kinglet-bun-'))
const report = join(folder, 'report.xml')
// Half of their time they wait for sockets and timers.
const options = ['--preload', './test/bun/preload.ts', '--timeout', '30000', '--parallel=4', '--reporter=junit', `--reporter-outfile=${report}`]
const bun = spawn(findBun(), ['test', ...options, ...files], { cwd: root, stdio: 'inherit' })
const [code] = (await once(bun, 'exit')) as [number | null]
const { tests, failures, skipped } = readTotals()
rmSync(folder, { recursive: true })
if (skipped > 0) console.log(`${skipped} skipped here, each with its reason`)
console.log(`${tests - failures - skipped} passed, ${failures} failed`)
process.exitCode = tests === 0 ? 1 : (code ?? 1)

function readTotals(): Record<'tests' | 'failures' | 'skipped', number> {
  const [, head = ''] = /<testsuites ([^>]*)>/.exec(readFileSync(report, 'utf8')) ?? []
  const read = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0)
  return { tests: read('tests'), failures: read('failures'), skipped: read('skipped') }
}

function findBun(): string {
  const cpu = process.arch === 'arm64' ? 'aarch64' : process.arch
  return createRequire(import.meta.url).resolve(`@oven/bun-${process.platform}-${cpu}/bin/bun`)
}
