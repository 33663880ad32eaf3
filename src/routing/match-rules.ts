import type { MatchRule, StringMatch } from '../api/protocol.ts'
import { err, ok, type Result } from '../base/result.ts'
import { compileStringMatch, type Matcher } from './string-match.ts'

/** The part of a request that rules can see. */
export interface RequestView {
  /** The value of the field with this lower-case name; several lines are joined with `, `; undefined where there is none. */
  header(lowerName: string): string | undefined
  /** All Cookie lines, joined with `; `; undefined where there is none. */
  cookies(): string | undefined
}

/** True where at least one rule matches with all of its conditions. No rules match nothing. */
export type RuleSet = (request: RequestView) => boolean

/** The rules as one function, or the first error with the path of its condition. */
export function compileRules(rules: readonly MatchRule[]): Result<RuleSet> {
  const compiled: ((request: RequestView) => boolean)[] = []
  for (const [index, rule] of rules.entries()) {
    const headers = compileConditions(rule.headers ?? {}, `match[${index}].headers`)
    if (!headers.ok) return headers
    const cookies = compileConditions(rule.cookies ?? {}, `match[${index}].cookies`)
    if (!cookies.ok) return cookies
    compiled.push(
      (request) =>
        headers.value.every(([name, matches]) => matches(request.header(name))) &&
        (cookies.value.length === 0 || cookiesMatch(cookies.value, request.cookies())),
    )
  }
  return ok((request) => compiled.some((matches) => matches(request)))
}

type Conditions = readonly (readonly [name: string, matches: Matcher])[]

function compileConditions(conditions: Readonly<Record<string, StringMatch>>, path: string): Result<Conditions> {
  const compiled: [string, Matcher][] = []
  for (const [name, match] of Object.entries(conditions)) {
    const matches = compileStringMatch(match)
    if (!matches.ok) return err(`${path}.${name}: ${matches.error}`)
    compiled.push([name, matches.value])
  }
  return ok(compiled)
}

const cookiesMatch = (conditions: Conditions, header: string | undefined): boolean =>
  conditions.every(([name, matches]) => matches(cookieValue(header ?? '', name)))

/**
 * The value of the first cookie of that name in a Cookie header, without the quotes that RFC 6265 §4.1.1 allows around it.
 * Names differ by case. Example: `a=1; b="2"`, `b` → `2`.
 */
export function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = pair.slice(equals + 1).trim()
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  }
  return undefined
}
