import { managedServiceAnnotation } from '../api/keys.ts'
import { readManagedService, writeManagedService, type ManagedService, type ServiceWiring } from '../api/managed-service.ts'
import { canonicalJson, isObject, listAt, objectAt, stringAt, type Json, type JsonObject } from '../base/json.ts'
import { untouched, withAnnotation, type Mutation, type Write } from './mutation.ts'

/**
 * A user's write to a Service that Kinglet took over: the selector and the target ports stay what clients need, whatever manifest
 * is applied again. What the writer wanted instead is noted as the wiring for the day when Kinglet leaves.
 */
export function mutateService(write: Write): Mutation {
  const { object, old } = write
  const live = readManagedService(objectAt(old, 'metadata', 'annotations'))
  if (!old || !live) return untouched(object)
  // Who manages the Service and how it is wired is ours to say; what it goes back to one day may be corrected by its owner.
  const sent = readManagedService(objectAt(object, 'metadata', 'annotations'))
  const isOurs = sent !== undefined && sent.canary === live.canary && canonicalJson(sent.desired) === canonicalJson(live.desired)
  const record = isOurs ? sent : live
  const text = stringAt(isOurs ? object : old, 'metadata', 'annotations', managedServiceAnnotation)
  const wish = readWish(object, record)
  const annotation = canonicalJson(wish) === canonicalJson(record.original) ? text : writeManagedService({ ...record, original: wish })
  const kept = withAnnotation(object, managedServiceAnnotation, annotation)
  const wired = wire(kept, record.desired)
  if (wired === kept) return untouched(kept)
  // The manifest that we know already, applied again, asks for nothing new: no word about it.
  if (canonicalJson(wish) === canonicalJson(record.original)) return { object: wired, warnings: [] }
  const name = (stringAt(object, 'metadata', 'name') ?? '').slice(0, 80)
  return { object: wired, warnings: [`kinglet keeps the selector and target ports of service ${name} while canary ${record.canary.slice(0, 63)} manages it`] }
}

/** The wiring with which the user wants to be left: what the write says, where it says something else than we do. */
function readWish(object: JsonObject, { desired, original }: ManagedService): ServiceWiring {
  const selector = Object.fromEntries(Object.entries(objectAt(object, 'spec', 'selector')).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  // A selector that contains ours was built on ours, by a patch: it says nothing about what was there before.
  const isBuiltOnOurs = Object.entries(desired.selector).every(([key, value]) => selector[key] === value)
  const ports = listAt(object, 'spec', 'ports').flatMap((port) => {
    const { port: number, targetPort } = isObject(port) ? port : {}
    const isWish = typeof number === 'number' && isPort(targetPort) && String(number) in desired.targetPorts && targetPort !== desired.targetPorts[String(number)]
    return isWish ? [[String(number), targetPort] as const] : []
  })
  return {
    selector: isBuiltOnOurs || Object.keys(selector).length === 0 ? original.selector : selector,
    targetPorts: { ...original.targetPorts, ...Object.fromEntries(ports) },
  }
}

const isPort = (value: Json | undefined): value is string | number => typeof value === 'string' || typeof value === 'number'

/** The Service wired as `desired` says; the same object if it is. */
function wire(object: JsonObject, desired: ServiceWiring): JsonObject {
  const spec = objectAt(object, 'spec')
  const ports = listAt(spec, 'ports').map((port) => {
    const targetPort = isObject(port) && typeof port['port'] === 'number' ? desired.targetPorts[String(port['port'])] : undefined
    return !isObject(port) || targetPort === undefined || port['targetPort'] === targetPort ? port : { ...port, targetPort }
  })
  const isWired = canonicalJson(objectAt(spec, 'selector')) === canonicalJson(desired.selector) && ports.every((port, index) => port === listAt(spec, 'ports')[index])
  return isWired ? object : { ...object, spec: { ...spec, selector: desired.selector, ports } }
}
