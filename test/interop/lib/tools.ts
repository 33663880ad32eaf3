import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where install.sh puts what it builds. */
const folder = process.env['KINGLET_INTEROP_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kinglet-interop')

/** A Go program that install.sh built. */
export const goProgram = (name: string): string => join(folder, 'bin', name)
/** The Python that has what requirements.txt names. */
export const python = join(folder, 'venv', 'bin', 'python')
/** A file of test/interop/peers. */
export const peerFile = (name: string): string => new URL(`../peers/${name}`, import.meta.url).pathname

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; after `timeoutMs` it is killed, and `code` is null. */
export function run(program: string, args: readonly string[], { stdin = '', timeoutMs = 60_000 } = {}): Promise<Ran> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A program that does not read its input has closed it.
  child.stdin.on('error', () => undefined).end(stdin)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error(`${program} does not run: test/interop/install.sh gets it`, { cause })))
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
}
