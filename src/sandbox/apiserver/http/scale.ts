import { isObject, type Json, type JsonObject, numberAt, objectAt, stringAt, valueAt } from '../../../base/json.ts'
import type { ResourceType, ScalePaths } from '../resource-type.ts'
import { formatLabelSelector } from '../selectors.ts'
import { badRequest, invalid, wrong } from '../status.ts'

/** The scale subresource: one number of an object, whatever its kind. */

export function toScale(object: JsonObject, paths: ScalePaths): JsonObject {
  const metadata = objectAt(object, 'metadata')
  const selector = paths.selector === undefined ? undefined : valueAt(object, ...paths.selector)
  const text = typeof selector === 'string' ? selector : isObject(selector) ? formatLabelSelector(selector) : ''
  const identity = Object.fromEntries(['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp'].map((key) => [key, metadata[key]]))
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: identity,
    spec: { replicas: numberAt(object, ...paths.spec) ?? 0 },
    status: { replicas: numberAt(object, ...paths.status) ?? 0, ...(text === '' ? {} : { selector: text }) },
  }
}

/** The object with the replicas, and the resourceVersion if one is given, of a Scale. Throws ApiError 400, 422. */
export function withScale(type: ResourceType, object: JsonObject, scale: unknown, paths: ScalePaths): JsonObject {
  if (!isObject(scale) || (stringAt(scale, 'kind') ?? 'Scale') !== 'Scale') throw badRequest('the body of the request was not a Scale')
  const replicas = numberAt(scale, 'spec', 'replicas') ?? 0
  if (replicas < 0) throw invalid({ ...type, kind: 'Scale', group: 'autoscaling' }, stringAt(object, 'metadata', 'name') ?? '', [wrong('spec.replicas', replicas, 'must be greater than or equal to 0')])
  const scaled = setAt(object, paths.spec, replicas)
  return { ...scaled, metadata: { ...objectAt(scaled, 'metadata'), resourceVersion: stringAt(scale, 'metadata', 'resourceVersion') ?? stringAt(object, 'metadata', 'resourceVersion') } }
}

function setAt(object: JsonObject, [key = '', ...rest]: readonly string[], value: Json): JsonObject {
  return { ...object, [key]: rest.length === 0 ? value : setAt(objectAt(object, key), rest, value) }
}
