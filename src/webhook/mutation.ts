import type { JsonObject } from '../base/json.ts'

/** One write that the API server asks about. */
export interface Write {
  readonly operation: string
  /** As the writer wants it. */
  readonly object: JsonObject
  /** As it is; absent when it is being created. */
  readonly old: JsonObject | undefined
}

/** What is to be stored, and what the writer is told. `object` shares with the write's whatever it does not change. */
export interface Mutation {
  readonly object: JsonObject
  /** Short lines; kubectl prints each as `Warning: …`. */
  readonly warnings: readonly string[]
}

/**
 * A pure function of one write: no clock, no look-ups, so that a dry run is the real run. Never refuses, and applied to its
 * own result it changes nothing.
 */
export type Mutate = (write: Write) => Mutation

export const untouched = (object: JsonObject): Mutation => ({ object, warnings: [] })

/** `object` with `value` at metadata.annotations[key]; without the key where `value` is undefined. The same object if nothing changes. */
export function withAnnotation(object: JsonObject, key: string, value: string | undefined): JsonObject {
  const metadata = (object['metadata'] ?? {}) as JsonObject
  const annotations = (metadata['annotations'] ?? {}) as JsonObject
  if (annotations[key] === value) return object
  const { [key]: _old, ...others } = annotations
  const changed = value === undefined ? others : { ...annotations, [key]: value }
  return { ...object, metadata: { ...metadata, annotations: changed } }
}
