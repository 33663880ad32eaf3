import type { Clock } from '../base/clock.ts'
import { createBackoff, type Backoff } from './backoff.ts'

/**
 * Keys to be worked on, each once however often it is added, never two at a time for one key.
 *
 *     absent ──add──► queued ──► running ──ok──► absent
 *                       ▲          │ add meanwhile ──► queued again at its end
 *                       └─ delay ──┘ error: later, with a delay that doubles
 */
export interface Queue {
  /** Works on `key` as soon as a worker is free. False when the queue is full or stopped. */
  add(key: string): boolean
  /** As `add`, after `ms`. Of several delays of one key the earliest counts. */
  addAfter(key: string, ms: number): boolean
  /** Keys that wait, are delayed or are being worked on. */
  size(): number
  /** Takes nothing more, aborts what runs, resolves when that has ended. */
  stop(): Promise<void>
}

export interface QueueOptions {
  /** Works on one key; told again after `afterMs` if it returns that. What it throws is reported and tried again later. */
  readonly process: (key: string, signal: AbortSignal) => Promise<void | { readonly afterMs: number }>
  readonly clock: Clock
  /** Keys worked on at the same time. Default 4. */
  readonly concurrency?: number
  /** Delay after the first failure of a key and the longest one, milliseconds. Default 500 and 60 000. */
  readonly retryMs?: { readonly base: number; readonly max: number }
  /** The signal of `process` is aborted after this long. Default 5 minutes. */
  readonly timeoutMs?: number
  /** Default 100 000. */
  readonly maxKeys?: number
  readonly random?: () => number
  readonly onError?: (key: string, error: unknown, retryInMs: number) => void
}

export function createQueue(options: QueueOptions): Queue {
  const { clock, process } = options
  const { concurrency = 4, retryMs = { base: 500, max: 60_000 }, timeoutMs = 300_000, maxKeys = 100_000, random = Math.random } = options
  const waiting = new Set<string>()
  const running = new Set<string>()
  const addedMeanwhile = new Set<string>()
  const delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>()
  const failures = new Map<string, Backoff>()
  const stopping = new AbortController()
  const works = new Set<Promise<void>>()

  const size = (): number => new Set([...waiting, ...running, ...delayed.keys()]).size
  const accepts = (key: string): boolean =>
    !stopping.signal.aborted && (waiting.has(key) || running.has(key) || delayed.has(key) || waiting.size + running.size + delayed.size < maxKeys)

  const add = (key: string): boolean => {
    if (!accepts(key)) return false
    if (running.has(key)) addedMeanwhile.add(key)
    else waiting.add(key)
    startWork()
    return true
  }

  const addAfter = (key: string, ms: number): boolean => {
    if (ms <= 0) return add(key)
    if (!accepts(key)) return false
    const due = clock.now() + ms
    const other = delayed.get(key)
    if (other && other.due <= due) return true
    other?.cancel()
    delayed.set(key, { due, cancel: clock.after(ms, () => (delayed.delete(key), add(key))) })
    return true
  }

  const startWork = (): void => {
    for (const key of waiting) {
      if (running.size >= concurrency) return
      waiting.delete(key)
      running.add(key)
      const work = workOn(key)
      works.add(work)
      void work.finally(() => works.delete(work))
    }
  }

  const workOn = async (key: string): Promise<void> => {
    const aborting = new AbortController()
    const onStop = (): void => aborting.abort()
    stopping.signal.addEventListener('abort', onStop, { once: true })
    const disarm = clock.after(timeoutMs, onStop)
    try {
      const again = await process(key, aborting.signal)
      failures.delete(key)
      if (again) addAfter(key, again.afterMs)
    } catch (error) {
      if (!stopping.signal.aborted) retryLater(key, error)
    } finally {
      disarm()
      stopping.signal.removeEventListener('abort', onStop)
      running.delete(key)
      if (addedMeanwhile.delete(key)) add(key)
      startWork()
    }
  }

  const retryLater = (key: string, error: unknown): void => {
    const backoff = failures.get(key) ?? createBackoff(retryMs.base, retryMs.max, random)
    failures.set(key, backoff)
    const delayMs = backoff.next()
    options.onError?.(key, error, delayMs)
    addAfter(key, delayMs)
  }

  return {
    add,
    addAfter,
    size,
    stop: async () => {
      stopping.abort()
      waiting.clear()
      for (const { cancel } of delayed.values()) cancel()
      delayed.clear()
      await Promise.allSettled(works)
    },
  }
}
