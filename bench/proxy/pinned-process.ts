/** A process on the proxies' core, and what Linux says about it (proc(5)). */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export const proxyCore = 0
export const loadCore = 1

/** Moves this process and all of its threads to the load's core. */
export function pinSelf(): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(loadCore), String(process.pid)])
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Ends what was started beside it. */
  readonly close?: () => void
}

export class PinnedProcess {
  private readonly child: ChildProcess
  private output = ''

  constructor({ command, args, env }: Command) {
    this.child = spawn('taskset', ['-c', String(proxyCore), command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    const keep = (chunk: Buffer): void => void (this.output = (this.output + chunk.toString()).slice(-4000))
    this.child.stdout?.on('data', keep)
    this.child.stderr?.on('data', keep)
    this.child.on('error', (error) => keep(Buffer.from(String(error))))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Why it cannot answer any more, with its last words; undefined while it runs. */
  get failure(): string | undefined {
    const { exitCode, signalCode } = this.child
    return exitCode === null && signalCode === null ? undefined : `it ended with ${exitCode ?? signalCode}: ${this.output.trim().split('\n').slice(-3).join(' | ')}`
  }

  /** CPU time of user and kernel since the start, microseconds: the process and its children, all threads. */
  cpuUs(): number {
    return familyOf(this.pid).reduce((sum, pid) => sum + cpuTicks(pid) * 10_000, 0)
  }

  /** Resident memory, MiB: the process and its children. */
  rssMiB(): number {
    return familyOf(this.pid).reduce((sum, pid) => sum + residentKib(pid), 0) / 1024
  }

  async stop(): Promise<void> {
    if (this.failure !== undefined) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    // Nothing is in flight any more: nobody has to drain.
    for (const pid of familyOf(this.pid)) kill(pid)
    await ended
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** The process and those that it started. */
function familyOf(pid: number): readonly number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number))
    return [pid, ...children.flatMap(familyOf)]
  } catch {
    return []
  }
}

/** Fields 14 and 15 of stat, in ticks of 10 ms (USER_HZ is 100 on every Linux that Node runs on). */
function cpuTicks(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return 0
  }
}

function residentKib(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
