/** Time as a parameter: adapters take one, tests turn it by hand. The real one is `systemClock` in src/runtime/clock.ts. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once after `ms` milliseconds; the result is the way to call it off. */
  after(ms: number, callback: () => void): () => void
}
