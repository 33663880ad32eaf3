import { stringAt, type JsonObject } from '../../base/json.ts'
import type { TokenIssuer } from '../contract.ts'

/** Audience of tokens that name none: the API server itself. */
const apiAudience = 'https://kubernetes.default.svc.cluster.local'
/** The kubelet asks for the next token after 80 % of a token's life, and within a day. */
const renewShare = 0.8
const longestMs = 86_400_000

/** Tokens of one pod: the same one until it is time to renew it. */
export function createTokenCache(tokens: TokenIssuer, pod: JsonObject, now: () => number = Date.now): (audience: string | undefined, expirationSeconds: number) => string {
  const known = new Map<string, { readonly token: string; readonly renewAt: number }>()
  const meta = { name: stringAt(pod, 'metadata', 'name') ?? '', uid: stringAt(pod, 'metadata', 'uid') ?? '' }
  return (audience, expirationSeconds) => {
    const key = `${audience ?? ''} ${expirationSeconds}`
    const cached = known.get(key)
    if (cached && now() < cached.renewAt) return cached.token
    const token = tokens.mint({
      namespace: stringAt(pod, 'metadata', 'namespace') ?? '',
      serviceAccount: stringAt(pod, 'spec', 'serviceAccountName') ?? 'default',
      audiences: [audience ?? apiAudience],
      expirationSeconds,
      pod: meta,
    })
    known.set(key, { token, renewAt: now() + Math.min(longestMs, expirationSeconds * 1000 * renewShare) })
    return token
  }
}
