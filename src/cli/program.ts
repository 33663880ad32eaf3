import { Command } from 'commander'
import { AppError, describeError } from '../base/errors.ts'

/** The command line: names, options and help texts. What a command does is handed in by the composition root (src/bin/). */
export function buildProgram(version: string, commands: readonly Command[]): Command {
  const program = new Command('kinglet')
    .description('Progressive delivery for Kubernetes without a service mesh.')
    .version(version, '-v, --version')
    .showHelpAfterError('(add --help for usage)')
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program))
  return program
}

/** Runs what the command line asks for, on a Node.js of this version. Ends the process with 1 and says why when it cannot. */
export async function runProgram(program: Command, argv: readonly string[], nodeVersion: string): Promise<void> {
  try {
    requireNode(nodeVersion)
    await program.parseAsync([...argv])
  } catch (error) {
    process.stderr.write(`${failureText(error)}\n`)
    // What was half started, such as the first of several ports, would keep the process.
    process.exit(1)
  }
}

/** What a person reads: one line for what was foreseen, the stack for a fault of ours. */
export function failureText(error: unknown): string {
  if (error instanceof AppError && error.code !== 'INVARIANT') return `error: ${describeError(error)}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The first with zstd in node:zlib, which the client for Kubernetes wants. The npm scripts bring a newer one. */
const oldestNode = [22, 15] as const

/** Throws AppError NODE_TOO_OLD. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  throw new AppError('NODE_TOO_OLD', `kinglet needs Node.js ${oldestNode.join('.')} or newer, this is ${version}. In a checkout "npx kinglet" uses the one that npm ci has installed.`)
}
