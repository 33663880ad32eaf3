import { Command, InvalidArgumentError, Option } from 'commander'
import { logLevelOption, parsePort, sidecarOptions, type SidecarFlags } from './sidecar-options.ts'

export interface WebhookFlags extends SidecarFlags {
  readonly port: number
  readonly healthPort: number
  readonly tlsDir: string
  readonly namespace: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly drain: number
}

/** `kinglet webhook`. Resolves when the webhook has stopped. */
export function buildWebhookCommand(run: (flags: WebhookFlags) => Promise<void>): Command {
  const command = new Command('webhook')
    .description('Answer the admission reviews of the API server: hold replicas, add sidecars, keep Services wired.')
    .addOption(new Option('--port <port>', 'port for admission reviews (TLS)').default(9443).argParser(parsePort))
    .addOption(new Option('--health-port <port>', 'port for /healthz and /readyz').default(9080).argParser(parsePort))
    .addOption(new Option('--tls-dir <path>', 'folder with tls.crt, tls.key and ca.crt').default('/etc/kinglet/tls').env('KINGLET_TLS_DIR'))
    .addOption(new Option('--namespace <name>', 'namespace of Kinglet').default('kinglet-system').env('POD_NAMESPACE'))
    .addOption(new Option('--drain <seconds>', 'how long requests are taken after SIGTERM').default(15).argParser(seconds))
  for (const option of [...sidecarOptions(), logLevelOption()]) command.addOption(option)
  return command.action(async (flags: WebhookFlags) => run(flags))
}

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 3600)) throw new InvalidArgumentError('It is not a number of seconds from 0 to 3600.')
  return value
}
