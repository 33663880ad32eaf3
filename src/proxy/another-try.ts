import { hash32 } from '../base/hash.ts'

/** What a client's connection remembers of its last failed request. Written only when one fails. */
export interface ClientMemory {
  /** Requests so far on the connection, the present one included. */
  readonly requests: number
  lastFailure: FailedTry | undefined
}

interface FailedTry {
  /** Its number on the connection. */
  readonly request: number
  /** Hash of method and target. */
  readonly line: number
  /** When the first of the row failed, on performance.now's clock. */
  readonly countedAt: number
}

/** A client that fails and tries again is one failure for so long. Milliseconds. */
const epochMs = 1000

/**
 * Whether a request that has failed was the client's next try at one that failed before: the next on its connection, with the same method and
 * target, within an epoch. A request in between that went well ends the row. So a client in a loop counts once a second, while a gateway's
 * connection on which many users fail counts each that is not the same request right after.
 */
export function isAnotherTry(client: ClientMemory, requestLine: string, now: number): boolean {
  const { lastFailure: before, requests } = client
  const line = hash32(requestLine)
  const isAnother = before?.request === requests - 1 && before.line === line && now - before.countedAt < epochMs
  client.lastFailure = { request: requests, line, countedAt: isAnother ? before.countedAt : now }
  return isAnother
}
