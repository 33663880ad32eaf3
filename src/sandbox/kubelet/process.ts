import { spawn } from 'node:child_process'
import { describeError } from '../../base/errors.ts'
import type { ContainerLog } from './logs.ts'
import type { Reaper } from './reaper.ts'

/** One run of a container: an operating system process with a group of its own. */
export interface ContainerProcess {
  readonly pid: number
  readonly exited: Promise<Exit>
  signal(name: 'SIGTERM' | 'SIGKILL'): void
}

export interface Exit {
  readonly code: number
  readonly signal: number
  readonly at: Date
}

export interface Command {
  readonly argv: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** Starts the command with its output going to `log`. An error is the text that the container runtime would give. */
export async function startProcess(command: Command, log: ContainerLog, reaper: Reaper): Promise<ContainerProcess | Error> {
  const [program, ...args] = command.argv
  const child = spawn(program, args, { env: { ...command.env }, cwd: command.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const { pid } = child
  if (pid === undefined) {
    const cause = await new Promise<unknown>((resolve) => child.once('error', resolve))
    return new Error(`failed to create containerd task: exec: "${program}": ${describeError(cause)}`)
  }
  reaper.add(pid)
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => log.write(chunk))
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      // What the program left behind in its group dies with it, as the rest of a container does with its first process.
      killGroup(pid, 'SIGKILL')
      reaper.remove(pid)
      const number = signal === null ? 0 : (signalNumbers[signal] ?? 0)
      resolve({ code: code ?? 128 + number, signal: number, at: new Date() })
    })
  })
  child.once('close', () => log.close())
  return { pid, exited, signal: (name) => (name === 'SIGKILL' ? killGroup(pid, name) : void child.kill(name)) }
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

function killGroup(pid: number, name: 'SIGKILL'): void {
  try {
    process.kill(-pid, name)
  } catch {
    // Nobody is left in the group.
  }
}

/** Runs a short command to its end, as for an exec probe. The result is its exit code and the end of its output. */
export async function runCommand(command: Command, timeoutMs: number, reaper: Reaper): Promise<{ readonly code: number; readonly output: string }> {
  const [program, ...args] = command.argv
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...command.env }, cwd: command.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const { pid } = child
    let output = ''
    let isLate = false
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-1024)))
    if (pid !== undefined) reaper.add(pid)
    const timer = setTimeout(() => {
      isLate = true
      if (pid !== undefined) killGroup(pid, 'SIGKILL')
    }, timeoutMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      resolve({ code: 127, output: error.message })
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      if (pid !== undefined) reaper.remove(pid)
      resolve(isLate ? { code: 124, output: `command timed out after ${timeoutMs / 1000}s` } : { code: code ?? 137, output })
    })
  })
}
