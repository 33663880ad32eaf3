import { proxyAnnotations } from '../api/keys.ts'
import { readProxyAnnotation } from '../api/proxy-settings.ts'
import { isObject, listAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { parseQuantity } from '../base/quantity.ts'

/**
 * Resources of the sidecar, in Kubernetes' quantities. Small requests, because they count for the whole life of the pod; a memory
 * limit, because a leak of ours must not take the node's memory; no CPU limit, because throttling is latency for the app.
 */
const defaults = { cpuRequest: '10m', memoryRequest: '64Mi', memoryLimit: '192Mi', guaranteedCpu: '100m' } as const

/**
 * What the sidecar asks for: the defaults or the annotations `kinglet.sh/proxy-{cpu,memory}-{request,limit}` of the pod.
 * A pod that is Guaranteed without us stays so: limits equal requests. A pod with resources of its own (spec.resources, 1.34)
 * bounds all of its containers together: nothing is asked for unless the annotations say so.
 */
export function sidecarResources(spec: JsonObject, annotations: JsonObject): JsonObject {
  const annotated = (key: string): string | undefined => readProxyAnnotation(annotations, key)
  const wanted = {
    cpuRequest: annotated(proxyAnnotations.cpuRequest),
    cpuLimit: annotated(proxyAnnotations.cpuLimit),
    memoryRequest: annotated(proxyAnnotations.memoryRequest),
    memoryLimit: annotated(proxyAnnotations.memoryLimit),
  }
  const hasPodResources = isObject(spec['resources']) && Object.keys(spec['resources']).length > 0
  if (hasPodResources) return build(wanted)
  if (isGuaranteed(spec)) {
    const cpu = wanted.cpuLimit ?? wanted.cpuRequest ?? defaults.guaranteedCpu
    const memory = wanted.memoryLimit ?? larger(wanted.memoryRequest ?? defaults.memoryLimit, defaults.memoryLimit)
    return build({ cpuRequest: cpu, cpuLimit: cpu, memoryRequest: memory, memoryLimit: memory })
  }
  const cpuRequest = smaller(wanted.cpuRequest ?? defaults.cpuRequest, wanted.cpuLimit)
  const memoryLimit = larger(wanted.memoryLimit ?? defaults.memoryLimit, wanted.memoryLimit === undefined ? wanted.memoryRequest : undefined)
  const memoryRequest = smaller(wanted.memoryRequest ?? defaults.memoryRequest, memoryLimit)
  return build({ cpuRequest, cpuLimit: wanted.cpuLimit, memoryRequest, memoryLimit })
}

interface Amounts {
  readonly cpuRequest: string | undefined
  readonly cpuLimit: string | undefined
  readonly memoryRequest: string | undefined
  readonly memoryLimit: string | undefined
}

const build = (amounts: Amounts): JsonObject => {
  const requests = present({ cpu: amounts.cpuRequest, memory: amounts.memoryRequest })
  const limits = present({ cpu: amounts.cpuLimit, memory: amounts.memoryLimit })
  return { ...(Object.keys(requests).length > 0 ? { requests } : {}), ...(Object.keys(limits).length > 0 ? { limits } : {}) }
}

const present = (amounts: Record<string, string | undefined>): JsonObject => Object.fromEntries(Object.entries(amounts).filter(([, value]) => value !== undefined))

/** Whether the API server would call the pod Guaranteed: every container has limits for both, and requests that equal them. */
function isGuaranteed(spec: JsonObject): boolean {
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]
  return containers.every((container) =>
    ['cpu', 'memory'].every((name) => {
      const limit = quantityText(objectAt(container, 'resources', 'limits')[name])
      const request = quantityText(objectAt(container, 'resources', 'requests')[name]) ?? limit
      return limit !== undefined && request !== undefined && parseQuantity(limit) === parseQuantity(request) && parseQuantity(limit) !== 0
    }),
  )
}

/** Manifests may write whole numbers bare: `cpu: 1`. */
const quantityText = (value: unknown): string | undefined => (typeof value === 'number' ? String(value) : stringAt({ value }, 'value'))

const smaller = (a: string, b: string | undefined): string => (b !== undefined && (parseQuantity(b) ?? Infinity) < (parseQuantity(a) ?? 0) ? b : a)
const larger = (a: string, b: string | undefined): string => (b !== undefined && (parseQuantity(b) ?? 0) > (parseQuantity(a) ?? 0) ? b : a)
