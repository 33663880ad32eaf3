import {
  appPortAnnotation,
  injectedImageAnnotation,
  proxyContainerName,
  proxyPorts,
  proxyTokenPath,
  proxyTokenVolumeName,
  tokenAudience,
} from '../api/keys.ts'
import { describeProblem } from '../api/problem.ts'
import { proxyProblems, proxySettings, readProxyAnnotation } from '../api/proxy-settings.ts'
import { isObject, listAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../base/json.ts'
import { sidecarResources } from './resources.ts'

/** What every sidecar of an installation has in common. */
export interface InjectionConfig {
  readonly image: string
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  /** Our CA as PEM, one or several certificates: what the sidecar trusts the controller by. Public data. */
  readonly caPem: string
  /** `host:port` of the controller's Service for sidecars. */
  readonly controllerAddress: string
  readonly logLevel: string
  /** null: none is written, for clusters that assign one (OpenShift). Default 65532, the `nonroot` of distroless images. */
  readonly runAsUser?: number | null
  /** Names of Secrets in the pod's namespace. Default none. */
  readonly imagePullSecrets?: readonly string[]
}

/** A pod, or the `template` of a Deployment. */
export interface PodLike {
  readonly metadata: JsonObject
  readonly spec: JsonObject
}

export type Injection =
  | { readonly kind: 'injected'; readonly pod: PodLike; readonly warnings: readonly string[] }
  /** The pod stays as it is. `already` is not worth a word, `refused` is: the app is not covered. */
  | { readonly kind: 'already' }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * The pod with our sidecar in it: a native sidecar (an init container that keeps running, KEP-753), first of the init containers,
 * with a token of its own for the controller. The port of the app comes from the annotation `kinglet.sh/app-port`.
 * Pure, deterministic and idempotent; needs nothing beyond Pod Security `restricted`.
 */
export function injectPod(pod: PodLike, config: InjectionConfig): Injection {
  if (hasSidecar(pod.spec)) return { kind: 'already' }
  const annotations = objectAt(pod.metadata, 'annotations')
  const appPort = Number(stringAt(annotations, appPortAnnotation))
  const reason = refusal(pod.spec, appPort)
  if (reason !== undefined) return { kind: 'refused', reason }
  const container = buildSidecar(config, { appPort, annotations, resources: sidecarResources(pod.spec, annotations) })
  const metadata = { ...pod.metadata, annotations: { ...annotations, ...scrapeAnnotations(annotations), [injectedImageAnnotation]: config.image } }
  const spec: Record<string, Json | undefined> = {
    ...pod.spec,
    initContainers: [container, ...listAt(pod.spec, 'initContainers')],
    volumes: [...listAt(pod.spec, 'volumes'), tokenVolume],
  }
  const secrets = pullSecrets(pod.spec, config.imagePullSecrets ?? [])
  if (secrets) spec['imagePullSecrets'] = secrets
  return { kind: 'injected', pod: { metadata, spec }, warnings: proxyProblems(annotations).map(describeProblem) }
}

/** Whether the sidecar is there, wherever it stands. */
export const hasSidecar = (spec: JsonObject): boolean => containersOf(spec).some((container) => stringAt(container, 'name') === proxyContainerName)

const containersOf = (spec: JsonObject): readonly Json[] => [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]

/** Why this pod cannot have a sidecar; undefined if it can. */
function refusal(spec: JsonObject, appPort: number): string | undefined {
  if (!Number.isInteger(appPort) || appPort < 1 || appPort > 65_535) return `annotation ${appPortAnnotation} is not a port number`
  if (spec['hostNetwork'] === true) return 'it uses hostNetwork, whose ports it shares with the whole node'
  if (valueAt(spec, 'os', 'name') === 'windows') return 'it runs on Windows'
  const ours = Object.values(proxyPorts)
  const taken = ours.find(({ port }) => port === appPort)
  if (taken) return `its app answers at ${appPort}, a port of the sidecar`
  for (const container of containersOf(spec)) {
    for (const declared of listAt(container, 'ports')) {
      const clash = ours.find(({ name, port }) => valueAt(declared, 'containerPort') === port || valueAt(declared, 'name') === name)
      if (clash) return `container ${stringAt(container, 'name') ?? '?'} declares port ${clash.port} or the port name ${clash.name}, which the sidecar needs`
    }
  }
  if (listAt(spec, 'volumes').some((volume) => stringAt(volume, 'name') === proxyTokenVolumeName)) return `it has a volume named ${proxyTokenVolumeName}`
  return undefined
}

/** Where our image has the sidecar (Dockerfile): an executable of its own, Bun with the program in it. */
const programFile = '/app/dist/kinglet-proxy'

/**
 * What the sidecar's runtime is told by environment; the benchmark starts it with the same, and bench/README.md has the figures. Its JavaScript
 * engine optimizes little before the start is over, compiles beside the traffic (Bun's default here is not to), and lets the heap grow by less
 * between two collections (1 where the default is 2). Bun 1.4 reports nothing to its makers from Linux, and is told to leave it at that.
 */
export const sidecarRuntimeEnv: Readonly<Record<string, string>> = {
  DO_NOT_TRACK: '1',
  BUN_JSC_startupJITDeferralScale: '100',
  BUN_JSC_useConcurrentJIT: '1',
  BUN_JSC_heapGrowthMaxIncrease: '1',
}

interface Sidecar {
  readonly appPort: number
  readonly annotations: JsonObject
  readonly resources: JsonObject
}

/** The settings in the annotations, and the installation's where they say nothing. */
function settingsOf(config: InjectionConfig, annotations: JsonObject): readonly JsonObject[] {
  const defaults: Readonly<Record<string, string>> = { KINGLET_LOG_LEVEL: config.logLevel }
  return proxySettings.flatMap(({ key, env: name }) => {
    const value = readProxyAnnotation(annotations, key) ?? defaults[name]
    return value === undefined ? [] : [{ name, value }]
  })
}

function buildSidecar(config: InjectionConfig, sidecar: Sidecar): JsonObject {
  const { route, direct, admin } = proxyPorts
  const probe = (path: string): JsonObject => ({ httpGet: { path, port: admin.port, scheme: 'HTTP' } })
  return {
    name: proxyContainerName,
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    restartPolicy: 'Always',
    command: [programFile],
    args: ['proxy'],
    env: buildEnv(config, sidecar),
    ports: [route, direct, admin].map(({ name, port }) => ({ name, containerPort: port, protocol: 'TCP' })),
    resources: sidecar.resources,
    // The app starts when the sidecar listens: a second at most between looks, a minute for a slow node.
    startupProbe: { ...probe('/healthz'), periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 3 },
    // Restarting a proxy cuts connections: only when it has not answered for a minute.
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: buildSecurityContext(config, sidecar.annotations),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: proxyTokenVolumeName, mountPath: proxyTokenPath, readOnly: true }],
  }
}

