import type { GuardMetric, GuardSettings } from './settings.ts'
import { startMixture, type Mixture } from './mixture.ts'
import { alternativesAbove } from './failures.ts'

/**
 * Everything the guard remembers of a run: plain JSON of a few kilobytes, which a status can hold. Write it with JSON.stringify; what is
 * read back goes on with exactly the same evidence. Its inside is the guard's own: read it by `readGuard`.
 */
export interface GuardState {
  readonly version: 1
  readonly settings: GuardSettings
  readonly counts: Readonly<Record<'primary' | 'canary', { readonly requests: number; readonly failures: number; readonly events: number }>>
  readonly failures: Mixture
  readonly aborted?: { readonly atMs: number; readonly by: GuardMetric }
}

/** The state before the first tick. */
export function startGuard(settings: GuardSettings): GuardState {
  const none = { requests: 0, failures: 0, events: 0 }
  return { version: 1, settings, counts: { primary: none, canary: none }, failures: startMixture(alternativesAbove(settings.tolerance).length) }
}
