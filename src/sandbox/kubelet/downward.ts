import { listAt, objectAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'

/** The downward API: facts about a pod that its containers may read as variables or files. Pure. */

export interface DownwardSources {
  readonly pod: JsonObject
  readonly container?: JsonObject
  readonly podAddress: string
  readonly nodeAddress: string
}

/** The value of `metadata.name`, `metadata.labels['x']`, `status.podIP`, …; the error names a path that Kubernetes does not support. */
export function fieldValue(path: string, sources: DownwardSources): Result<string> {
  const { pod } = sources
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (keyed?.[1] !== undefined && keyed[2] !== undefined) return ok(stringAt(pod, 'metadata', keyed[1], keyed[2]) ?? '')
  switch (path) {
    case 'metadata.name':
    case 'metadata.namespace':
    case 'metadata.uid':
    case 'spec.nodeName':
    case 'spec.serviceAccountName':
      return ok(stringAt(pod, ...path.split('.')) ?? (path === 'spec.serviceAccountName' ? 'default' : ''))
    case 'status.podIP':
    case 'status.podIPs':
      return ok(sources.podAddress)
    case 'status.hostIP':
    case 'status.hostIPs':
      return ok(sources.nodeAddress)
    case 'metadata.labels':
    case 'metadata.annotations':
      return ok(asLines(objectAt(pod, ...path.split('.'))))
    default:
      return err(`field path not supported: ${path}`)
  }
}

/** `limits.cpu`, `requests.memory`, … of a container in units of its divisor, rounded up. Without a limit, the node's: 1 CPU, 1 GiB. */
export function resourceValue(reference: unknown, sources: DownwardSources): Result<string> {
  const name = stringAt(reference, 'containerName')
  const containers = [...listAt(sources.pod, 'spec', 'containers'), ...listAt(sources.pod, 'spec', 'initContainers')]
  const container = name === undefined ? sources.container : containers.find((candidate) => stringAt(candidate, 'name') === name)
  const resource = stringAt(reference, 'resource') ?? ''
  const [list, kind] = resource.split('.')
  if ((list !== 'limits' && list !== 'requests') || kind === undefined) return err(`resource not supported: ${resource}`)
  const fallback = kind === 'cpu' ? '1' : '1Gi'
  const quantity = valueAt(container, 'resources', list, kind) ?? valueAt(container, 'resources', 'limits', kind) ?? fallback
  const divisor = parseQuantity(valueAt(reference, 'divisor') ?? 1) || 1
  return ok(String(Math.ceil(parseQuantity(quantity) / divisor - 1e-9)))
}

const suffixes: Readonly<Record<string, number>> = {
  m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50,
}

/** A Kubernetes quantity as a number: `250m` → 0.25, `64Mi` → 67108864. What is not a quantity counts as 0. */
export function parseQuantity(value: unknown): number {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  const parts = /^([\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text)
  if (parts?.[1] === undefined) return 0
  return Number(parts[1]) * (parts[2] ? (suffixes[parts[2]] ?? 0) : 1)
}

/** Labels or annotations as a file of the downward API: `key="value"`, sorted, Go's quoting. */
const asLines = (map: JsonObject): string =>
  Object.entries(map)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
