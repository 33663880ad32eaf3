import { isObject, type JsonObject, listAt, objectAt, stringAt } from '../../../base/json.ts'
import { type FieldError, wrong } from '../status.ts'
import type { ObjectStore } from '../store.ts'

/** Addresses and node ports of Services. */
export interface ServiceAddresses {
  /** A free address for a new Service. Throws Error when there is none. */
  next(): string
}

/** Addresses of a /16 such as `127.96`, from `.0.10` on; `.0.1` is the API server's, `.0.10` by custom the DNS service's. */
export function createServiceAddresses(store: ObjectStore, prefix: string): ServiceAddresses {
  let last = 10
  return {
    next: () => {
      const used = new Set(store.list('/services').map((service) => stringAt(service, 'spec', 'clusterIP')))
      for (let tries = 0; tries < 65_000; tries += 1) {
        last = last >= 65_000 ? 11 : last + 1
        const address = `${prefix}.${last >> 8}.${last & 255}`
        if (!used.has(address)) return address
      }
      throw new Error('no address is left for Services')
    },
  }
}

const nodePorts = { first: 30_000, last: 32_767 }

function nextNodePort(used: ReadonlySet<unknown>): number {
  for (let port = nodePorts.first; port <= nodePorts.last; port += 1) if (!used.has(port)) return port
  throw new Error('no node port is left')
}

/** The Service with address, families and node ports; what `previous` had stays. */
export function withAddresses(object: JsonObject, previous: JsonObject | undefined, store: ObjectStore, addresses: ServiceAddresses): JsonObject {
  const spec = objectAt(object, 'spec')
  if (spec['type'] === 'ExternalName') return object
  const before = objectAt(previous, 'spec')
  const address = stringAt(spec, 'clusterIP') || stringAt(before, 'clusterIP') || addresses.next()
  const placed: JsonObject = { ...spec, clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }
  const wantsNodePorts = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer'
  const used = new Set(store.list('/services').flatMap((service) => listAt(service, 'spec', 'ports')).map((port) => objectAt(port)['nodePort']))
  const ports = listAt(spec, 'ports').map((port) => (isObject(port) ? withNodePort(port, wantsNodePorts, listAt(before, 'ports'), used) : port))
  return { ...object, spec: { ...placed, ...(ports.length === 0 ? {} : { ports }) } }
}

function withNodePort(port: JsonObject, wanted: boolean, before: readonly unknown[], used: Set<unknown>): JsonObject {
  const { nodePort, ...rest } = port
  if (!wanted) return rest
  if (nodePort !== undefined && nodePort !== 0) return port
  const kept = before.map((one) => objectAt(one)).find((one) => one['port'] === port['port'] && one['protocol'] === port['protocol'])?.['nodePort']
  const given = typeof kept === 'number' ? kept : nextNodePort(used)
  used.add(given)
  return { ...rest, nodePort: given }
}

/** An address that another Service has, or that is none. */
export function addressErrors(object: JsonObject, store: ObjectStore): readonly FieldError[] {
  const address = stringAt(object, 'spec', 'clusterIP') ?? ''
  if (address === '' || address === 'None') return []
  const uid = stringAt(object, 'metadata', 'uid')
  const holder = store.list('/services').find((service) => stringAt(service, 'spec', 'clusterIP') === address && stringAt(service, 'metadata', 'uid') !== uid)
  return holder === undefined ? [] : [wrong('spec.clusterIPs', [address], 'failed to allocate IP: provided IP is already allocated')]
}
