import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDurationMs } from '../base/duration.ts'
import { logLevelOption, parsePort, sidecarOptions, type SidecarFlags } from './sidecar-options.ts'

export interface ControllerFlags extends SidecarFlags {
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
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly adoptionGrace: number
  readonly ackLimit: number
  readonly lease: number
}

/** `kinglet controller`. Resolves when the controller has stopped. Names are Flagger's where Flagger has the flag. */
export function buildControllerCommand(run: (flags: ControllerFlags) => Promise<void>): Command {
  const command = new Command('controller')
    .description('Reconcile Canaries, judge them by what the sidecars report, and tell the sidecars where requests go.')
    .addOption(new Option('--kubeconfig <path>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config, or the pod’s service account)'))
    .addOption(new Option('--namespace <name>', 'watch this namespace alone'))
    .addOption(new Option('--own-namespace <name>', 'namespace of Kinglet').default('kinglet-system').env('POD_NAMESPACE'))
    .addOption(new Option('--pod-name <name>', 'pod of this process; it gets the leader’s label').env('POD_NAME'))
    .addOption(new Option('--port <port>', 'port for /metrics, /healthz and /readyz').default(8080).argParser(parsePort))
    .addOption(new Option('--stream-port <port>', 'port for sidecars (TLS)').default(14_090).argParser(parsePort))
    .addOption(new Option('--stream-name <name...>', 'further names or addresses by which sidecars dial this process').default([], 'none'))
    .addOption(new Option('--selector-labels <list>', 'labels that may tell primary and canary apart').default(['app', 'name', 'app.kubernetes.io/name'], 'app,name,app.kubernetes.io/name').argParser(list))
    .addOption(new Option('--include-label-prefix <list>', 'labels of a target that go to its copy; * for all').default([], 'none').argParser(list))
    .addOption(new Option('--enable-config-tracking [boolean]', 'copy ConfigMaps and Secrets for the primary and take their changes for revisions').default(true).argParser(truth))
    .addOption(new Option('--adoption-grace <duration>', 'time for kube-proxies to follow moved endpoints').default(15_000, '15s').env('KINGLET_ADOPTION_GRACE').argParser(duration))
    .addOption(new Option('--ack-limit <duration>', 'how long a silent sidecar is waited for').default(10_000, '10s').argParser(duration))
    .addOption(new Option('--lease <duration>', 'after this long without a word of the leader another replica leads').default(15_000, '15s').env('KINGLET_LEASE').argParser(duration))
  for (const option of [...sidecarOptions(), logLevelOption()]) command.addOption(option)
  return command.action(async (flags: ControllerFlags) => run(flags))
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
