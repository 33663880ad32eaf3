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
