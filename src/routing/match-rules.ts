import { singleConditions, type MatchRule, type StringMatch } from '../api/routing.ts'
import { err, ok, type Result } from '../base/result.ts'
import { cookieValue, pathOf, queryParameter, type RequestView } from './request-view.ts'
import { compileStringMatch } from './string-match.ts'

/** The index of the first rule all of whose conditions hold; -1 where there is none. */
export type RuleSet = (request: RequestView) => number

type Condition = (request: RequestView) => boolean
type Value = (request: RequestView) => string | undefined

/** A condition that cannot be evaluated: where it stands, and why. */
export interface RuleFault {
  readonly path: string
  readonly reason: string
}

/** The rules as one function, or the first fault; `path` is where they stand. */
export function compileRules(rules: readonly MatchRule[], path: string): Result<RuleSet, RuleFault> {
  const compiled: (readonly Condition[])[] = []
  for (const [index, rule] of rules.entries()) {
    const conditions = compileRule(rule, `${path}[${index}]`)
    if (!conditions.ok) return conditions
    compiled.push(conditions.value)
  }
  return ok((request) => compiled.findIndex((conditions) => conditions.every((holds) => holds(request))))
}

function compileRule(rule: MatchRule, path: string): Result<readonly Condition[], RuleFault> {
  const conditions: Condition[] = []
  for (const { field, match, value, isNegated } of questions(rule)) {
    const matches = compileStringMatch(match, field === 'uri' && rule.ignoreUriCase === true)
    if (!matches.ok) return err({ path: `${path}.${field}`, reason: matches.error })
    conditions.push(isNegated ? (request) => !matches.value(value(request)) : (request) => matches.value(value(request)))
  }
  return ok(conditions)
}

/** One condition of a rule: what is looked at, and what it should be. */
interface Question {
  readonly field: string
  readonly match: StringMatch
  readonly value: Value
  readonly isNegated: boolean
}

const singleValues: Readonly<Record<(typeof singleConditions)[number], Value>> = {
  uri: ({ target }) => pathOf(target),
  method: ({ method }) => method,
  scheme: (request) => request.header('x-forwarded-proto') ?? 'http',
  authority: ({ authority }) => authority,
}

/** Cheap questions first: the first that is answered with no ends the rule. */
function questions(rule: MatchRule): readonly Question[] {
  const single = singleConditions.flatMap((field): readonly Question[] => {
    const match = rule[field]
    return match === undefined ? [] : [{ field, match, value: singleValues[field], isNegated: false }]
  })
  const named = (field: 'headers' | 'withoutHeaders' | 'cookies' | 'queryParams', valueOf: (request: RequestView, name: string) => string | undefined): readonly Question[] =>
    Object.entries(rule[field] ?? {}).map(([name, match]) => ({
      field: `${field}.${name}`,
      match,
      value: (request) => valueOf(request, name),
      isNegated: field === 'withoutHeaders',
    }))
  return [
    ...single,
    ...named('headers', (request, name) => request.header(name)),
    ...named('withoutHeaders', (request, name) => request.header(name)),
    ...named('cookies', (request, name) => cookieValue(request.cookies() ?? '', name)),
    ...named('queryParams', ({ target }, name) => queryParameter(target, name)),
  ]
}
