import { canonicalJson, isObject, type Json, type JsonObject } from '../base/json.ts'

/**
 * The patch of a client-side `kubectl apply`: from the last applied manifest, the new one and the live object to the change that
 * takes what the manifest dropped out, puts what it says in, and leaves everything else alone. Pure.
 * Example: last {a:1,b:1}, new {a:2}, live {a:1,b:1,c:1} → {a:2, b:null}.
 * Source: kubectl pkg/cmd/apply, apimachinery pkg/util/strategicpatch (CreateThreeWayMergePatch).
 */
export function threeWayPatch(last: JsonObject, next: JsonObject, live: JsonObject, flavour: 'merge' | 'strategic'): JsonObject {
  return diffObject(last, next, live, { flavour, path: [] })
}

interface Place {
  readonly flavour: 'merge' | 'strategic'
  readonly path: readonly string[]
}

function diffObject(last: JsonObject, next: JsonObject, live: JsonObject, place: Place): JsonObject {
  const patch: Record<string, Json> = {}
  for (const [key, wanted] of Object.entries(next)) {
    const change = diffValue(last[key], wanted, live[key], { ...place, path: [...place.path, key] })
    if (change) Object.assign(patch, change.directives, change.value === undefined ? {} : { [key]: change.value })
  }
  for (const key of Object.keys(last)) if (isAbsent(next[key]) && !isAbsent(live[key])) patch[key] = null
  if (place.flavour === 'strategic' && Object.keys(patch).length > 0 && retainsKeys(place.path)) patch['$retainKeys'] = Object.keys(next).toSorted()
  return patch
}

interface ValueChange {
  readonly value: Json | undefined
  /** Keys beside the value that steer how it is merged. */
  readonly directives: JsonObject
}

function diffValue(last: Json | undefined, next: Json | undefined, live: Json | undefined, place: Place): ValueChange | undefined {
  if (isAbsent(next)) return isAbsent(live) ? undefined : { value: null, directives: {} }
  if (isObject(next) && isObject(live)) {
    const value = diffObject(isObject(last) ? last : {}, next, live, place)
    return Object.keys(value).length === 0 ? undefined : { value, directives: {} }
  }
  const mergeKey = place.flavour === 'strategic' ? mergeKeyAt(place.path) : undefined
  const [nextItems, liveItems, lastItems] = [keyed(next, mergeKey), keyed(live, mergeKey), keyed(last, mergeKey) ?? new Map<Json, JsonObject>()]
  if (mergeKey !== undefined && nextItems && liveItems) return diffKeyedList(mergeKey, { last: lastItems, next: nextItems, live: liveItems }, place)
  return canonicalJson(next) === canonicalJson(live) ? undefined : { value: next ?? null, directives: {} }
}

type Keyed = ReadonlyMap<Json, JsonObject>

function diffKeyedList(mergeKey: string, lists: { readonly last: Keyed; readonly next: Keyed; readonly live: Keyed }, place: Place): ValueChange | undefined {
  const { last, next, live } = lists
  const items: Json[] = []
  for (const [key, wanted] of next) {
    const present = live.get(key)
    const patch = present ? diffObject(last.get(key) ?? {}, wanted, present, { ...place, path: [...place.path, '*'] }) : wanted
    if (!present) items.push(wanted)
    else if (Object.keys(patch).length > 0) items.push({ ...patch, [mergeKey]: key })
  }
  for (const key of last.keys()) if (!next.has(key) && live.has(key)) items.push({ $patch: 'delete', [mergeKey]: key })
  const wantedOrder = [...next.keys()]
  const liveOrder = [...live.keys()].filter((key) => next.has(key))
  const isOrdered = canonicalJson(wantedOrder.filter((key) => live.has(key))) === canonicalJson(liveOrder)
  if (items.length === 0 && isOrdered) return undefined
  const field = place.path.at(-1) ?? ''
  const order = wantedOrder.map((key) => ({ [mergeKey]: key }))
  return { value: items.length === 0 ? undefined : items, directives: { [`$setElementOrder/${field}`]: order } }
}

/** The items by their merge key; undefined where it is no list of objects that all have a different one. */
function keyed(value: Json | undefined, mergeKey: string | undefined): Map<Json, JsonObject> | undefined {
  if (mergeKey === undefined || !Array.isArray(value)) return undefined
  const items = new Map<Json, JsonObject>()
  for (const item of value as readonly Json[]) {
    const key = isObject(item) ? item[mergeKey] : undefined
    if (!isObject(item) || isAbsent(key) || items.has(key ?? null)) return undefined
    items.set(key ?? null, item)
  }
  return items
}

const isAbsent = (value: Json | undefined): boolean => value === undefined || value === null

/** `patchMergeKey` of the built-in types, by the name of the field; lists that are not named here are replaced as a whole. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  secrets: 'name',
  webhooks: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  conditions: 'type',
  ownerReferences: 'uid',
}

function mergeKeyAt(path: readonly string[]): string | undefined {
  const field = path.at(-1) ?? ''
  // `ports` of a container and of a Service have different keys.
  if (field === 'ports') return path.includes('*') ? 'containerPort' : path[0] === 'spec' && path.length === 2 ? 'port' : undefined
  return mergeKeys[field]
}

/** `patchStrategy: retainKeys`: alternatives of which only the manifest's keys may remain. */
const retainsKeys = (path: readonly string[]): boolean =>
  (path.length === 2 && path[0] === 'spec' && path[1] === 'strategy') || (path.at(-1) === '*' && path.at(-2) === 'volumes')
