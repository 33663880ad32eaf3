/**
 * What happens to a request after an attempt to serve it has failed. One table for all cases: DESIGN §4, "failed hops".
 * Worked example: a primary's sidecar chose the canary, and the canary's pod refuses the connection. The request never left, so
 * another canary endpoint gets it, else the app next door; with rescue `off` the client gets a 503.
 */
import type { RouteTable, Track } from '../api/protocol.ts'

export interface FailedAttempt {
  /** The port the request came in by. At the direct port nothing is ever sent to another pod. */
  readonly port: 'route' | 'direct'
  /** The track whose endpoint or app failed, and the sidecar's own. */
  readonly track: Track
  readonly self: Track
  /** Whether the app next door failed, or another pod. */
  readonly isLocal: boolean
  /**
   * `unsent`: provably no byte reached the app. `lost`: the connection ended before the first byte of an answer.
   * `status`: the answer is a 5xx that nobody has seen yet. `timeout`: no answer came in time.
   */
  readonly failure: 'unsent' | 'lost' | 'status' | 'timeout'
  /** The connection had served a request before: its server may have closed it while the request was on its way. */
  readonly isReused: boolean
  readonly method: string
  /** The whole body that was read so far is still at hand. */
  readonly canReplay: boolean
  readonly rescue: RouteTable['rescue']
}

/**
 * `again`: same place, new connection. `elsewhere`: another endpoint of the track, and where none is left the app next door (or, if
 * that is what failed, the primary's endpoints). `primary`: the primary instead. `fail`: the client hears of it.
 */
export type Step = 'again' | 'elsewhere' | 'primary' | 'fail'

/** Methods whose repetition changes nothing (RFC 9110 §9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
/** Methods that change nothing at all: another track may answer them. */
const safe = new Set(['GET', 'HEAD'])

export function afterFailure(attempt: FailedAttempt): Step {
  if (!attempt.canReplay) return 'fail'
  const isCanaryHop = attempt.track === 'canary' && !attempt.isLocal
  const mayReplay = isCanaryHop && attempt.rescue === 'idempotent' && safe.has(attempt.method) && attempt.port === 'route'
  switch (attempt.failure) {
    case 'unsent':
      if (attempt.isReused) return 'again'
      if (attempt.port === 'direct') return 'fail'
      return isCanaryHop && attempt.self === 'primary' && attempt.rescue === 'off' ? 'fail' : 'elsewhere'
    case 'lost':
      if (attempt.isReused && idempotent.has(attempt.method)) return 'again'
      return mayReplay ? 'primary' : 'fail'
    case 'status':
      return mayReplay ? 'primary' : 'fail'
    case 'timeout':
      return 'fail'
  }
}
