import { InvalidArgumentError, Option } from 'commander'

/** What controller and webhook both must know, because both put sidecars into pods: the values of the two must be the same. */
export interface SidecarFlags {
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly imagePullSecret: readonly string[]
  readonly runAsUser: number | null
  readonly controller?: string
  readonly proxyLogLevel: string
}

const levels = ['debug', 'info', 'warn', 'error']

export const sidecarOptions = (): readonly Option[] => [
  new Option('--image <reference>', 'image of the sidecars').env('KINGLET_IMAGE').makeOptionMandatory(),
  new Option('--image-pull-policy <policy>', 'how nodes pull it').choices(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent').env('KINGLET_IMAGE_PULL_POLICY'),
  new Option('--image-pull-secret <name...>', 'Secrets for it, in the namespaces of the apps').default([], 'none'),
  new Option('--run-as-user <uid>', 'user of the sidecars; "assigned": the one that the cluster assigns (OpenShift)').default(65_532).env('KINGLET_RUN_AS_USER').argParser(parseUserId),
  new Option('--controller <host:port>', 'where sidecars find the controller (default: its Service)').env('KINGLET_CONTROLLER'),
  new Option('--proxy-log-level <level>', 'verbosity of the sidecars').choices(levels).default('info'),
]

export const logLevelOption = (): Option => new Option('--log-level <level>', 'verbosity').choices(levels).default('info').env('KINGLET_LOG_LEVEL')

/** A port to listen on; 0 is any free one. */
export function parsePort(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('It is not a port from 0 to 65535.')
  return value
}

/** The user of the sidecar: a number above 0, or null for `assigned`, where the cluster gives one (OpenShift). */
function parseUserId(text: string): number | null {
  if (text === 'assigned') return null
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is neither a user id above 0 nor "assigned".')
  return Number(text)
}
