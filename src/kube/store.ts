import { stringAt, type JsonObject } from '../base/json.ts'

/** One difference between two states of the store. */
export type Change =
  | { readonly type: 'added'; readonly object: JsonObject }
  | { readonly type: 'updated'; readonly object: JsonObject; readonly previous: JsonObject }
  /** `object` is the last state that was seen. */
  | { readonly type: 'deleted'; readonly object: JsonObject }

export type Indexers = Readonly<Record<string, (object: JsonObject) => readonly string[]>>

/** Objects by namespace and name, and by any index; each write says what it changed. */
export class ObjectStore {
  readonly #namespaces = new Map<string, Map<string, JsonObject>>()
  readonly #indexers: Indexers
  readonly #indices = new Map<string, Map<string, Set<JsonObject>>>()
  #size = 0

  constructor(indexers: Indexers) {
    this.#indexers = indexers
    for (const index of Object.keys(indexers)) this.#indices.set(index, new Map())
  }

  get size(): number {
    return this.#size
  }

  get(namespace: string | undefined, name: string): JsonObject | undefined {
    return this.#namespaces.get(namespace ?? '')?.get(name)
  }

  /** In no particular order. */
  list(namespace?: string): readonly JsonObject[] {
    if (namespace !== undefined) return [...(this.#namespaces.get(namespace)?.values() ?? [])]
    return [...this.#namespaces.values()].flatMap((objects) => [...objects.values()])
  }

  byIndex(index: string, key: string): readonly JsonObject[] {
    return [...(this.#indices.get(index)?.get(key) ?? [])]
  }

  /** Adds or replaces. No change for what is already there; another object under an old name is a deletion and an addition. */
  put(object: JsonObject): readonly Change[] {
    const [namespace, name] = keyOf(object)
    const objects = this.#namespaces.get(namespace) ?? new Map<string, JsonObject>()
    const previous = objects.get(name)
    if (previous && versionOf(previous) === versionOf(object) && uidOf(previous) === uidOf(object)) return []
    this.#namespaces.set(namespace, objects)
    objects.set(name, object)
    if (previous) this.#unindex(previous)
    else this.#size += 1
    this.#index(object)
    if (!previous) return [{ type: 'added', object }]
    if (uidOf(previous) === uidOf(object)) return [{ type: 'updated', object, previous }]
    return [
      { type: 'deleted', object: previous },
      { type: 'added', object },
    ]
  }

  remove(object: JsonObject): readonly Change[] {
    const [namespace, name] = keyOf(object)
    const objects = this.#namespaces.get(namespace)
    const previous = objects?.get(name)
    if (!objects || !previous) return []
    objects.delete(name)
    if (objects.size === 0) this.#namespaces.delete(namespace)
    this.#size -= 1
    this.#unindex(previous)
    return [{ type: 'deleted', object: uidOf(object) === uidOf(previous) ? object : previous }]
  }

  /** Makes the store hold exactly `objects`. */
  replaceAll(objects: readonly JsonObject[]): readonly Change[] {
    const kept = new Set(objects.map((object) => keyOf(object).join('/')))
    const gone = this.list().filter((object) => !kept.has(keyOf(object).join('/')))
    return [...gone.flatMap((object) => this.remove(object)), ...objects.flatMap((object) => this.put(object))]
  }

  #index(object: JsonObject): void {
    for (const [name, keysOf] of Object.entries(this.#indexers)) {
      const index = this.#indices.get(name)
      for (const key of keysOf(object)) {
        const members = index?.get(key) ?? new Set<JsonObject>()
        members.add(object)
        index?.set(key, members)
      }
    }
  }

  #unindex(object: JsonObject): void {
    for (const [name, keysOf] of Object.entries(this.#indexers)) {
      const index = this.#indices.get(name)
      for (const key of keysOf(object)) {
        const members = index?.get(key)
        members?.delete(object)
        if (members?.size === 0) index?.delete(key)
      }
    }
  }
}

const keyOf = (object: JsonObject): readonly [namespace: string, name: string] => [
  stringAt(object, 'metadata', 'namespace') ?? '',
  stringAt(object, 'metadata', 'name') ?? '',
]
const versionOf = (object: JsonObject): string | undefined => stringAt(object, 'metadata', 'resourceVersion')
const uidOf = (object: JsonObject): string | undefined => stringAt(object, 'metadata', 'uid')
