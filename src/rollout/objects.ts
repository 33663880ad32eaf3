import type { Canary } from '../api/canary.ts'
import { listAt, stringAt, type JsonObject } from '../base/json.ts'

/** Small questions to raw objects. */

export const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''

export const find = (objects: readonly JsonObject[], name: string): JsonObject | undefined => objects.find((object) => nameOf(object) === name)

export const isOwned = (object: JsonObject, canary: Canary): boolean => listAt(object, 'metadata', 'ownerReferences').some((owner) => stringAt(owner, 'uid') === canary.uid)

/** Whether a Service's selector takes pods with these labels. */
export const selects = (selector: JsonObject, labels: JsonObject): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value)
