import { Command } from 'commander'

/** The command line: names, options and help texts. What a command does is handed in by the composition root (src/bin/). */
export function buildProgram(version: string, commands: readonly Command[]): Command {
  const program = new Command('kinglet')
    .description('Progressive delivery for Kubernetes without a service mesh.')
    .version(version, '-v, --version')
    .showHelpAfterError('(add --help for usage)')
  for (const command of commands) program.addCommand(command)
  return program
}
