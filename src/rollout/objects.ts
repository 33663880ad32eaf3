import type { Canary } from '../api/canary.ts'
import { isObject, listAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'

/** Small questions to raw objects. */

export const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''

export const find = (objects: readonly JsonObject[], name: string): JsonObject | undefined => objects.find((object) => nameOf(object) === name)

export const isOwned = (object: JsonObject, canary: Canary): boolean => listAt(object, 'metadata', 'ownerReferences').some((owner) => stringAt(owner, 'uid') === canary.uid)

/** Whether a Service's selector takes pods with these labels. */
export const selects = (selector: JsonObject, labels: JsonObject): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value)

/** Whether a LabelSelector takes pods with these labels: an empty one takes all, one that is missing none. */
export function isSelected(selector: unknown, labels: JsonObject): boolean {
  if (!isObject(selector)) return false
  return selects(objectAt(selector, 'matchLabels'), labels) && listAt(selector, 'matchExpressions').every((expression) => holds(expression, labels))
}

function holds(expression: unknown, labels: JsonObject): boolean {
  const value = labels[stringAt(expression, 'key') ?? '']
  const isAmong = value !== undefined && listAt(expression, 'values').includes(value)
  switch (stringAt(expression, 'operator')) {
    case 'In':
      return isAmong
    case 'NotIn':
      return !isAmong
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}
