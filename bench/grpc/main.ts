/**
 * Unary gRPC calls over HTTP/2 without TLS: CPU per call of the sidecar beside Envoy's. h2load calls over ten connections with ten
 * streams each, nghttpd answers with a message and trailers, both on core 1; the proxy has core 0. Rounds alternate; medians count.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { envoy } from '../proxy/peers/envoy.ts'
import { kinglet } from '../proxy/peers/kinglet.ts'
import { findProgram, installHint, type Peer } from '../proxy/peers/peer.ts'
import { loadCore, PinnedProcess } from '../proxy/pinned-process.ts'

const rounds = 3
const calls = 60_000
const warmUp = 20_000
const appPort = 24_090
const proxyPort = 24_080
/** A message of 64 bytes with gRPC's five in front, each way. */
const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 'x')])

const folder = mkdtempSync(join(tmpdir(), 'kinglet-bench-'))
const bodyFile = join(folder, 'call')
writeFileSync(bodyFile, message)
mkdirSync(join(folder, 'bench.Service'))
writeFileSync(join(folder, 'bench.Service', 'Unary'), message)

/** Calls, and what h2load says of them. */
async function load(port: number, count: number): Promise<string> {
  const args = ['-c', String(loadCore), 'h2load', '-n', String(count), '-c', '10', '-m', '10', '-d', bodyFile, '-H', 'content-type: application/grpc', '-H', 'te: trailers', `http://127.0.0.1:${port}/bench.Service/Unary`]
  const { stdout } = await promisify(execFile)('taskset', args)
  if (!stdout.includes(`${count} succeeded`)) throw new Error(`not every call succeeded: ${stdout}`)
  return stdout
}

async function isOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const isConnected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.unref()
      setTimeout(() => socket.destroy(), 50).unref()
    })
    if (isConnected) return
    await sleep(20)
  }
  throw new Error(`nothing listens at port ${port}`)
}

interface Sample {
  readonly cpuUs: number
  readonly callsPerSecond: number
  readonly rssMiB: number
}

async function measure(peer: Peer): Promise<Sample> {
  const command = await peer.prepare({ primary: appPort, canary: appPort, port: proxyPort, folder, speaksHttp2: true })
  const proxy = new PinnedProcess(command)
  try {
    await isOpen(proxyPort).catch((error: unknown) => {
      throw new Error(`${peer.name} does not answer: ${proxy.failure ?? 'it runs'}`, { cause: error })
    })
    await load(proxyPort, warmUp)
    const before = proxy.cpuUs()
    const text = await load(proxyPort, calls)
    return { cpuUs: (proxy.cpuUs() - before) / calls, callsPerSecond: Number(/, ([\d.]+) req\/s/.exec(text)?.[1]), rssMiB: proxy.rssMiB() }
  } finally {
    await proxy.stop()
    command.close?.()
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

for (const program of ['h2load', 'nghttpd']) if (findProgram(program) === undefined) throw new Error(`no program ${program}: ${installHint}`)
const app = spawn('taskset', ['-c', String(loadCore), 'nghttpd', '--no-tls', '-a', '127.0.0.1', '-d', folder, '--trailer', 'grpc-status: 0', String(appPort)], { stdio: 'ignore' })
try {
  execFileSync('taskset', ['-a', '-p', '-c', String(loadCore), String(process.pid)])
  await isOpen(appPort)
  const peers = [kinglet, envoy].filter((peer) => {
    const missing = peer.missing()
    if (missing !== undefined) console.log(`${peer.name} is left out: ${missing}`)
    return missing === undefined
  })
  const samples = new Map<string, Sample[]>(peers.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) for (const peer of peers) samples.get(peer.name)?.push(await measure(peer))
  console.log('| proxy | CPU µs/call | calls/s | RSS MiB |\n|---|---|---|---|')
  for (const [name, all] of samples) console.log(`| ${name} | ${median(all.map(({ cpuUs }) => cpuUs)).toFixed(1)} | ${median(all.map(({ callsPerSecond }) => callsPerSecond)).toFixed(0)} | ${median(all.map(({ rssMiB }) => rssMiB)).toFixed(0)} |`)
} finally {
  app.kill()
  rmSync(folder, { recursive: true, force: true })
}
