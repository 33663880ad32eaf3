/** Delays that double from `baseMs` to `maxMs`, each drawn from its upper half, so that many clients do not come back together. */
export interface Backoff {
  next(): number
  reset(): void
}

export function createBackoff(baseMs: number, maxMs: number, random: () => number): Backoff {
  let attempt = 0
  return {
    next: () => jittered(Math.min(maxMs, baseMs * 2 ** Math.min(attempt++, 30)), random),
    reset: () => void (attempt = 0),
  }
}

const jittered = (ms: number, random: () => number): number => ms * (0.5 + random() / 2)
