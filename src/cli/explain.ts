import { Command, Option } from 'commander'

export interface ExplainOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly output: 'text' | 'json' | 'yaml'
}

/** `kinglet explain`. Reads and decides nothing. Exit codes: 0 it was explained, 1 it could not be read. */
export function buildExplainCommand(run: (canary: string, options: ExplainOptions) => Promise<void>): Command {
  return new Command('explain')
    .description('Say why a Canary is where it is: the last verdict with its counts, the guard’s evidence, the pods.')
    .argument('<canary>', 'name of the Canary')
    .addOption(new Option('-n, --namespace <name>', 'its namespace (default: the kubeconfig’s)'))
    .addOption(new Option('--kubeconfig <path>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)'))
    .addOption(new Option('--context <name>', 'context of the kubeconfig'))
    .addOption(new Option('-o, --output <format>', 'text for people; json and yaml: the record as it is').choices(['text', 'json', 'yaml']).default('text'))
    .addHelpText('after', '\nExit codes: 0 explained, 1 not found or the cluster cannot be read.\nExample: kinglet explain podinfo -n shop -o json | jq .analysis.guard.riskRatio')
    .action(async (canary: string, options: ExplainOptions) => run(canary, options))
}
