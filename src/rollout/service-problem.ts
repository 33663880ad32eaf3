/**
 * What adoption would do to the Services of a namespace. Every one that selects the target's pods is one of four: the apex, which is
 * taken over; `-primary` and `-canary`, which are ours; one that a person must settle first, because it would be left empty or would
 * lead its clients to what nobody has judged; one whose owner says that it is meant for both tracks. Ingresses and routes of gateways
 * reach pods through Services, so nothing else needs a look.
 */
import type { Canary } from '../api/canary.ts'
import { bothTracksAnnotation, canaryServiceName, primaryName } from '../api/keys.ts'
import type { Problem } from '../api/validate.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { find, isOwned, nameOf, selects } from './objects.ts'
import { originalWiring } from './resources/services.ts'
import type { Split } from './resources/split.ts'
import type { World } from './world.ts'

/** The first thing that keeps the target from being adopted; undefined where every Service is settled. */
export function serviceProblem(world: World, canary: Canary, split: Split, target: JsonObject): Problem | undefined {
  const { name } = canary.spec.service
  const labels = objectAt(target, 'spec', 'template', 'metadata', 'labels')
  const apex = find(world.services, name)
  if (apex && !selects(originalWiring(apex, split).selector, labels)) {
    return { code: 'ServiceNotOfTarget', path: `Service ${name}`, message: `it does not select the pods of Deployment ${nameOf(target)}`, remedy: 'Name the right Service in spec.service.name, or correct its selector' }
  }
  return nameTaken(world, canary) ?? otherService(world, canary, split, labels)
}

const splitNames = (canary: Canary): readonly string[] => [primaryName(canary.spec.service.name), canaryServiceName(canary.spec.service.name)]

function nameTaken(world: World, canary: Canary): Problem | undefined {
  const taken = [...splitNames(canary).map((name) => find(world.services, name)), world.primary].find((object) => object && !isOwned(object, canary))
  if (!taken) return undefined
  return { code: 'NameTaken', path: `${stringAt(taken, 'kind') ?? 'object'} ${nameOf(taken)}`, message: 'it exists already and was not made for this Canary', remedy: 'Rename or delete it' }
}

/** Services beside the apex whose clients would lose the app, or meet both versions. All of them are named. */
function otherService({ services }: World, canary: Canary, split: Split, labels: JsonObject): Problem | undefined {
  const ours = [canary.spec.service.name, ...splitNames(canary)]
  const selectorOf = (service: JsonObject): JsonObject => objectAt(service, 'spec', 'selector')
  const selecting = services.filter((service) => !ours.includes(nameOf(service)) && Object.keys(selectorOf(service)).length > 0 && selects(selectorOf(service), labels))
  const reachesPrimary = (service: JsonObject): boolean => selects(selectorOf(service), { ...labels, [split.label]: split.primaryValue })
  const emptied = selecting.filter((service) => !reachesPrimary(service))
  if (emptied.length > 0) {
    return {
      code: 'ServiceLeftEmpty',
      path: listed(emptied),
      message: `${emptied.length > 1 ? 'they select' : 'it selects'} ${split.label}=${split.value} and would be left without endpoints, because ${split.label}=${split.primaryValue} serves`,
      remedy: `Let ${emptied.length > 1 ? 'each' : 'it'} select ${split.label}=${split.primaryValue}, or delete ${emptied.length > 1 ? 'them' : 'it'}`,
    }
  }
  const mixing = selecting.filter((service) => stringAt(service, 'metadata', 'annotations', bothTracksAnnotation) !== 'true')
  if (mixing.length === 0) return undefined
  return {
    code: 'ServiceReachesCanary',
    path: listed(mixing),
    message: `${mixing.length > 1 ? 'they select' : 'it selects'} the pods of both tracks, so clients would reach new versions before they are judged`,
    remedy: `Add ${split.label}=${split.primaryValue} to the selector, or annotate the Service with ${bothTracksAnnotation}=true if it is meant for both, as one for metrics is`,
  }
}

const listed = (services: readonly JsonObject[]): string => `${services.length > 1 ? 'Services' : 'Service'} ${services.map(nameOf).toSorted().join(', ')}`
