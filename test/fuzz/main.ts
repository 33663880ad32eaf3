/** Mutated requests and responses through a running sidecar, for as long as one likes. */
import { parseArgs } from 'node:util'
import { seeded } from './mutate.ts'
import { RequestFuzz } from './requests.ts'
import { ResponseFuzz } from './responses.ts'

const help = `Usage: npm run fuzz -- [options]

Sends mutated requests and responses through a running sidecar until the time is over, or something is found. Prints how
many there were, and what was found with its bytes; the exit code is 1 then.

  --seconds <n>  how long (default: 60)
  --seed <n>     the same seed gives the same inputs (default: another each time; it is printed)
  --help         this text`

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: String(Date.now() % 1_000_000_000) }, help: { type: 'boolean', default: false } } })
for (const name of ['seconds', 'seed'] as const) {
  if (values.help || /^\d+$/.test(values[name])) continue
  console.error(`--${name}: "${values[name]}" is not a whole number.\n\n${help}`)
  process.exit(2)
}
if (values.help) {
  console.log(help)
  process.exit(0)
}
const endAt = performance.now() + Number(values.seconds) * 1000
console.log(`seed ${values.seed}`)
const parts = [await RequestFuzz.start(seeded(Number(values.seed))), await ResponseFuzz.start(seeded(Number(values.seed) + 1))]
let lastSaid = performance.now()
while (performance.now() < endAt && parts.every(({ findings }) => findings.length === 0)) {
  await Promise.all(parts.map((part) => part.round(500)))
  if (performance.now() - lastSaid > 30_000) {
    lastSaid = performance.now()
    console.log(`${parts[0]?.inputs} requests, ${parts[1]?.inputs} responses, ${Math.round(process.memoryUsage.rss() / 1e6)} MB`)
  }
}
for (const part of parts) {
  await part.settle()
  await part.stop()
}
const findings = parts.flatMap((part) => part.findings)
for (const { what, text } of findings.slice(0, 20)) console.log(`FOUND ${what}\n  ${JSON.stringify(text)}`)
console.log(`${parts[0]?.inputs} requests and ${parts[1]?.inputs} responses, ${findings.length} findings, seed ${values.seed}`)
process.exitCode = findings.length === 0 ? 0 : 1