function buildEnv(config: InjectionConfig, sidecar: Sidecar): readonly JsonObject[] {
  const fromPod = (name: string, fieldPath: string): JsonObject => ({ name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } })
  return [
    { name: 'KINGLET_APP', value: `127.0.0.1:${sidecar.appPort}` },
    { name: 'KINGLET_CONTROLLER', value: config.controllerAddress },
    { name: 'KINGLET_CA', value: config.caPem },
    { name: 'KINGLET_TOKEN_FILE', value: `${proxyTokenPath}/token` },
    ...settingsOf(config, sidecar.annotations),
    fromPod('POD_NAME', 'metadata.name'),
    fromPod('POD_NAMESPACE', 'metadata.namespace'),
    fromPod('POD_IP', 'status.podIP'),
    ...Object.entries(sidecarRuntimeEnv).map(([name, value]) => ({ name, value })),
  ]
}

function buildSecurityContext(config: InjectionConfig, annotations: JsonObject): JsonObject {
  const user = config.runAsUser === undefined ? 65_532 : config.runAsUser
  // OpenShift has assigned a range by the time a webhook sees the pod, and refuses users outside of it.
  const isAssigned = user === null || annotations['openshift.io/scc'] !== undefined
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    ...(isAssigned ? {} : { runAsUser: user, runAsGroup: user }),
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

/** Our own token, whatever `automountServiceAccountToken` says. The kubelet renews it at 80 % of its life. */
const tokenVolume: JsonObject = {
  name: proxyTokenVolumeName,
  projected: { defaultMode: 0o644, sources: [{ serviceAccountToken: { audience: tokenAudience, expirationSeconds: 3600, path: 'token' } }] },
}

/** For Prometheus setups that discover by annotation; a pod that already says what to scrape keeps its word. */
function scrapeAnnotations(annotations: JsonObject): JsonObject {
  if (Object.keys(annotations).some((key) => key.startsWith('prometheus.io/'))) return {}
  return { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(proxyPorts.admin.port), 'prometheus.io/path': '/metrics' }
}

function pullSecrets(spec: JsonObject, names: readonly string[]): readonly Json[] | undefined {
  const present = listAt(spec, 'imagePullSecrets')
  const missing = names.filter((name) => !present.some((secret) => isObject(secret) && secret['name'] === name))
  return missing.length === 0 ? undefined : [...present, ...missing.map((name) => ({ name }))]
}
