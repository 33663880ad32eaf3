import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { Listener } from './listener.ts'
import type { DrainSettings } from './settings.ts'

/** How often the state of the drain is looked at. */
const stepMs = 50

/**
 * The way out after SIGTERM. Endpoints and kube-proxies learn late that this pod goes, so new connections are still taken and
 * served (by peers, once the app is gone) until things are quiet; then the listeners close, and what is in flight ends in its own
 * time, up to the deadline. Resolves when every connection is closed.
 */
export async function drainListeners(listeners: readonly Listener[], settings: DrainSettings): Promise<void> {
  const startedAt = performance.now()
  const elapsedMs = (): number => performance.now() - startedAt
  /** Whoever came before this has been seen: a process that stood still sees who has come meanwhile only a turn later. */
  let seenUntil = startedAt
  const quietMs = (): number => seenUntil - Math.max(startedAt, ...listeners.map((listener) => listener.lastConnectionAt()))
  const isBehind = (): boolean => performance.now() - seenUntil > stepMs
  while (elapsedMs() < settings.deadlineMs && (elapsedMs() < settings.minMs || quietMs() < settings.quietMs || isBehind())) {
    await sleep(stepMs)
    seenUntil = performance.now()
    await turn()
  }
  for (const listener of listeners) listener.close()
  while (elapsedMs() < settings.deadlineMs && listeners.some((listener) => listener.connectionCount() > 0)) await sleep(stepMs)
  for (const listener of listeners) listener.destroy()
}
