import { Command, InvalidArgumentError, Option } from 'commander'
import { parseUserId } from './user-id.ts'

export interface WebhookFlags {
  readonly port: number
  readonly healthPort: number
  readonly tlsDir: string
  readonly namespace: string
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly imagePullSecret: readonly string[]
  readonly runAsUser: number | null
  readonly controller?: string
  readonly proxyLogLevel: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly drain: number
}

/** `kinglet webhook`. Resolves when the webhook has stopped. */
export function buildWebhookCommand(run: (flags: WebhookFlags) => Promise<void>): Command {
  return new Command('webhook')
    .description('Answer the admission reviews of the API server: hold replicas, add sidecars, keep Services wired.')
    .addOption(new Option('--port <port>', 'port for admission reviews (TLS)').default(9443).argParser(port))
    .addOption(new Option('--health-port <port>', 'port for /healthz and /readyz').default(9080).argParser(port))
    .addOption(new Option('--tls-dir <path>', 'folder with tls.crt, tls.key and ca.crt').default('/etc/kinglet/tls').env('KINGLET_TLS_DIR'))
    .addOption(new Option('--namespace <name>', 'namespace of Kinglet').default('kinglet-system').env('POD_NAMESPACE'))
    .addOption(new Option('--image <reference>', 'image of the sidecars').env('KINGLET_IMAGE').makeOptionMandatory())
    .addOption(new Option('--image-pull-policy <policy>', 'how nodes pull it').choices(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').env('KINGLET_IMAGE_PULL_POLICY'))
    .addOption(new Option('--image-pull-secret <name...>', 'Secrets for it, in the namespaces of the apps').default([], 'none'))
    .addOption(new Option('--run-as-user <uid>', 'user of the sidecars; "assigned": the one that the cluster assigns (OpenShift)').default(65532).env('KINGLET_RUN_AS_USER').argParser(parseUserId))
    .addOption(new Option('--controller <host:port>', 'where sidecars find the controller (default: its Service)').env('KINGLET_CONTROLLER'))
    .addOption(new Option('--proxy-log-level <level>', 'verbosity of the sidecars').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .addOption(new Option('--log-level <level>', 'verbosity').choices(['debug', 'info', 'warn', 'error']).default('info').env('KINGLET_LOG_LEVEL'))
    .addOption(new Option('--drain <seconds>', 'how long requests are taken after SIGTERM').default(15).argParser(seconds))
    .action(async (flags: WebhookFlags) => run(flags))
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It is not a port from 0 to 65535.')
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 3600)) throw new InvalidArgumentError('It is not a number of seconds from 0 to 3600.')
  return value
}
