/**
 * What is done to a request of the route on its way, whatever protocol it came by. Answers: is it about this request, what is changed
 * on the way up and down, is it answered here. Must not: know bytes or sockets. Fields and meanings are Istio's.
 */
import type { CorsPolicy, HeaderEdit, MatchRule, RetryPolicy, Rewrite, RoutePolicy } from '../api/routing.ts'
import { err, ok, type Result } from '../base/result.ts'
import { compileRules, type RuleFault, type RuleSet } from './match-rules.ts'
import { pathOf, type RequestView } from './request-view.ts'
import { compileStringMatch, type Matcher } from './string-match.ts'

/** Names in lower case are compared; `set` and `add` keep the case in which they were written. */
export interface Edit {
  /** Lower-case names of lines to leave out: those that are removed, and those that are set anew. */
  readonly without: ReadonlySet<string>
  readonly lines: readonly (readonly [name: string, value: string])[]
}

/** What the policy makes of one request. */
export interface Plan {
  /** The path with its query, where it changes. */
  readonly target?: string
  readonly authority?: string
  readonly request?: Edit
  readonly response?: Edit
  readonly timeoutMs?: number
  readonly retries?: RetryPolicy
  /** A preflight that is answered with status 200 and these headers, and goes nowhere. */
  readonly preflight?: readonly (readonly [name: string, value: string])[]
}

export interface CompiledPolicy {
  readonly policy: RoutePolicy
  readonly matches: RuleSet
  readonly isAllowedOrigin: Matcher
  readonly plain: Plan
}

export function compilePolicy(policy: RoutePolicy): Result<CompiledPolicy, RuleFault> {
  const rules = compileRules(policy.match, 'match')
  if (!rules.ok) return rules
  const origins = compileOrigins(policy.corsPolicy)
  if (!origins.ok) return origins
  const { headers, rewrite, timeoutMs, retries } = policy
  const [hosts, request] = splitHost(headers?.request)
  const authority = rewrite?.authority ?? hosts
  const plain: Plan = {
    ...(authority === undefined ? {} : { authority }),
    ...(request === undefined ? {} : { request: compileEdit(request) }),
    ...(headers?.response === undefined ? {} : { response: compileEdit(headers.response) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retries === undefined ? {} : { retries }),
  }
  return ok({ policy, matches: rules.value, isAllowedOrigin: origins.value, plain })
}

/** Setting `Host` is what Istio takes for a rewrite of the authority. */
function splitHost(edit: HeaderEdit | undefined): readonly [authority: string | undefined, rest: HeaderEdit | undefined] {
  const entries = Object.entries(edit?.set ?? {})
  const host = entries.find(([name]) => name.toLowerCase() === 'host')
  return [host?.[1], edit && { ...edit, set: Object.fromEntries(entries.filter((entry) => entry !== host)) }]
}

function compileEdit({ remove = [], set = {}, add = {} }: HeaderEdit): Edit {
  return { without: new Set([...remove, ...Object.keys(set)].map((name) => name.toLowerCase())), lines: [...Object.entries(set), ...Object.entries(add)] }
}

function compileOrigins(cors: CorsPolicy | undefined): Result<Matcher, RuleFault> {
  const matchers: Matcher[] = []
  for (const [index, origin] of (cors?.allowOrigins ?? []).entries()) {
    const isAny = 'exact' in origin && origin.exact === '*'
    const matches = compileStringMatch(isAny ? { present: true } : origin)
    if (!matches.ok) return err({ path: `corsPolicy.allowOrigins[${index}]`, reason: matches.error })
    matchers.push(matches.value)
  }
  return ok((origin) => matchers.some((matches) => matches(origin)))
}

/** The plan for one request; undefined where the route is not about it. */
export function planRequest(compiled: CompiledPolicy, request: RequestView): Plan | undefined {
  const { policy, plain } = compiled
  const index = policy.match.length === 0 ? -1 : compiled.matches(request)
  if (policy.match.length > 0 && index < 0) return undefined
  const target = policy.rewrite && rewriteTarget(request.target, policy.rewrite, policy.match[index])
  const moved = target === undefined || target === request.target ? plain : { ...plain, target }
  return policy.corsPolicy === undefined ? moved : { ...moved, ...planCors(compiled, policy.corsPolicy, moved, request) }
}

/**
 * Istio's rewrite: what the rule's prefix matched is replaced, the whole path where the rule is no prefix, the leading slash where
 * there is no rule. The query stays. A double slash at the beginning, which a prefix without and a path with a slash would make, is one.
 * Example: prefix /api, uri /v2: /api/cart?a=1 → /v2/cart?a=1.
 */
export function rewriteTarget(target: string, { uri, type }: Rewrite, rule: MatchRule | undefined): string {
  if (uri === undefined || !target.startsWith('/')) return target
  const path = pathOf(target)
  const query = target.slice(path.length)
  const match = rule?.uri
  const prefix = match === undefined || 'present' in match ? '/' : 'prefix' in match ? match.prefix : undefined
  if (type === 'ReplaceFullPath' || prefix === undefined) return uri + query
  const rest = path.slice(prefix.length)
  const isBySegment = type === 'ReplacePrefixMatch' && rest !== '' && !rest.startsWith('/') && !uri.endsWith('/')
  return (isBySegment ? `${uri}/${rest}` : uri + rest).replace(/^\/{2,}/, '/') + query
}

/** Envoy's filter: an allowed preflight is answered here, one from elsewhere is the app's to answer; answers to an allowed origin say so. */
function planCors({ isAllowedOrigin }: CompiledPolicy, cors: CorsPolicy, plan: Plan, request: RequestView): Partial<Plan> {
  const origin = request.header('origin')
  if (origin === undefined || !isAllowedOrigin(origin)) return {}
  const granted: (readonly [string, string])[] = [['Access-Control-Allow-Origin', origin], ...(cors.allowCredentials ? [['Access-Control-Allow-Credentials', 'true'] as const] : [])]
  if (request.method === 'OPTIONS' && (request.header('access-control-request-method') ?? '') !== '') return { preflight: preflightLines(cors, granted) }
  const lines = [...granted, ...(cors.exposeHeaders.length > 0 ? [['Access-Control-Expose-Headers', cors.exposeHeaders.join(',')] as const] : [])]
  const before = plan.response ?? { without: new Set<string>(), lines: [] }
  // A cache must not give one origin's answer to another.
  return { response: { without: new Set([...before.without, ...lines.map(([name]) => name.toLowerCase())]), lines: [...before.lines, ...lines, ['Vary', 'Origin']] } }
}

const preflightLines = (cors: CorsPolicy, granted: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] => [
  ...granted,
  ...(cors.allowMethods.length > 0 ? [['Access-Control-Allow-Methods', cors.allowMethods.join(',')] as const] : []),
  ...(cors.allowHeaders.length > 0 ? [['Access-Control-Allow-Headers', cors.allowHeaders.join(',')] as const] : []),
  ...(cors.maxAgeSeconds === undefined ? [] : [['Access-Control-Max-Age', String(cors.maxAgeSeconds)] as const]),
  ['Vary', 'Origin'],
]
