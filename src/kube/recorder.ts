import { createHash } from 'node:crypto'
import { resources } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { stringAt, type JsonObject } from '../base/json.ts'
import { sleep, type KubeClient } from './client.ts'
import { hasCode } from './errors.ts'

export interface EventInput {
  /** The object that the event is about; apiVersion, kind and metadata are read. */
  readonly regarding: JsonObject
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, at most 128 characters. */
  readonly reason: string
  /** Cut to 1024 characters, the API server's limit. */
  readonly message: string
}

export interface Recorder {
  /** Writes in the background, in order. Never fails: what cannot be written is reported to `onError`. */
  record(event: EventInput): void
  /** Resolves when everything recorded so far is written or given up, and after `withinMs` at the latest. */
  flush(withinMs?: number): Promise<void>
}

export interface RecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>
  readonly clock: Clock
  /** `source.component`; what `kubectl get events` shows under FROM. */
  readonly component: string
  /** Told of events that were dropped or could not be written. */
  readonly onError?: (error: unknown, event: EventInput) => void
}

/** The same event within this long is one event with a higher count; client-go's interval. */
const aggregateMs = 600_000
/** Events that wait for the API server; more are dropped. */
const maxPending = 1_000
const maxRemembered = 4_096
/** Per object: a burst of 100, then one in 2 seconds. A whole rollout in steps of seconds has some 50 to tell; client-go's 25 would lose its end. */
const burst = 100
const refillMs = 2_000

/** core/v1 Events, as `kubectl describe` shows them. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { client, clock } = options
  const written = new Map<string, { readonly name: string; readonly count: number; readonly at: number }>()
  const tokens = new Map<string, { readonly left: number; readonly at: number }>()
  let pending = 0
  let serial = 0
  let tail = Promise.resolve()

  const mayPass = (regarding: JsonObject): boolean => {
    const key = `${stringAt(regarding, 'metadata', 'uid') ?? ''}/${stringAt(regarding, 'metadata', 'name') ?? ''}`
    const now = clock.now()
    const old = tokens.get(key) ?? { left: burst, at: now }
    const left = Math.min(burst, old.left + (now - old.at) / refillMs)
    remember(tokens, key, { left: left >= 1 ? left - 1 : left, at: now })
    return left >= 1
  }

  const write = async (event: EventInput): Promise<void> => {
    const key = keyOf(event)
    const now = clock.now()
    const known = written.get(key)
    const namespace = namespaceOf(event.regarding)
    if (known && now - known.at < aggregateMs) {
      const body = { count: known.count + 1, lastTimestamp: timestamp(now) }
      try {
        await client.patch(resources.events, { namespace, name: known.name }, { type: 'merge', body })
        remember(written, key, { ...known, count: known.count + 1, at: now })
        return
      } catch (error) {
        // Events expire after an hour or so: then it is a new one.
        if (!hasCode(error, 'NOT_FOUND')) throw error
      }
    }
    serial += 1
    const object = buildEvent(event, options.component, now, serial)
    await client.create(resources.events, object)
    remember(written, key, { name: stringAt(object, 'metadata', 'name') ?? '', count: 1, at: now })
  }

  return {
    record(event) {
      if (pending >= maxPending || !mayPass(event.regarding)) {
        options.onError?.(new Error(pending >= maxPending ? 'too many events wait for the API server' : 'too many events of one object'), event)
        return
      }
      pending += 1
      tail = tail
        .then(() => write(event))
        .catch((error: unknown) => options.onError?.(error, event))
        .finally(() => void (pending -= 1))
    },
    async flush(withinMs) {
      if (withinMs === undefined) return tail
      const written = new AbortController()
      return Promise.race([tail.finally(() => written.abort()), sleep(clock, withinMs, written.signal)])
    },
  }
}

/** Its name sorts by time: `kubectl describe` leaves events of one second in the order of their names, which is the API server's. */
function buildEvent(event: EventInput, component: string, nowMs: number, serial: number): JsonObject {
  const { regarding } = event
  const name = stringAt(regarding, 'metadata', 'name') ?? ''
  const suffix = `${hex(nowMs, 12)}${hex(serial % 0x1_0000, 4)}${createHash('sha256').update(keyOf(event)).digest('hex').slice(0, 4)}`
  const at = timestamp(nowMs)
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: namespaceOf(regarding), name: `${name.slice(0, 230)}.${suffix}` },
    involvedObject: {
      apiVersion: stringAt(regarding, 'apiVersion'),
      kind: stringAt(regarding, 'kind'),
      namespace: stringAt(regarding, 'metadata', 'namespace'),
      name,
      uid: stringAt(regarding, 'metadata', 'uid'),
      resourceVersion: stringAt(regarding, 'metadata', 'resourceVersion'),
    },
    type: event.type,
    reason: event.reason,
    message: messageOf(event),
    source: { component },
    reportingComponent: component,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
const messageOf = (event: EventInput): string => (event.message.length <= 1024 ? event.message : `${event.message.slice(0, 1023)}…`)
const namespaceOf = (regarding: JsonObject): string => stringAt(regarding, 'metadata', 'namespace') ?? 'default'
const keyOf = (event: EventInput): string =>
  [stringAt(event.regarding, 'metadata', 'uid') ?? stringAt(event.regarding, 'metadata', 'name') ?? '', event.type, event.reason, messageOf(event)].join('\n')
/** metav1.Time: whole seconds. */
const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** A map that forgets its oldest entry when it is full. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > maxRemembered && !oldest.done) map.delete(oldest.value)
}
