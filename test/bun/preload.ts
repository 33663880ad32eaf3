/**
 * `bun test` gives tests that import vitest a stand-in of its own; here is what that lacks of what they use. Vitest itself does not run on
 * Bun: its pool waits for ever.
 */
import FakeTimers from '@sinonjs/fake-timers'
import { describe, expect, it, vi } from 'vitest'

const intervalMs = 20
/** Of the time before a test fakes it. */
const { setTimeout } = globalThis

/** Tries until it works; after `timeout` milliseconds it fails as the last try did. */
async function persist<T>(attempt: () => T | Promise<T>, { timeout = 8000 }: { readonly timeout?: number } = {}): Promise<T> {
  const startedAt = performance.now()
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() - startedAt > timeout) throw error
      await new Promise((resolve) => setTimeout(resolve, intervalMs))
    }
  }
}

/** Matchers of whatever `read` gives when they are asked; those of `not` too. */
const polled = (matchersOf: () => Promise<object>, options: { readonly timeout?: number } | undefined): object =>
  new Proxy(
    {},
    {
      get: (_none, name) =>
        name === 'not'
          ? polled(async () => Reflect.get(await matchersOf(), name) as object, options)
          : (...expected: unknown[]) =>
              persist(async () => {
                const matchers = await matchersOf()
                const matcher = Reflect.get(matchers, name) as (...args: unknown[]) => unknown
                return matcher.apply(matchers, expected)
              }, options),
    },
  )

Object.assign(expect, { poll: (read: () => unknown, options?: { timeout?: number }) => polled(async () => expect(await read()), options) })
Object.assign(vi, { waitFor: persist })
// Its own fakes stop everything that waits, whatever a test asks for.
let clock: ReturnType<typeof FakeTimers.install> | undefined
Object.assign(vi, {
  useFakeTimers: (options: Parameters<typeof FakeTimers.install>[0]) => void (clock = FakeTimers.install({ now: Date.now(), ...options })),
  useRealTimers: () => clock?.uninstall(),
  advanceTimersByTime: (ms: number) => clock?.tick(ms),
  getTimerCount: () => clock?.countTimers() ?? 0,
})
for (const each of [describe, it]) {
  Object.assign(each, {
    runIf: (condition: boolean) => (condition ? each : each.skip),
    skipIf: (condition: boolean) => (condition ? each.skip : each),
  })
}
