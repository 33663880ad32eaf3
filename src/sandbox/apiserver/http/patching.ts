import { isObject, type JsonObject } from '../../../base/json.ts'
import { readApplied, readObject } from '../objects.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { applyMergePatch } from '../patch/merge-patch.ts'
import { applyStrategicMerge } from '../patch/strategic-merge.ts'
import type { ResourceType } from '../resource-type.ts'
import { resolveSchema } from '../schema/built-in.ts'
import type { Schema } from '../schema/openapi-schema.ts'
import { ApiError, badRequest, invalid, wrong } from '../status.ts'
import type { Change, WriteOptions } from '../write-path.ts'

/** What a PATCH of any content type makes of an object. */
const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

export const isApply = (contentType: string | undefined): boolean => mediaType(contentType) === types.apply

const mediaType = (contentType: string | undefined): string => (contentType ?? '').split(';')[0]?.trim() ?? ''

/** The change that a PATCH asks for. Throws ApiError 400, 415; `next` throws 422 where a JSON patch does not apply. */
export function changeOfPatch(type: ResourceType, contentType: string | undefined, body: unknown, options: WriteOptions, warn: (text: string) => void): Change {
  if (isApply(contentType)) {
    if (options.fieldManager === '') throw badRequest('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch')
    return { next: (current) => current, apply: readApplied(type, body, options.fieldValidation, warn) }
  }
  const patch = patchFunction(contentType, body, type.schema, type.custom !== undefined)
  return { next: (current) => readPatched(type, patch(current), options, warn) }
}

/** What a patch made wrong is told as the patch's fault. */
function readPatched(type: ResourceType, object: JsonObject, { fieldValidation }: WriteOptions, warn: (text: string) => void): JsonObject {
  try {
    return readObject(type, object, fieldValidation, warn)
  } catch (error) {
    const [, why] = error instanceof ApiError ? (/(strict decoding error: .*)$/.exec(error.message) ?? []) : []
    if (why === undefined) throw error
    throw invalid({ group: '', resource: '', kind: '' }, '', [wrong('patch', JSON.stringify(object), why)])
  }
}

/** The same for any JSON, such as a Scale: from object to patched object. */
export function patchFunction(contentType: string | undefined, body: unknown, schema: Schema, isCustom: boolean): (current: JsonObject) => JsonObject {
  const media = mediaType(contentType)
  if (media === types.json) return (current) => patched(() => applyJsonPatch(current, body))
  if (media === types.merge && isObject(body)) return (current) => applyMergePatch(current, body)
  if (media === types.strategic && !isCustom && isObject(body)) return (current) => applyStrategicMerge(current, body, schema, resolveSchema)
  if (media === types.merge || media === types.strategic) {
    if (!isObject(body)) throw badRequest('the patch is not a JSON object')
  }
  const accepted = [types.json, types.merge, ...(isCustom ? [] : [types.strategic]), types.apply]
  throw new ApiError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`)
}

function patched(act: () => JsonObject): JsonObject {
  try {
    return act()
  } catch {
    // The API server tells no more than this either.
    throw new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request')
  }
}
