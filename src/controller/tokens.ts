import { createHash } from 'node:crypto'
import { tokenAudience } from '../api/keys.ts'
import { resources } from '../api/resources.ts'
import { listAt, objectAt, stringAt } from '../base/json.ts'
import type { Clock } from '../base/clock.ts'
import type { ClusterWriter } from './ports.ts'

/** Whose token it is. */
export interface PodIdentity {
  readonly namespace: string
  readonly pod: string
}

/** How long an answer of the API server is believed, and how many are remembered. */
const believedMs = 60_000
const maxRemembered = 20_000
/** Asked at the same time: when a leader comes, a thousand sidecars do, and any pod may show tokens that are none. */
const maxAsked = 50

/**
 * Who shows a token: the API server says (TokenReview, our own audience). Only tokens bound to a pod count; undefined for any
 * other. Answers are kept for a minute under the token's hash, so that a thousand sidecars that reconnect ask once each.
 * Errors: the cluster's.
 */
export function createTokenReviewer(cluster: Pick<ClusterWriter, 'create'>, clock: Clock): (token: string) => Promise<PodIdentity | undefined> {
  const turns = createTurns(maxAsked)
  const known = new Map<string, { readonly at: number; readonly identity: Promise<PodIdentity | undefined> }>()
  return async (token) => {
    const key = createHash('sha256').update(token).digest('base64')
    const remembered = known.get(key)
    if (remembered && clock.now() - remembered.at < believedMs) return remembered.identity
    const identity = turns(() => review(cluster, token))
    known.delete(key)
    known.set(key, { at: clock.now(), identity })
    const [oldest] = known.keys()
    if (known.size > maxRemembered && oldest !== undefined) known.delete(oldest)
    // A failure is no answer.
    identity.catch(() => void known.delete(key))
    return identity
  }
}

/** Does at most `places` things at the same time, the others in the order in which they came. */
function createTurns(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = places
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever waits takes the place over.
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

async function review(cluster: Pick<ClusterWriter, 'create'>, token: string): Promise<PodIdentity | undefined> {
  const answer = await cluster.create(resources.tokenReviews, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [tokenAudience] } })
  const status = objectAt(answer, 'status')
  if (status['authenticated'] !== true || !listAt(status, 'audiences').includes(tokenAudience)) return undefined
  const user = objectAt(status, 'user')
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(stringAt(user, 'username') ?? '') ?? []
  const [pod] = listAt(user, 'extra', 'authentication.kubernetes.io/pod-name')
  return namespace !== undefined && typeof pod === 'string' ? { namespace, pod } : undefined
}
