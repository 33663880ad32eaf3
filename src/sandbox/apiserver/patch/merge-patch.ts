import { isObject, type Json, type JsonObject } from '../../../base/json.ts'

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function applyMergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else if (isObject(value)) {
      const inner = merged[key]
      merged[key] = applyMergePatch(isObject(inner) ? inner : {}, value)
    } else merged[key] = value
  }
  return merged
}
