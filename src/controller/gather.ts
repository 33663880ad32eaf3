import { parseCanary, type Canary } from '../api/canary.ts'
import { primaryName } from '../api/keys.ts'
import { resources, type Address, type Resource } from '../api/resources.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { configKey, configRefs } from '../rollout/resources/configs.ts'
import type { Neighbours, World } from '../rollout/world.ts'
import type { ClusterReader } from './ports.ts'

/** What the sidecars of a Canary have told. */
export type Telemetry = Pick<World, 'acknowledged' | 'listeningSince' | 'verdict' | 'guard'>

export interface GatherOptions {
  readonly reader: ClusterReader
  readonly telemetryOf: (canary: Canary) => Telemetry
  readonly selectorLabels: readonly string[]
  readonly tracksConfigs: boolean
  /** Whether to read also what is only worth advice. One that cannot be read is told here, and no release waits for it. */
  readonly neighbours?: { readonly onError: (error: unknown) => void }
}

/** Everything around one Canary, read now; undefined where the Canary does not exist. Errors: the reader's. */
export async function gather(at: Required<Address>, options: GatherOptions): Promise<World | undefined> {
  const { reader } = options
  const raw = await reader.find(resources.canaries, at)
  if (!raw) return undefined
  const canary = parseCanary(raw)
  const { namespace } = at
  const { targetRef, autoscalerRef, service } = canary.spec
  const one = (resource: Resource, name: string | undefined): Promise<JsonObject | undefined> => (name === undefined || name === '' ? Promise.resolve(undefined) : reader.find(resource, { namespace, name }))
  const isDeployment = targetRef.kind === 'Deployment'
  const [canaries, target, primary, services, slices, scaler, primaryScaler] = await Promise.all([
    reader.list(resources.canaries, { namespace }),
    isDeployment ? one(resources.deployments, targetRef.name) : undefined,
    isDeployment ? one(resources.deployments, primaryName(targetRef.name)) : undefined,
    reader.list(resources.services, { namespace }),
    service.name === '' ? [] : reader.list(resources.endpointSlices, { namespace, labelSelector: `kubernetes.io/service-name=${service.name}` }),
    one(resources.horizontalPodAutoscalers, autoscalerRef?.name),
    one(resources.horizontalPodAutoscalers, autoscalerRef && primaryName(autoscalerRef.name)),
  ])
  const living = target && stringAt(target, 'metadata', 'deletionTimestamp') === undefined ? target : undefined
  return {
    canary: raw,
    rivals: canaries.filter((other) => isRival(other, canary)),
    ...(living ? { target: living } : {}),
    ...(primary ? { primary } : {}),
    services,
    slices,
    pods: living ? await podsOf(living, options, namespace) : [],
    ...(scaler ? { scaler } : {}),
    ...(primaryScaler ? { primaryScaler } : {}),
    ...(living && options.neighbours ? { neighbours: await neighboursOf(reader, namespace, options.neighbours.onError) } : {}),
    configs: living && options.tracksConfigs ? await configsOf(living, reader, namespace) : new Map(),
    ...options.telemetryOf(canary),
  }
}

/** Another Canary that is there to stay and names the same target. */
function isRival(other: JsonObject, canary: Canary): boolean {
  const { metadata, spec } = { metadata: objectAt(other, 'metadata'), spec: objectAt(other, 'spec', 'targetRef') }
  const { targetRef } = canary.spec
  return metadata['name'] !== canary.name && metadata['deletionTimestamp'] === undefined && spec['kind'] === targetRef.kind && spec['name'] === targetRef.name
}

async function podsOf(target: JsonObject, { reader, selectorLabels }: GatherOptions, namespace: string): Promise<readonly JsonObject[]> {
  const selector = objectAt(target, 'spec', 'selector', 'matchLabels')
  const label = selectorLabels.find((key) => typeof selector[key] === 'string')
  const value = label === undefined ? undefined : stringAt(selector, label)
  if (label === undefined || value === undefined) return []
  return reader.list(resources.pods, { namespace, labelSelector: `${label} in (${value},${primaryName(value)})` })
}

async function neighboursOf(reader: ClusterReader, namespace: string, onError: (error: unknown) => void): Promise<Neighbours> {
  const list = (resource: Resource): Promise<readonly JsonObject[]> =>
    reader.list(resource, { namespace }).catch((error: unknown) => {
      onError(error)
      return []
    })
  const [budgets, networkPolicies, scalers] = await Promise.all([list(resources.podDisruptionBudgets), list(resources.networkPolicies), list(resources.horizontalPodAutoscalers)])
  return { budgets, networkPolicies, scalers }
}

/** What the target's pods read, and the primary's copies of it. */
async function configsOf(target: JsonObject, reader: ClusterReader, namespace: string): Promise<ReadonlyMap<string, JsonObject>> {
  const refs = configRefs(objectAt(target, 'spec', 'template', 'spec'))
  const wanted = refs.flatMap(({ kind, name }) => [
    { kind, name },
    { kind, name: primaryName(name) },
  ])
  const found = await Promise.all(
    wanted.map(async ({ kind, name }) => {
      const resource = kind === 'Secret' ? resources.secrets : resources.configMaps
      return [configKey({ kind, name }), await reader.find(resource, { namespace, name })] as const
    }),
  )
  return new Map(found.flatMap(([key, object]) => (object ? [[key, { kind: key.startsWith('secret/') ? 'Secret' : 'ConfigMap', ...object }]] : [])))
}
