import { isObject, listAt, stringAt, type JsonObject } from '../../base/json.ts'
import type { Logger } from '../../runtime/log.ts'
import type { AdmittedWrites, Store } from '../contract.ts'

/** What the controllers share: where they read and write, and who owns what. */
export interface ControllerOptions {
  readonly store: Store
  readonly writes: AdmittedWrites
  readonly logger: Logger
}

export interface Owner {
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** The owner that controls an object; undefined where there is none. */
export function controllerOf(object: JsonObject): Owner | undefined {
  const reference = listAt(object, 'metadata', 'ownerReferences').find((owner) => isObject(owner) && owner['controller'] === true)
  const [kind, name, uid] = [stringAt(reference, 'kind'), stringAt(reference, 'name'), stringAt(reference, 'uid')]
  return kind === undefined || name === undefined || uid === undefined ? undefined : { kind, name, uid }
}

export const keyOf = (object: JsonObject): string => `${stringAt(object, 'metadata', 'namespace')}/${stringAt(object, 'metadata', 'name')}`

/** `namespace/name` in its parts. */
export function splitKey(key: string): readonly [string, string] {
  const at = key.indexOf('/')
  return [key.slice(0, at), key.slice(at + 1)]
}
