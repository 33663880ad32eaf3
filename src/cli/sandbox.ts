import { Command, InvalidArgumentError } from 'commander'

export interface SandboxOptions {
  /** Folder for the sandbox's files; a temporary one otherwise, removed at the end. */
  readonly dir?: string
  /** Port of the API server on 127.0.0.1; a free one otherwise. */
  readonly port?: number
  /** Whether Kinglet is installed. */
  readonly kinglet: boolean
}

/** `kinglet sandbox`. The action runs until it is interrupted; its number is the exit code. */
export function buildSandboxCommand(run: (options: SandboxOptions) => Promise<number>): Command {
  return new Command('sandbox')
    .description('Run a small Kubernetes on this machine, with Kinglet installed, for your own kubectl.')
    .option('--dir <path>', 'keep the files of the cluster there (default: a temporary folder)')
    .option('--port <port>', 'port of the API server on 127.0.0.1 (default: a free one)', parsePort)
    .option('--no-kinglet', 'an empty cluster, without Kinglet')
    .addHelpText(
      'after',
      `
Containers run as processes of this machine, each pod on its own loopback
address. There is no registry: the sandbox has the images kinglet:* (this
program), podinfo:* (an imitation of its interface), and any image whose command
begins with "node". Everything ends with this command: Ctrl-C once to stop,
twice to stop at once. Linux only.`,
    )
    .action(async (options: SandboxOptions) => {
      process.exitCode = await run(options)
    })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError('It is not a port from 1 to 65535.')
  return port
}
