import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDurationMs } from '../base/duration.ts'
import { parseUserId } from './user-id.ts'

export interface ControllerFlags {
  readonly kubeconfig?: string
  readonly namespace?: string
  readonly ownNamespace: string
  readonly podName?: string
  readonly port: number
  readonly streamPort: number
  readonly streamName: readonly string[]
  readonly selectorLabels: readonly string[]
  readonly includeLabelPrefix: readonly string[]
  readonly enableConfigTracking: boolean
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly imagePullSecret: readonly string[]
  readonly runAsUser: number | null
  readonly controller?: string
  readonly proxyLogLevel: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly adoptionGrace: number
  readonly ackLimit: number
  readonly lease: number
}

const levels = ['debug', 'info', 'warn', 'error']

/** `kinglet controller`. Resolves when the controller has stopped. Names are Flagger's where Flagger has the flag. */
export function buildControllerCommand(run: (flags: ControllerFlags) => Promise<void>): Command {
  return new Command('controller')
    .description('Reconcile Canaries, judge them by what the sidecars report, and tell the sidecars where requests go.')
    .addOption(new Option('--kubeconfig <path>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config, or the pod’s service account)'))
    .addOption(new Option('--namespace <name>', 'watch this namespace alone'))
    .addOption(new Option('--own-namespace <name>', 'namespace of Kinglet').default('kinglet-system').env('POD_NAMESPACE'))
    .addOption(new Option('--pod-name <name>', 'pod of this process; it gets the leader’s label').env('POD_NAME'))
    .addOption(new Option('--port <port>', 'port for /metrics, /healthz and /readyz').default(8080).argParser(port))
    .addOption(new Option('--stream-port <port>', 'port for sidecars (TLS)').default(14_090).argParser(port))
    .addOption(new Option('--stream-name <name...>', 'further names or addresses by which sidecars dial this process').default([], 'none'))
    .addOption(new Option('--selector-labels <list>', 'labels that may tell primary and canary apart').default(['app', 'name', 'app.kubernetes.io/name'], 'app,name,app.kubernetes.io/name').argParser(list))
    .addOption(new Option('--include-label-prefix <list>', 'labels of a target that go to its copy; * for all').default([], 'none').argParser(list))
    .addOption(new Option('--enable-config-tracking [boolean]', 'copy ConfigMaps and Secrets for the primary and take their changes for revisions').default(true).argParser(truth))
    .addOption(new Option('--image <reference>', 'image of the sidecars').env('KINGLET_IMAGE').makeOptionMandatory())
    .addOption(new Option('--image-pull-policy <policy>', 'how nodes pull it').choices(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').env('KINGLET_IMAGE_PULL_POLICY'))
    .addOption(new Option('--image-pull-secret <name...>', 'Secrets for it, in the namespaces of the apps').default([], 'none'))
    .addOption(new Option('--run-as-user <uid>', 'user of the sidecars; "assigned": the one that the cluster assigns (OpenShift)').default(65_532).env('KINGLET_RUN_AS_USER').argParser(parseUserId))
    .addOption(new Option('--controller <host:port>', 'where sidecars find the controller (default: its Service)').env('KINGLET_CONTROLLER'))
    .addOption(new Option('--proxy-log-level <level>', 'verbosity of the sidecars').choices(levels).default('info'))
    .addOption(new Option('--log-level <level>', 'verbosity').choices(levels).default('info').env('KINGLET_LOG_LEVEL'))
    .addOption(new Option('--adoption-grace <duration>', 'time for kube-proxies to follow moved endpoints').default(15_000, '15s').env('KINGLET_ADOPTION_GRACE').argParser(duration))
    .addOption(new Option('--ack-limit <duration>', 'how long a silent sidecar is waited for').default(10_000, '10s').argParser(duration))
    .addOption(new Option('--lease <duration>', 'after this long without a word of the leader another replica leads').default(15_000, '15s').env('KINGLET_LEASE').argParser(duration))
    .action(async (flags: ControllerFlags) => run(flags))
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It is not a port from 0 to 65535.')
  return value
}

function truth(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('It is neither true nor false.')
  return text === 'true'
}

const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

function duration(text: string): number {
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw new InvalidArgumentError('It is not a duration such as 15s.')
  return parsed.value
}
