import { describe, expect, it } from 'vitest'
import { emptyBook, failuresBetween, readBook } from './book.ts'

const line = (second: number, sent: number, failures: readonly number[] = []): string =>
  JSON.stringify({ second, streams: {}, failures: failures.map((at) => ({ at })), total: { sent, answered: sent, failed: failures.length, inFlight: 0, staleRetries: 0 } })

describe("the client's book", () => {
  it('takes the newest totals and every failure', () => {
    const book = readBook(emptyBook, [line(10, 50), line(11, 100, [10_900, 11_100])].join('\n'))
    expect(book).toMatchObject({ sent: 100, failed: 2, second: 11 })
    expect(failuresBetween(book, 11_000, 12_000)).toEqual([11_100])
  })

  it('counts a second once, however often its line is read', () => {
    const once = readBook(emptyBook, line(10, 50, [9_900]))
    expect(readBook(once, `${line(10, 50, [9_900])}\n${line(11, 100)}`).failures).toEqual([9_900])
  })

  it.each(['', 'npm warn', '{"level":"info","message":"x"}', '{"second":', '[]'])('passes over %j', (text) => expect(readBook(emptyBook, text)).toBe(emptyBook))
})
