import { describe, expect, it } from 'vitest'
import { isAnotherTry, type ClientMemory } from './another-try.ts'

describe('a client that fails again', () => {
  const client = () => ({ requests: 0, lastFailure: undefined as ClientMemory['lastFailure'] })
  /** Fails at request `number`, `now` milliseconds. */
  const fails = (memory: ReturnType<typeof client>, number: number, line: string, now: number): boolean => {
    memory.requests = number
    return isAnotherTry(memory, line, now)
  }

  it('counts once an epoch while it tries the same', () => {
    const memory = client()
    const counted = Array.from({ length: 31 }, (_, at) => at * 100).filter((now, at) => !fails(memory, at + 1, 'GET /a HTTP/1.1', now))
    expect(counted).toEqual([0, 1000, 2000, 3000])
  })

  it.each([
    ['asks for something else', 2, 'GET /b HTTP/1.1', 10],
    ['had an answer in between', 3, 'GET /a HTTP/1.1', 10],
    ['waits for an epoch', 2, 'GET /a HTTP/1.1', 1000],
  ] as const)('counts anew when it %s', (_what, number, line, now) => {
    const memory = client()
    expect([fails(memory, 1, 'GET /a HTTP/1.1', 0), fails(memory, number, line, now)]).toEqual([false, false])
  })
})
