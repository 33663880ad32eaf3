import { isObject, listAt, numberAt, stringAt } from '../../base/json.ts'

/**
 * The client's own book, read from its log: one JSON line a second with counts since the start, and every failure one by
 * one. Lines may come twice or be missed; a second counts once.
 */
export interface Book {
  readonly sent: number
  readonly failed: number
  /** Requests that the client sent again by itself, because a kept-alive connection was closed under it. */
  readonly retried: number
  /** Epoch milliseconds of every failed request, in the order in which the client reported them. */
  readonly failures: readonly number[]
  /** Newest second that was read. */
  readonly second: number
}

export const emptyBook: Book = { sent: 0, failed: 0, retried: 0, failures: [], second: 0 }

/** The book with what these log lines add; lines that are no report are passed over. */
export function readBook(book: Book, log: string): Book {
  let next = book
  for (const line of log.split('\n')) {
    const report = parseLine(line)
    const second = numberAt(report, 'second')
    if (second === undefined || second <= next.second) continue
    next = {
      sent: numberAt(report, 'total', 'sent') ?? next.sent,
      failed: numberAt(report, 'total', 'failed') ?? next.failed,
      retried: numberAt(report, 'total', 'staleRetries') ?? next.retried,
      failures: [...next.failures, ...listAt(report, 'failures').flatMap((failure) => numberAt(failure, 'at') ?? [])],
      second,
    }
  }
  return next
}

/** How the failures of one span of time read: how many, the first, the last. Epoch milliseconds. */
export function failuresBetween(book: Book, from: number, to: number): readonly number[] {
  return book.failures.filter((at) => at >= from && at <= to)
}

function parseLine(line: string): unknown {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) && stringAt(value, 'level') === undefined ? value : undefined
  } catch {
    return undefined
  }
}
