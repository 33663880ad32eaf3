import type { Canary } from '../../api/canary.ts'
import { canaryServiceName, managedServiceAnnotation, primaryName, proxyPorts } from '../../api/keys.ts'
import { readManagedService, writeManagedService, type ServiceWiring } from '../../api/managed-service.ts'
import type { Track } from '../../api/protocol.ts'
import { canonicalJson, isObject, listAt, numberAt, objectAt, stringAt, type Json, type JsonObject } from '../../base/json.ts'
import { mergedMetadata, ownerReference, ownLabels } from './metadata.ts'
import { containerPorts, type OriginalService, type Split } from './split.ts'

/** Flux leaves objects with these alone. Only on Services that Kinglet made: the user's own stay in the user's hands. */
const unmanagedByFlux: JsonObject = { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled', 'helm.toolkit.fluxcd.io/driftDetection': 'disabled' }

const selectorOf = (split: Split, track: Track): Readonly<Record<string, string>> => ({ [split.label]: track === 'primary' ? split.primaryValue : split.value })

/** Ports of a generated Service: the main one leads to the sidecar, the others straight to the app. */
function buildPorts(canary: Canary, split: Split, target: JsonObject | undefined, apex: OriginalService | undefined, mainTarget: string): readonly JsonObject[] {
  const { port, portName, appProtocol, portDiscovery } = canary.spec.service
  const known = apex?.ports.find((candidate) => candidate['port'] === port)
  const main: JsonObject = {
    name: stringAt(known, 'name') ?? portName,
    port,
    protocol: 'TCP',
    targetPort: mainTarget,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }
  const others = (apex?.ports ?? []).filter((candidate) => candidate['port'] !== port).map(({ nodePort: _taken, ...candidate }) => candidate)
  const discovered =
    portDiscovery && target && !apex
      ? containerPorts(target)
          .filter(({ containerPort }) => containerPort !== split.appPort && containerPort !== port)
          .map(({ name, containerPort }): JsonObject => ({ name: name ?? null, port: containerPort ?? null, protocol: 'TCP', targetPort: containerPort ?? null }))
      : []
  return [main, ...others, ...discovered]
}

export interface ServiceInputs {
  readonly canary: Canary
  readonly split: Split
  readonly target: JsonObject | undefined
  /** The apex as its owner wrote it; absent where there is none. */
  readonly original: OriginalService | undefined
}

/** `<apex>-primary` and `<apex>-canary`: straight to the pods of one track, for people, load tests and checks. */
export function buildSplitServices(inputs: ServiceInputs): readonly JsonObject[] {
  const { canary, split } = inputs
  const { name } = canary.spec.service
  const build = (track: Track, serviceName: string): JsonObject => buildService(inputs, { name: serviceName, selector: selectorOf(split, track), mainTarget: proxyPorts.direct.name, metadata: track })
  return [build('primary', primaryName(name)), build('canary', canaryServiceName(name))]
}

/** The apex where its owner has none. It is given to whoever stays when Kinglet leaves. */
export function buildApex(inputs: ServiceInputs, to: Track): JsonObject {
  const { canary, split } = inputs
  const { service } = canary.spec
  const built = buildService(inputs, { name: service.name, selector: selectorOf(split, to), mainTarget: proxyPorts.route.name, metadata: 'apex' })
  const record = writeManagedService({
    canary: canary.name,
    desired: wiringTo(canary, split, to),
    original: { selector: selectorOf(split, 'canary'), targetPorts: { [String(service.port)]: split.appPort } },
  })
  const metadata = objectAt(built, 'metadata')
  const spec = { ...objectAt(built, 'spec'), ...(service.headless ? { clusterIP: 'None' } : {}), ...(service.trafficDistribution === undefined ? {} : { trafficDistribution: service.trafficDistribution }) }
  return { ...built, metadata: { ...metadata, annotations: { ...objectAt(metadata, 'annotations'), [managedServiceAnnotation]: record } }, spec }
}

interface Draft {
  readonly name: string
  readonly selector: Readonly<Record<string, string>>
  readonly mainTarget: string
  readonly metadata: 'apex' | Track
}

function buildService(inputs: ServiceInputs, draft: Draft): JsonObject {
  const { canary, split, target, original } = inputs
  const custom = canary.spec.service.metadata[draft.metadata]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: draft.name,
      namespace: canary.namespace,
      labels: { ...custom.labels, [split.label]: draft.name, ...ownLabels(canary) },
      annotations: { ...custom.annotations, ...unmanagedByFlux },
      ownerReferences: [ownerReference(canary)],
    },
    spec: { type: 'ClusterIP', selector: draft.selector, ports: buildPorts(canary, split, target, original, draft.mainTarget) },
  }
}

/** Whether a live Service has what the built one says; what the API server adds does not count. */
export function isServiceInSync(live: JsonObject | undefined, built: JsonObject): boolean {
  if (!live) return false
  const ports = (service: JsonObject): string => canonicalJson(listAt(service, 'spec', 'ports').map((port) => pick(port, ['name', 'port', 'protocol', 'targetPort', 'appProtocol'])))
  const has = (field: 'labels' | 'annotations'): boolean => {
    const liveMap = objectAt(live, 'metadata', field)
    return Object.entries(objectAt(built, 'metadata', field)).every(([key, value]) => liveMap[key] === value)
  }
  return canonicalJson(objectAt(live, 'spec', 'selector')) === canonicalJson(objectAt(built, 'spec', 'selector')) && ports(live) === ports(built) && has('labels') && has('annotations')
}

