import { describeError } from '../../../src/base/errors.ts'

const pollMs = 150

/**
 * Waits for a named condition: calls `check` until it returns something other than undefined or false. A check that throws counts
 * as "not yet". After `withinMs` it fails with the name and what was seen last.
 */
export async function eventually<T>(what: string, check: () => Promise<T | undefined | false> | T | undefined | false, withinMs = 90_000): Promise<T> {
  const deadline = Date.now() + withinMs
  let lastSeen = 'nothing'
  for (;;) {
    try {
      const value = await check()
      if (value !== undefined && value !== false) return value
      lastSeen = 'not so'
    } catch (error) {
      lastSeen = describeError(error)
    }
    if (Date.now() >= deadline) throw new Error(`waited ${withinMs / 1000} s in vain for: ${what} (last: ${lastSeen})`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

/** Holds when `check` stays true for `forMs`; fails as soon as it does not, with its name. */
export async function staysTrue(what: string, check: () => Promise<boolean> | boolean, forMs: number): Promise<void> {
  const deadline = Date.now() + forMs
  do {
    if (!(await check())) throw new Error(`did not stay so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  } while (Date.now() < deadline)
}
