/**
 * The parts of a route table that say how requests are told apart and what is done to them on their way. Names and meanings are
 * those of Flagger's `analysis` and of Istio's HTTPRoute, which Flagger's `service` is made of. `routing-codec.ts` reads them.
 */

/**
 * Exactly one of the five. `regex` is RE2 and must match the whole value; `present` is there whatever the value (Istio's empty
 * condition).
 */
export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly regex: string }
  | { readonly present: true }

/** All of its conditions must hold. Names of headers are lower case. */
export interface MatchRule {
  readonly headers?: Readonly<Record<string, StringMatch>>
  /** Headers that must not match: absent, or another value. */
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>
  readonly cookies?: Readonly<Record<string, StringMatch>>
  /** Query parameters by name, as they stand in the URL; of several with one name the first counts. */
  readonly queryParams?: Readonly<Record<string, StringMatch>>
  /** The path without its query. */
  readonly uri?: StringMatch
  /** Compares `uri` without regard to case where it is exact, prefix or suffix. */
  readonly ignoreUriCase?: boolean
  readonly method?: StringMatch
  /** `http`, or what an ingress said in X-Forwarded-Proto. */
  readonly scheme?: StringMatch
  /** The Host header, or `:authority`. */
  readonly authority?: StringMatch
}

/** The conditions of a rule that are about one value each, and those that are about named values. */
export const singleConditions = ['uri', 'method', 'scheme', 'authority'] as const
export const namedConditions = ['headers', 'withoutHeaders', 'cookies', 'queryParams'] as const

/** A cookie by which a user is known, and the whole value of the Set-Cookie that gives it or takes it back. */
export interface HoldingCookie {
  readonly name: string
  readonly value: string
  readonly setCookie: string
}

/** Flagger's session affinity: who was once sent to a track by weight stays there. */
export interface Affinity {
  /** Holds on the canary; while the weight is above 0. */
  readonly canary?: HoldingCookie
  /** Holds on the primary, until the next step. */
  readonly primary?: HoldingCookie
  /** Of the run before: taken back wherever it comes. */
  readonly previous?: HoldingCookie
}

/**
 * Which user a request belongs to, for a choice by hash. `clientAddress` is the other end of the connection, or with `trustedHops` n
 * the n-th address from the right of X-Forwarded-For: what the n-th trusted proxy before this pod saw.
 */
export type StickyKey = { readonly by: 'header' | 'cookie'; readonly name: string } | { readonly by: 'clientAddress'; readonly trustedHops: number }

/** Whoever's hash is below the weight is on the canary. Another `seed` makes other users the first. */
export interface StickyHash {
  readonly key: StickyKey
  readonly seed: string
}

/** Changes to the headers of one direction, in this order: remove, set (replaces what is there), add (one more line). */
export interface HeaderEdit {
  readonly remove?: readonly string[]
  readonly set?: Readonly<Record<string, string>>
  readonly add?: Readonly<Record<string, string>>
}

/** Envoy's words for what is tried again. A number among them stands for that status. */
export const retryConditions = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const
export type RetryCondition = (typeof retryConditions)[number]

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly attempts: number
  /** Until the response begins. Absent: as long as any request. */
  readonly perTryTimeoutMs?: number
  readonly retryOn: readonly RetryCondition[]
  /** Statuses of `retriable-status-codes`. */
  readonly statuses: readonly number[]
}

export interface Rewrite {
  /** In place of the prefix that the matching rule asks for; of the whole path where the rule asks for something else. */
  readonly uri?: string
  readonly authority?: string
  /** Gateway API's words: the whole path in any case, or the prefix by path segments. */
  readonly type?: 'ReplaceFullPath' | 'ReplacePrefixMatch'
}

export interface CorsPolicy {
  /** `exact: '*'` is any origin. */
  readonly allowOrigins: readonly StringMatch[]
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds?: number
  readonly allowCredentials: boolean
}

/** What is done to the requests of the route whatever track they go to: the fields of Flagger's `service` that it hands to a mesh. */
export interface RoutePolicy {
  /** Which requests the route is about; none: all. Others go to the primary as they came. */
  readonly match: readonly MatchRule[]
  /** From the end of the request to the end of the response, all attempts together. */
  readonly timeoutMs?: number
  readonly retries?: RetryPolicy
  readonly headers?: { readonly request?: HeaderEdit; readonly response?: HeaderEdit }
  readonly rewrite?: Rewrite
  readonly corsPolicy?: CorsPolicy
}
