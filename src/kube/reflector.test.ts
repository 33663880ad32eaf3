import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { stringAt, valueAt, type JsonObject } from '../base/json.ts'
import { FakeApi, hastyClock, realClock, reply, status, until } from './fake-api.testkit.ts'
import type { Clock } from '../base/clock.ts'
import { startReflector, type Reflector, type ReflectorOptions } from './reflector.ts'
import { ObjectStore, type Change } from './store.ts'

const collection = '/api/v1/namespaces/shop/configmaps'
const configMap = (name: string, value = 'x', extra: JsonObject = {}): JsonObject => ({
  metadata: { namespace: 'shop', name, managedFields: [{ manager: 'somebody' }], ...extra },
  data: { key: value },
})
const nameOf = (object: JsonObject): string => stringAt(object, 'metadata', 'name') ?? ''
const tell = (change: Change): string => `${change.type} ${nameOf(change.object)} ${String(valueAt(change.object, 'data', 'key'))}`

let api: FakeApi
let running: Reflector[]
beforeEach(async () => {
  api = await new FakeApi().start()
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((reflector) => reflector.stop()))
  await api.stop()
})

interface Watched {
  readonly reflector: Reflector
  readonly changes: string[]
  readonly errors: string[]
  readonly heard: (text: string) => Promise<void>
}

async function watch(options: Partial<ReflectorOptions> = {}): Promise<Watched> {
  const changes: string[] = []
  const errors: string[] = []
  const onError = (error: unknown): void => void errors.push((error as { code?: string }).code ?? String(error))
  const clock = options.clock ?? hastyClock
  const reflector = startReflector({ client: api.client(realClock), resource: resources.configMaps, namespace: 'shop', onError, ...options, clock })
  running.push(reflector)
  reflector.subscribe((change) => changes.push(tell(change)))
  await reflector.synced()
  return { reflector, changes, errors, heard: (text) => until(text, () => changes.includes(text)) }
}
const watching = (): Promise<void> => until('a watch is open', () => api.watchCount === 1)

