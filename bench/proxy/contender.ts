/** A proxy in the ring: started, watched, stopped. `direct` has no process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ready } from './load/messages.ts'
import type { Peer } from './peers/peer.ts'
import { PinnedProcess, type Command } from './pinned-process.ts'
import type { Workload, WorkloadName } from './workloads.ts'

const startLimitMs = 10_000
/** Between two tries to reach a proxy that starts. */
const tryEachMs = 2

interface Ports {
  readonly port: number
  readonly grpcPort: number
  /** An empty folder, the contender's own. */
  readonly folder: string
}

export class Contender {
  readonly name: string
  /** Where the client sends its requests in HTTP/1.1. */
  readonly port: number
  private readonly grpcPort: number
  private readonly cannot: Partial<Readonly<Record<WorkloadName, string>>>
  readonly adminPort: number | undefined
  private readonly command: Command | undefined
  private readonly folder: string
  private process: PinnedProcess | undefined

  private constructor(peer: Peer, { port, grpcPort, folder }: Ports, command: Command | undefined) {
    this.name = peer.name
    this.port = port
    this.grpcPort = peer.hasGrpcPort ? grpcPort : port
    this.cannot = peer.cannot ?? {}
    this.adminPort = peer.adminPort
    this.folder = folder
    this.command = command
  }

  /** Writes its configuration. `index` keeps ports apart. */
  static async prepare(peer: Peer, index: number, upstream: Ready): Promise<Contender> {
    const folder = mkdtempSync(join(tmpdir(), 'kinglet-bench-'))
    if (peer.name === 'direct') return new Contender(peer, { port: upstream.primary, grpcPort: upstream.primary, folder }, undefined)
    const ports = { port: 24_100 + index, grpcPort: 24_150 + index, folder }
    return new Contender(peer, ports, await peer.prepare({ ...upstream, ...ports }))
  }

  portFor({ streamsPerConnection }: Workload): number {
    return streamsPerConnection === undefined ? this.port : this.grpcPort
  }

  /** Why it is not asked that; undefined if it is. */
  reasonNot({ name }: Workload): string | undefined {
    return this.cannot[name]
  }

  get isProxy(): boolean {
    return this.command !== undefined
  }

  /** Starts it; milliseconds from exec to the first answered request. */
  async start(): Promise<number> {
    if (this.command === undefined) return 0
    const startedAt = performance.now()
    this.process = new PinnedProcess(this.command)
    while (!(await answers(this.port))) {
      const failure = this.process.failure ?? (performance.now() - startedAt > startLimitMs ? 'it does not answer' : undefined)
      if (failure !== undefined) throw new Error(`${this.name} cannot be measured: ${failure}`)
      await pause(tryEachMs)
    }
    return performance.now() - startedAt
  }

  cpuUs(): number {
    if (this.process?.failure !== undefined) throw new Error(`${this.name}: ${this.process.failure}`)
    return this.process?.cpuUs() ?? 0
  }

  rssMiB(): number {
    return this.process?.rssMiB() ?? 0
  }

  async stop(): Promise<void> {
    await this.process?.stop()
    this.process = undefined
  }

  async dispose(): Promise<void> {
    await this.stop()
    this.command?.close?.()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Whether one request gets a 200 now. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 })
    const end = (answered: boolean): void => {
      socket.destroy()
      resolve(answered)
    }
    socket.on('connect', () => socket.write('GET /small HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n'))
    socket.on('data', (chunk: Buffer) => end(chunk.toString('latin1').startsWith('HTTP/1.1 200')))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
    socket.on('close', () => end(false))
  })
}
