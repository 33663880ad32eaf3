import jsonPatch, { type Operation } from 'fast-json-patch'
import { describeError } from '../../../base/errors.ts'
import { isObject, type JsonObject } from '../../../base/json.ts'

/** RFC 6902. Throws Error with what does not apply; the document stays as it was. */
export function applyJsonPatch(document: JsonObject, operations: unknown): JsonObject {
  if (!Array.isArray(operations) || !operations.every((operation) => isObject(operation) && typeof operation['op'] === 'string' && typeof operation['path'] === 'string')) {
    throw new Error('a JSON patch is a list of operations, each with op and path')
  }
  try {
    const patched: unknown = jsonPatch.applyPatch(structuredClone(document), operations as Operation[], true).newDocument
    if (!isObject(patched)) throw new Error('the patched document is no object')
    return patched
  } catch (error) {
    // The library's errors carry the whole document in their message.
    throw new Error(describeError(error).split('\n')[0] ?? '', { cause: error })
  }
}
