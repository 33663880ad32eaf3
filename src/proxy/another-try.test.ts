import { describe, expect, it } from 'vitest'
import { isAnotherTry, lastNews, type ClientMemory, type FailedTry } from './another-try.ts'

describe('a client that fails again', () => {
  const client = () => ({ requests: 0, lastFailure: undefined as ClientMemory['lastFailure'] })
  const begins = (memory: ReturnType<typeof client>, now: number): FailedTry | undefined => {
    memory.requests += 1
    return lastNews(memory, now)
  }
  /** One request that fails at once, `now` milliseconds. */
  const fails = (memory: ReturnType<typeof client>, line: string, now: number): boolean => isAnotherTry(memory, begins(memory, now), line, now)

  it('counts once an epoch while it tries the same', () => {
    const memory = client()
    const counted = Array.from({ length: 31 }, (_, at) => at * 100).filter((now) => !fails(memory, 'GET /a', now))
    expect(counted).toEqual([0, 1000, 2000, 3000])
  })

  it.each([
    ['asks for something else', 0, 'GET /b', 10],
    ['had an answer in between', 1, 'GET /a', 10],
    ['waits for an epoch', 0, 'GET /a', 1000],
  ] as const)('counts anew when it %s', (_what, between, line, now) => {
    const memory = client()
    expect(fails(memory, 'GET /a', 0)).toBe(false)
    memory.requests += between
    expect(fails(memory, line, now)).toBe(false)
  })

  it('is told by when a try began, not by how long it took to fail', () => {
    const memory = client()
    fails(memory, 'GET /a', 0)
    const news = begins(memory, 10)
    expect(isAnotherTry(memory, news, 'GET /a', 5000)).toBe(true)
  })

  it('has several streams at once: those that began before the failure was known are no answer to it', () => {
    const memory = client()
    const news = [begins(memory, 0), begins(memory, 1)]
    expect(news.map((each, at) => isAnotherTry(memory, each, 'POST /pay', 2 + at))).toEqual([false, false])
    const [next, later] = [begins(memory, 10), begins(memory, 11)]
    expect([isAnotherTry(memory, next, 'POST /pay', 20), isAnotherTry(memory, later, 'POST /pay', 21)]).toEqual([true, false])
  })
})
