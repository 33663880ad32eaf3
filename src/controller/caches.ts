import { createHash } from 'node:crypto'
import { resources, type Resource } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { isObject, listAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import type { KubeClient } from '../kube/client.ts'
import { startReflector, type Reflector } from '../kube/reflector.ts'
import { configText } from '../rollout/resources/configs.ts'
import type { ClusterReader } from './ports.ts'

/** Copies of everything that decisions rest on, kept up to date by watches. Secrets are not listed: they are read by name and remembered for a while. */
export interface Caches {
  readonly reader: ClusterReader
  readonly reflectors: Readonly<Record<CachedName, Reflector>>
  synced(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

const cached = ['canaries', 'deployments', 'services', 'endpointSlices', 'pods', 'horizontalPodAutoscalers', 'configMaps'] as const
export type CachedName = (typeof cached)[number]

/** A changed Secret is noticed within this time. */
const secretMs = 30_000

export interface CacheOptions {
  readonly client: KubeClient
  readonly clock: Clock
  /** Only this namespace; absent: all. */
  readonly namespace?: string
  readonly tracksConfigs: boolean
  readonly onError: (error: unknown, resource: Resource) => void
}

export function startCaches(options: CacheOptions): Caches {
  const { client, clock, namespace, onError } = options
  const start = (name: CachedName): Reflector => {
    const project = projections[name]
    return startReflector({ client, clock, resource: resources[name], onError, ...(namespace === undefined ? {} : { namespace }), ...(project ? { project } : {}) })
  }
  const reflectors = Object.fromEntries(cached.map((name) => [name, start(name)])) as unknown as Readonly<Record<CachedName, Reflector>>
  const all = Object.values(reflectors)
  return {
    reader: createReader(reflectors, rememberSecrets(options)),
    reflectors,
    synced: async (signal) => void (await Promise.all(all.map((reflector) => reflector.synced(signal)))),
    stop: async () => void (await Promise.all(all.map((reflector) => reflector.stop()))),
  }
}

/** What is kept of the many and the large: of a pod what tells its track and readiness, of a config its checksum. */
const projections: Partial<Record<CachedName, (object: JsonObject) => JsonObject>> = {
  pods: (pod) => {
    const names = (field: string): readonly JsonObject[] => listAt(pod, 'spec', field).map((container) => ({ name: stringAt(container, 'name') }))
    const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = objectAt(pod, 'metadata')
    const { phase, podIP, conditions } = objectAt(pod, 'status')
    return { metadata: { name, namespace, uid, resourceVersion, labels, deletionTimestamp }, spec: { containers: names('containers'), initContainers: names('initContainers') }, status: { phase, podIP, conditions } }
  },
  configMaps: (config) => {
    const { name, namespace, uid, resourceVersion, annotations, labels, ownerReferences } = objectAt(config, 'metadata')
    return { kind: 'ConfigMap', metadata: { name, namespace, uid, resourceVersion, annotations, labels, ownerReferences }, checksum: checksum(config) }
  },
}

/** Flagger's: the first eight bytes of SHA-256. */
const checksum = (config: JsonObject): string => createHash('sha256').update(configText(config)).digest('hex').slice(0, 16)

function createReader(reflectors: Readonly<Record<CachedName, Reflector>>, findSecret: ClusterReader['find']): ClusterReader {
  const reflectorOf = (resource: Resource): Reflector | undefined => {
    const name = cached.find((candidate) => resources[candidate] === resource)
    return name && reflectors[name]
  }
  return {
    find: (resource, at) => {
      const reflector = reflectorOf(resource)
      return reflector ? Promise.resolve(reflector.get(at.namespace, at.name)) : findSecret(resource, at)
    },
    list: (resource, { namespace, labelSelector }) => {
      const objects = reflectorOf(resource)?.list(namespace) ?? []
      if (labelSelector === undefined) return Promise.resolve(objects)
      const matches = parseSelector(labelSelector)
      return Promise.resolve(objects.filter((object) => matches(objectAt(object, 'metadata', 'labels'))))
    },
  }
}

/** The two forms that the gatherer uses: `key=value` and `key in (a,b)`. */
function parseSelector(selector: string): (labels: JsonObject) => boolean {
  const [, key = '', values = ''] = /^(\S+) in \(([^)]*)\)$/.exec(selector) ?? /^([^=]+)=(.*)$/.exec(selector) ?? []
  const wanted = values.split(',')
  return (labels) => wanted.some((value) => labels[key] === value)
}

function rememberSecrets({ client, clock, tracksConfigs }: CacheOptions): ClusterReader['find'] {
  const known = new Map<string, { readonly at: number; readonly object: JsonObject | undefined }>()
  return async (resource, at) => {
    if (!tracksConfigs) return undefined
    const key = `${at.namespace ?? ''}/${at.name}`
    const remembered = known.get(key)
    if (remembered && clock.now() - remembered.at < secretMs) return remembered.object
    const object = await client.find(resource, at)
    const kept = object && { kind: 'Secret', type: stringAt(object, 'type'), metadata: objectAt(object, 'metadata'), checksum: checksum(object) }
    known.set(key, { at: clock.now(), object: isObject(kept) ? kept : undefined })
    if (known.size > 10_000) known.clear()
    return kept
  }
}
