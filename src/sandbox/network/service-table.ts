import { listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import type { ServiceNames } from './pod-context.ts'

/** What kube-proxy and the cluster's DNS derive from Services and EndpointSlices. Pure. */

export interface Backend {
  readonly address: string
  readonly port: number
}

/** A place where clients of one Service port connect, and where they may end up. */
export interface Frontend {
  /** `namespace/name:port`; for logs. */
  readonly title: string
  readonly address: string
  readonly port: number
  readonly backends: readonly Backend[]
}

export interface ServiceTable {
  readonly frontends: readonly Frontend[]
  readonly names: ServiceNames
}

/** Everything that clients of Services need, for one state of the cluster. */
export function buildServiceTable(services: readonly JsonObject[], slices: readonly JsonObject[]): ServiceTable {
  const frontends: Frontend[] = []
  const names: Record<string, readonly string[]> = {}
  const byService = Map.groupBy(slices, (slice) => key(slice, stringAt(slice, 'metadata', 'labels', 'kubernetes.io/service-name')))
  for (const service of services) {
    const own = byService.get(key(service, stringAt(service, 'metadata', 'name'))) ?? []
    // A name for something outside of the cluster: the sandbox does not follow it.
    const isExternal = stringAt(service, 'spec', 'type') === 'ExternalName'
    const clusterIp = isExternal ? 'None' : (stringAt(service, 'spec', 'clusterIP') ?? 'None')
    names[`${stringAt(service, 'metadata', 'name')}.${stringAt(service, 'metadata', 'namespace')}`] =
      clusterIp === 'None' ? headlessAddresses(service, own) : [clusterIp]
    if (clusterIp !== 'None') frontends.push(...serviceFrontends(service, clusterIp, own))
  }
  return { frontends, names }
}

const key = (object: JsonObject, name: string | undefined): string => `${stringAt(object, 'metadata', 'namespace')}/${name}`

function serviceFrontends(service: JsonObject, clusterIp: string, slices: readonly JsonObject[]): Frontend[] {
  return listAt(service, 'spec', 'ports').flatMap((servicePort) => {
    const port = numberAt(servicePort, 'port')
    if (port === undefined || (stringAt(servicePort, 'protocol') ?? 'TCP') !== 'TCP') return []
    const backends = usableBackends(slices, stringAt(servicePort, 'name') ?? '')
    const title = `${key(service, stringAt(service, 'metadata', 'name'))}:${port}`
    const nodePort = numberAt(servicePort, 'nodePort')
    const cluster = { title, address: clusterIp, port, backends }
    return nodePort === undefined || nodePort === 0 ? [cluster] : [cluster, { title, address: '127.0.0.1', port: nodePort, backends }]
  })
}

/** Ready endpoints; where there is none, those that still serve while they terminate (kube-proxy's ProxyTerminatingEndpoints, KEP-1669). */
function usableBackends(slices: readonly JsonObject[], portName: string): Backend[] {
  const ready: Backend[] = []
  const terminating: Backend[] = []
  for (const slice of slices) {
    const port = listAt(slice, 'ports').find((candidate) => (stringAt(candidate, 'name') ?? '') === portName)
    const number = numberAt(port, 'port')
    if (number === undefined) continue
    for (const endpoint of listAt(slice, 'endpoints')) {
      const backends = listAt(endpoint, 'addresses').flatMap((address) => (typeof address === 'string' ? [{ address, port: number }] : []))
      const conditions = objectAt(endpoint, 'conditions')
      if (conditions['ready'] !== false) ready.push(...backends)
      else if (conditions['serving'] === true && conditions['terminating'] === true) terminating.push(...backends)
    }
  }
  return ready.length > 0 ? ready : terminating
}

function headlessAddresses(service: JsonObject, slices: readonly JsonObject[]): readonly string[] {
  const all = valueAt(service, 'spec', 'publishNotReadyAddresses') === true
  const addresses = slices.flatMap((slice) =>
    listAt(slice, 'endpoints').flatMap((endpoint) =>
      all || objectAt(endpoint, 'conditions')['ready'] !== false ? listAt(endpoint, 'addresses').filter((address) => typeof address === 'string') : [],
    ),
  )
  return [...new Set(addresses)].toSorted()
}
