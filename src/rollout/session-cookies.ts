import type { Canary } from '../api/canary.ts'
import type { CanaryStatus } from '../api/canary-status.ts'
import type { Affinity, HoldingCookie, StickyHash } from '../api/routing.ts'
import { hash32 } from '../base/hash.ts'

/**
 * The cookies of Flagger's session affinity. The canary's has one value a run, the primary's one a step; without a weight both end,
 * and the canary's is remembered, so that it can be taken back. Values are made of the Canary and the run, not of chance: a
 * controller that takes over in the middle gives the same.
 */
export function withSessionCookies({ spec, uid }: Pick<Canary, 'spec' | 'uid'>, status: CanaryStatus): CanaryStatus {
  const { sessionAffinityCookie: running, primarySessionAffinityCookie: _primary, previousSessionAffinityCookie: before, ...rest } = status
  const { sessionAffinity } = spec.analysis
  if (!sessionAffinity) return rest
  const { cookieName, primaryCookieName } = sessionAffinity
  const { runGeneration, generation } = status.kinglet
  if (status.canaryWeight === 0) {
    const previous = running ?? before
    return { ...rest, ...(previous === undefined ? {} : { previousSessionAffinityCookie: previous }) }
  }
  return {
    ...rest,
    sessionAffinityCookie: `${cookieName}=${letters(`${uid}/${runGeneration}`)}`,
    ...(primaryCookieName === undefined ? {} : { primarySessionAffinityCookie: `${primaryCookieName}=${letters(`${uid}/${runGeneration}/${generation}`)}` }),
    ...(before === undefined ? {} : { previousSessionAffinityCookie: before }),
  }
}

/** Ten letters, as Flagger's. */
const letters = (seed: string): string => Array.from({ length: 10 }, (_none, index) => alphabet.charAt(hash32(`${seed}#${index}`) % alphabet.length)).join('')
const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** What the sidecars are told about cookies, by the durable status; undefined where there is nothing to hold or to take back. */
export function affinityOf({ spec, status }: Pick<Canary, 'spec' | 'status'>): Affinity | undefined {
  const { sessionAffinity, intervalMs } = spec.analysis
  if (!sessionAffinity) return undefined
  const { maxAge, attributes } = sessionAffinity
  const cookies = {
    canary: holding(status.sessionAffinityCookie, maxAge, attributes),
    primary: holding(status.primarySessionAffinityCookie, Math.ceil(intervalMs / 1000), attributes),
    // A browser forgets only what has the same domain and path. -1 is Flagger's.
    previous: holding(status.previousSessionAffinityCookie, -1, attributes),
  }
  const given = Object.entries(cookies).filter(([, cookie]) => cookie !== undefined)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

function holding(cookie: string | undefined, maxAge: number, attributes: string): HoldingCookie | undefined {
  const equals = cookie?.indexOf('=') ?? -1
  if (cookie === undefined || equals <= 0) return undefined
  return { name: cookie.slice(0, equals), value: cookie.slice(equals + 1), setCookie: `${cookie}; Max-Age=${maxAge}${attributes}` }
}

/** Another run begins with other users. */
export function stickyHashOf({ spec, status, uid }: Pick<Canary, 'spec' | 'status' | 'uid'>): StickyHash | undefined {
  const { stickyKey } = spec.analysis
  return stickyKey && { key: stickyKey, seed: `${uid}/${status.kinglet.runGeneration}` }
}