/** A live Service of ours with what it should have; clusterIP and whatever else the API server set stays. */
export function updateService(live: JsonObject, built: JsonObject): JsonObject {
  return {
    ...live,
    metadata: mergedMetadata(live, built),
    spec: { ...objectAt(live, 'spec'), selector: objectAt(built, 'spec', 'selector'), ports: listAt(built, 'spec', 'ports') },
  }
}

// --- the apex that somebody else owns

export const wiringTo = (canary: Canary, split: Split, to: Track): ServiceWiring => ({ selector: selectorOf(split, to), targetPorts: { [String(canary.spec.service.port)]: proxyPorts.route.name } })

/** Where a live apex leads. Without our record it is as its owner wrote it, unless it leads where only we or Flagger point. */
export function apexState(live: JsonObject | undefined, canary: Canary, split: Split): Track | 'original' | 'missing' | 'other' {
  if (!live) return 'missing'
  const record = readManagedService(objectAt(live, 'metadata', 'annotations'))
  if (!record) return objectAt(live, 'spec', 'selector')[split.label] === split.primaryValue ? 'other' : 'original'
  if (hasWiring(live, wiringTo(canary, split, 'primary'))) return 'primary'
  if (hasWiring(live, wiringTo(canary, split, 'canary'))) return 'canary'
  return hasWiring(live, record.original) ? 'original' : 'other'
}

function hasWiring(live: JsonObject, wiring: ServiceWiring): boolean {
  if (canonicalJson(objectAt(live, 'spec', 'selector')) !== canonicalJson(wiring.selector)) return false
  return listAt(live, 'spec', 'ports').every((port) => {
    const wanted = wiring.targetPorts[String(numberAt(port, 'port'))]
    return wanted === undefined || objectAt({ port }, 'port')['targetPort'] === wanted
  })
}

/** The wiring that the owner wrote: from our record, else what is there. Flagger's own wiring is undone. */
export function originalWiring(live: JsonObject, split: Split): ServiceWiring {
  const record = readManagedService(objectAt(live, 'metadata', 'annotations'))
  if (record) return record.original
  const selector = Object.fromEntries(Object.entries(objectAt(live, 'spec', 'selector')).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  const targetPorts = listAt(live, 'spec', 'ports').flatMap((port) => {
    const target = objectAt({ port }, 'port')['targetPort']
    return typeof target === 'number' || typeof target === 'string' ? [[String(numberAt(port, 'port')), target] as const] : []
  })
  return { selector: selector[split.label] === split.primaryValue ? { ...selector, [split.label]: split.value } : selector, targetPorts: Object.fromEntries(targetPorts) }
}

/** The apex's ports as its owner wrote them. */
export function originalService(live: JsonObject): OriginalService {
  const record = readManagedService(objectAt(live, 'metadata', 'annotations'))
  const ports = listAt(live, 'spec', 'ports').filter(isObject)
  return { name: stringAt(live, 'metadata', 'name') ?? '', ports: record ? ports.map((port) => ({ ...port, targetPort: record.original.targetPorts[String(numberAt(port, 'port'))] ?? port['targetPort'] ?? null })) : ports }
}

/** The apex pointed at a track, with the record that lets the webhook keep it and Kinglet leave it. */
export function pointApex(live: JsonObject, canary: Canary, split: Split, to: Track): JsonObject {
  const desired = wiringTo(canary, split, to)
  const record = writeManagedService({ canary: canary.name, desired, original: originalWiring(live, split) })
  return rewired(live, desired, { [managedServiceAnnotation]: record })
}

/** The apex as its owner wrote it; one that Kinglet made has no owner any more and stays. */
export function restoreApex(live: JsonObject, canary: Canary): JsonObject {
  const record = readManagedService(objectAt(live, 'metadata', 'annotations'))
  if (!record) return live
  const restored = rewired(live, record.original, {})
  const metadata = objectAt(restored, 'metadata')
  const owners = listAt(metadata, 'ownerReferences').filter((owner) => stringAt(owner, 'uid') !== canary.uid)
  return { ...restored, metadata: { ...metadata, ownerReferences: owners } }
}

function rewired(live: JsonObject, wiring: ServiceWiring, annotations: JsonObject): JsonObject {
  const metadata = objectAt(live, 'metadata')
  const { [managedServiceAnnotation]: _old, ...kept } = objectAt(metadata, 'annotations')
  const ports = listAt(live, 'spec', 'ports').map((port): Json => {
    const target = wiring.targetPorts[String(numberAt(port, 'port'))]
    return isObject(port) && target !== undefined ? { ...port, targetPort: target } : port
  })
  return { ...live, metadata: { ...metadata, annotations: { ...kept, ...annotations } }, spec: { ...objectAt(live, 'spec'), selector: wiring.selector, ports } }
}

const pick = (value: Json, fields: readonly string[]): JsonObject => {
  const object = objectAt({ value }, 'value')
  return Object.fromEntries(fields.filter((field) => object[field] !== undefined).map((field) => [field, object[field]]))
}