describe('a reflector', () => {
  it('lists in pages, then hears of every change', async () => {
    for (let index = 0; index < 3; index += 1) api.put(collection, configMap(`a${index}`))
    const { reflector, changes, heard } = await watch()
    expect(changes).toEqual(['added a0 x', 'added a1 x', 'added a2 x'])
    api.put(collection, configMap('a1', 'y'))
    await heard('updated a1 y')
    api.remove(collection, 'a2')
    await heard('deleted a2 x')
    expect(reflector.list('shop').map(nameOf).toSorted()).toEqual(['a0', 'a1'])
    expect(reflector.list()).toHaveLength(2)
    expect(valueAt(reflector.get('shop', 'a1'), 'data', 'key')).toBe('y')
    expect(reflector.get('shop', 'a2')).toBeUndefined()
  })

  it('asks for bookmarks and for an end, and keeps no managedFields', async () => {
    api.put(collection, configMap('a0'))
    const { reflector } = await watch()
    await watching()
    const query = new URL(api.requests.at(-1)?.slice(4) ?? '', 'http://x').searchParams
    expect(query.get('allowWatchBookmarks')).toBe('true')
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300)
    expect(Number(query.get('timeoutSeconds'))).toBeLessThan(600)
    expect(reflector.get('shop', 'a0')).not.toHaveProperty('metadata.managedFields')
  })

  it('tells a new listener what is there, and nothing more after its end', async () => {
    api.put(collection, configMap('a0'))
    const { reflector, heard } = await watch()
    const late: string[] = []
    const end = reflector.subscribe((change) => late.push(tell(change)))
    expect(late).toEqual(['added a0 x'])
    end()
    api.put(collection, configMap('a0', 'y'))
    await heard('updated a0 y')
    expect(late).toEqual(['added a0 x'])
  })

  it('goes on when a listener throws', async () => {
    const { reflector, errors, heard } = await watch()
    reflector.subscribe(() => {
      throw new Error('a listener of somebody')
    })
    api.put(collection, configMap('a0'))
    api.put(collection, configMap('a1'))
    await heard('added a1 x')
    expect(errors).toHaveLength(2)
  })

  it('keeps what it is told to keep, and finds it by an index', async () => {
    api.put(collection, configMap('a0', 'red'))
    api.put(collection, configMap('a1', 'blue'))
    const colours = (object: JsonObject): readonly string[] => [stringAt(object, 'colour') ?? '']
    const { reflector, heard } = await watch({
      project: (object) => ({ metadata: object['metadata'], colour: valueAt(object, 'data', 'key') as string, data: object['data'] }),
      indexers: { colour: colours },
    })
    expect(reflector.byIndex('colour', 'blue').map(nameOf)).toEqual(['a1'])
    api.put(collection, configMap('a1', 'red'))
    await heard('updated a1 red')
    expect(reflector.byIndex('colour', 'red').map(nameOf).toSorted()).toEqual(['a0', 'a1'])
    expect(reflector.byIndex('colour', 'blue')).toEqual([])
  })

  it('misses nothing when the watch is dropped, and lists no second time', async () => {
    api.put(collection, configMap('a0'))
    const { heard, changes, errors } = await watch()
    await watching()
    api.dropWatches()
    api.put(collection, configMap('a0', 'y'))
    await heard('updated a0 y')
    expect(changes).toEqual(['added a0 x', 'updated a0 y'])
    expect(errors).toEqual(['UNAVAILABLE'])
    expect(api.requests.filter((line) => line.includes('limit='))).toHaveLength(1)
  })

  it('comes back at once when the API server ends a watch in order', async () => {
    const { heard, errors } = await watch({ clock: realClock })
    api.put(collection, configMap('a0'))
    await heard('added a0 x')
    api.endWatches()
    await until('a second watch', () => api.requests.filter((line) => line.includes('watch=')).length === 2)
    api.put(collection, configMap('a1'))
    await heard('added a1 x')
    expect(errors).toEqual([])
  })

  it('goes on from the last bookmark, so that a quiet resource is not listed again', async () => {
    api.put(collection, configMap('a0'))
    const { reflector } = await watch()
    await watching()
    const before = reflector.lastContact() ?? 0
    api.forget()
    api.bookmark()
    await until('the bookmark was heard', () => (reflector.lastContact() ?? 0) > before)
    api.endWatches()
    await until('a second watch', () => api.requests.filter((line) => line.includes('watch=')).length >= 2)
    await watching()
    expect(api.requests.filter((line) => line.includes('limit='))).toHaveLength(1)
  })

  it('lists again after 410 and tells the differences alone', async () => {
    for (const name of ['a0', 'a1', 'a2']) api.put(collection, configMap(name))
    const { heard, changes } = await watch()
    await watching()
    api.isFrozen = true
    api.put(collection, configMap('a1', 'y'))
    api.remove(collection, 'a2')
    api.put(collection, configMap('a3'))
    api.forget()
    api.isFrozen = false
    api.dropWatches()
    await heard('added a3 x')
    await heard('updated a1 y')
    expect(changes.slice(3).toSorted()).toEqual(['added a3 x', 'deleted a2 x', 'updated a1 y'])
  })

  it('waits longer and longer between lists where each new one is too old at once', async () => {
    const waits: number[] = []
    const after: Clock['after'] = (ms, callback) => {
      if (ms <= 30_000) waits.push(ms)
      return hastyClock.after(ms, callback)
    }
    api.intercept = (request, response) => {
      if (!request.url?.includes('watch=')) return false
      reply(response, 410, status(410, 'Expired', 'too old resource version'))
      return true
    }
    await watch({ clock: { now: () => hastyClock.now(), after }, random: () => 1 })
    await until('five lists', () => api.requests.filter((line) => line.includes('limit=')).length >= 5)
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000])
  })

  it('tells an object that was replaced by one of the same name as gone and new', async () => {
    api.put(collection, configMap('a0'))
    const { heard, changes } = await watch()
    await watching()
    api.isFrozen = true
    api.remove(collection, 'a0')
    api.put(collection, configMap('a0', 'new'))
    api.forget()
    api.isFrozen = false
    api.dropWatches()
    await heard('added a0 new')
    expect(changes).toEqual(['added a0 x', 'deleted a0 x', 'added a0 new'])
  })

  it('takes a watch for dead that says nothing for too long', async () => {
    const { heard, errors } = await watch({ silenceMs: 5_000 })
    await watching()
    api.isFrozen = true
    api.put(collection, configMap('a0'))
    api.isFrozen = false
    await heard('added a0 x')
    expect(errors).toContain('TIMEOUT')
  })

  it('tells an event that comes twice only once', async () => {
    const { changes, heard } = await watch()
    await watching()
    const object = api.put(collection, configMap('a0'))
    api.sendToWatches(`${JSON.stringify({ type: 'MODIFIED', object })}\n`)
    api.sendToWatches(`${JSON.stringify({ type: 'DELETED', object: configMap('unknown') })}\n`)
    api.put(collection, configMap('a1'))
    await heard('added a1 x')
    expect(changes).toEqual(['added a0 x', 'added a1 x'])
  })

  it('survives a line that is no event', async () => {
    const { errors, heard } = await watch()
    await watching()
    api.sendToWatches('{"type":\n')
    api.put(collection, configMap('a0'))
    await heard('added a0 x')
    expect(errors).toContain('BAD_ANSWER')
  })

  it('reads events split at any byte', async () => {
    const { heard } = await watch()
    await watching()
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: configMap('a0', 'grün → 蓝') })}\n`)
    for (const byte of line) api.sendToWatches(Buffer.from([byte]))
    await heard('added a0 grün → 蓝')
  })

  it('lists again when the watch is refused for a reason that lasts, until it is over', async () => {
    api.put(collection, configMap('a0'))
    let refusals = 2
    api.intercept = (request, response) => {
      if (!request.url?.includes('watch=') || refusals-- <= 0) return false
      reply(response, 403, status(403, 'Forbidden', 'configmaps is forbidden'))
      return true
    }
    const { errors } = await watch()
    await watching()
    expect(errors).toEqual(['FORBIDDEN', 'FORBIDDEN'])
    expect(api.requests.filter((line) => line.includes('limit='))).toHaveLength(3)
  })

  it('keeps trying until the first list succeeds', async () => {
    let failures = 3
    api.put(collection, configMap('a0'))
    api.intercept = (_request, response) => {
      if (failures-- <= 0) return false
      reply(response, 500, status(500, 'InternalError', 'etcd is away'))
      return true
    }
    const { changes, errors } = await watch()
    expect(changes).toEqual(['added a0 x'])
    expect(errors).toEqual(['INTERNAL', 'INTERNAL', 'INTERNAL'])
  })

  it('lists in one answer when the pages expired half-way', async () => {
    for (let index = 0; index < 501; index += 1) api.put(collection, configMap(`a${index}`))
    api.intercept = (request, response) => {
      if (!request.url?.includes('continue=')) return false
      reply(response, 410, status(410, 'Expired', 'the provided continue parameter is too old'))
      return true
    }
    const { reflector } = await watch()
    expect(reflector.list()).toHaveLength(501)
  })

  it('takes a resource that the cluster does not have for empty, where that is allowed', async () => {
    api.intercept = (_request, response) => {
      reply(response, 404, { message: '404 page not found' })
      return true
    }
    const { reflector, errors } = await watch({ optional: true })
    expect(reflector.hasSynced()).toBe(true)
    expect(errors).toEqual([])
  })

  it('says when it was stopped before its first list', async () => {
    api.intercept = () => true
    const reflector = startReflector({ client: api.client(realClock), resource: resources.configMaps, clock: realClock })
    const synced = reflector.synced()
    await until('the list was asked for', () => api.requests.length === 1)
    await reflector.stop()
    await expect(synced).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('the store, for any history', () => {
  const object = fc.record({ name: fc.constantFrom('a', 'b', 'c'), uid: fc.constantFrom('1', '2'), version: fc.integer({ min: 1, max: 5 }), colour: fc.constantFrom('red', 'blue') })
  const raw = ({ name, uid, version, colour }: { name: string; uid: string; version: number; colour: string }): JsonObject => ({
    metadata: { namespace: 'n', name, uid, resourceVersion: `${uid}.${version}` },
    colour: `${colour}${uid}${version}`,
  })
  const step = fc.oneof(
    fc.record({ do: fc.constant('put' as const), object }),
    fc.record({ do: fc.constant('remove' as const), object }),
    fc.record({ do: fc.constant('replaceAll' as const), objects: fc.uniqueArray(object, { selector: ({ name }) => name }) }),
  )

  it('the changes lead from each state to the next, and the index agrees with the list', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = new ObjectStore({ colour: (item) => [stringAt(item, 'colour') ?? ''] })
        const replica = new Map<string, JsonObject>()
        for (const next of steps) {
          const changes = next.do === 'put' ? store.put(raw(next.object)) : next.do === 'remove' ? store.remove(raw(next.object)) : store.replaceAll(next.objects.map(raw))
          for (const change of changes) {
            expect(replica.has(nameOf(change.object))).toBe(change.type !== 'added')
            if (change.type === 'deleted') replica.delete(nameOf(change.object))
            else replica.set(nameOf(change.object), change.object)
          }
          expect(new Set(store.list())).toEqual(new Set(replica.values()))
          expect(store.size).toBe(replica.size)
          for (const item of store.list()) expect(store.byIndex('colour', stringAt(item, 'colour') ?? '')).toContain(item)
        }
      }),
    ))
})
