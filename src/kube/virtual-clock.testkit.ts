import type { Clock } from '../base/clock.ts'

/** A clock that stands still until it is told: `advance` runs what falls due, in order, and lets promises settle in between. */
export class VirtualClock implements Clock {
  #time: number
  #timers: { readonly at: number; readonly callback: () => void }[] = []

  constructor(start = Date.parse('2026-06-01T00:00:00Z')) {
    this.#time = start
  }

  now(): number {
    return this.#time
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#time + ms, callback }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
  }

  async advance(ms: number): Promise<void> {
    const end = this.#time + ms
    await settle()
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#time = next.at
      next.callback()
      await settle()
    }
    this.#time = end
  }

  get pending(): number {
    return this.#timers.length
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
