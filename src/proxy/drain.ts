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
  const quietMs = (): number => performance.now() - Math.max(startedAt, ...listeners.map((listener) => listener.lastConnectionAt()))
  while (elapsedMs() < settings.deadlineMs && (elapsedMs() < settings.minMs || quietMs() < settings.quietMs)) {
    await sleep(stepMs)
    // A process that stood still sees who has come meanwhile only now.
    await turn()
  }
  for (const listener of listeners) listener.close()
  while (elapsedMs() < settings.deadlineMs && listeners.some((listener) => listener.connectionCount() > 0)) await sleep(stepMs)
  for (const listener of listeners) listener.destroy()
}
