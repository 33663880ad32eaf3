import { hash32 } from '../base/hash.ts'

/** What a client's connection remembers of its last failed request. Written only when one fails. */
export interface ClientMemory {
  /** Requests that have begun on the connection. */
  readonly requests: number
  lastFailure: FailedTry | undefined
}

export interface FailedTry {
  /** How many requests of the connection had begun by then. */
  readonly requests: number
  /** Hash of method and target. */
  readonly line: number
  /** When the first of the row failed, on performance.now's clock. */
  readonly countedAt: number
}

/** A client that fails and tries again is one failure for so long. Milliseconds. */
const epochMs = 1000

/**
 * The failure that was the client's last news when its newest request began: what that request may be another try of. It is looked up then,
 * before chance draws a track, so that how long a track takes to fail has no part in what is left out.
 */
export function lastNews({ requests, lastFailure }: ClientMemory, now: number): FailedTry | undefined {
  return lastFailure?.requests === requests - 1 && now - lastFailure.countedAt < epochMs ? lastFailure : undefined
}

/**
 * Whether a request that has failed was the client's next try at one that failed before: the next on its connection, with the same method and
 * target, begun within an epoch. Another request in between ends the row; so do streams of HTTP/2 that begin before the answer is known.
 * So a client in a loop counts once a second, while a gateway's connection with many users on it loses no more than the part of its
 * failures whose very next request, anyone's, fails as well.
 */
export function isAnotherTry(client: ClientMemory, news: FailedTry | undefined, requestLine: string, now: number): boolean {
  const line = hash32(requestLine)
  const isAnother = news?.line === line
  client.lastFailure = { requests: client.requests, line, countedAt: isAnother ? news.countedAt : now }
  return isAnother
}
