import { spawn } from 'node:child_process'
import { once } from 'node:events'

const root = new URL('../..', import.meta.url).pathname

/** One way to start the sidecar. */
export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

export const onNode: Program = { name: 'on Node.js', command: process.execPath, args: [`${root}src/bin/kinglet.ts`] }
/** What pods run, Bun with the program in it; `npm run build` makes it. */
export const executable: Program = { name: 'as dist/kinglet-proxy', command: `${root}dist/kinglet-proxy`, args: [] }

export interface Started {
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  signal(name: NodeJS.Signals): void
  /** The exit code, when it has ended. */
  readonly ended: Promise<number | null>
}

export function startProgram({ command, args }: Program, words: readonly string[], { cwd = root, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Started {
  const child = spawn(command, [...args, ...words], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { stdout: () => said.stdout, stderr: () => said.stderr, signal: (name) => child.kill(name), ended }
}
