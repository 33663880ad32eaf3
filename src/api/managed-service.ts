import { isObject, parseObject, type Json, type JsonObject } from '../base/json.ts'
import { managedServiceAnnotation } from './keys.ts'

/**
 * What the controller wrote on a Service of the user's that it took over, in the annotation `kinglet.sh/managed-service`.
 * `desired` is what clients must get while Kinglet manages it: the webhook puts it back when the old manifest is applied again,
 * the controller when the webhook was away. `original` is what the user wrote, for the day when Kinglet leaves.
 */
export interface ManagedService {
  /** Name of the Canary that manages the Service; for messages. */
  readonly canary: string
  readonly desired: ServiceWiring
  readonly original: ServiceWiring
}

/** The part of a Service that says where its clients end up. */
export interface ServiceWiring {
  readonly selector: Readonly<Record<string, string>>
  /** By port number: `spec.ports[].port` → `spec.ports[].targetPort`. Ports that are not named keep what they have. */
  readonly targetPorts: Readonly<Record<string, string | number>>
}

/** The record in an object's annotations; undefined where it is absent or not ours. Never throws. */
export function readManagedService(annotations: JsonObject): ManagedService | undefined {
  const value = parseObject(annotations[managedServiceAnnotation])
  if (typeof value?.['canary'] !== 'string') return undefined
  const desired = readWiring(value['desired'])
  const original = readWiring(value['original'])
  return desired && original ? { canary: value['canary'], desired, original } : undefined
}

export const writeManagedService = (record: ManagedService): string => JSON.stringify(record)

function readWiring(value: Json | undefined): ServiceWiring | undefined {
  if (!isObject(value) || !isObject(value['selector']) || !isObject(value['targetPorts'])) return undefined
  const selector = Object.entries(value['selector']).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const targetPorts = Object.entries(value['targetPorts']).filter(
    (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
  )
  return { selector: Object.fromEntries(selector), targetPorts: Object.fromEntries(targetPorts) }
}
