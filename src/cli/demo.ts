import { Command } from 'commander'

export interface DemoOptions {
  /** The figures as one JSON object in the last line of stdout; progress goes to stderr. */
  readonly json?: boolean
  /** Keeps the sandbox's files there; a temporary folder otherwise. */
  readonly dir?: string
}

/** `kinglet demo`. The action's number is the exit code. */
export function buildDemoCommand(run: (options: DemoOptions) => Promise<number>): Command {
  return new Command('demo')
    .description('Play a good and a bad release on a sandbox cluster, in about a minute.')
    .option('--json', 'print one JSON object with the figures as the last line of stdout, progress to stderr')
    .option('--dir <path>', 'keep the files of the sandbox cluster there (default: a temporary folder)')
    .addHelpText(
      'after',
      `
A Kubernetes API, the controller and the webhook start as processes of this
machine and end with the demo. A Deployment is adopted by one annotation; v2 is
promoted step by step; v3 fails a share of its requests and is rolled back.

Exit code: 0 if both releases ended as they should, 1 otherwise.`,
    )
    .action(async (options: DemoOptions) => {
      process.exitCode = await run(options)
    })
}
