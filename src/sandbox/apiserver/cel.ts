import { Environment } from '@marcbachmann/cel-js'
import { isObject } from '../../base/json.ts'
import { describeError } from '../../base/errors.ts'
import type { Result } from '../../base/result.ts'
import { findsExpression } from '../../routing/string-match.ts'

/** The Common Expression Language as Kubernetes uses it, with values of no declared type. */
const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, enableOptionalTypes: true })
// Kubernetes matches by RE2; the library's own `matches`, which cannot be replaced, by the expressions of JavaScript.
environment.registerFunction('string.matchesRe2(string): bool', findsExpression)
const inRe2 = (expression: string): string => expression.replaceAll(/\.matches\(/g, '.matchesRe2(')
const compiled = new Map<string, ReturnType<Environment['parse']>>()
/** Expressions come from CRDs and webhook configurations: few, but a cluster may live long. */
const compiledLimit = 2000

/** Integers of JSON are CEL's `int`, which the library holds as BigInt. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(toCel)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toCel(inner)]))
}

/** The value of an expression, or why it has none. Variables are plain JSON. */
export function evaluateCel(expression: string, variables: Readonly<Record<string, unknown>>): Result<unknown> {
  try {
    let program = compiled.get(expression)
    if (program === undefined) {
      program = environment.parse(inRe2(expression))
      if (compiled.size >= compiledLimit) compiled.clear()
      compiled.set(expression, program)
    }
    const context = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, toCel(value)]))
    return { ok: true, value: program(context) as unknown }
  } catch (error) {
    return { ok: false, error: (describeError(error).split('\n')[0] ?? '').replace(/^No such key/, 'no such key') }
  }
}

/** Why an expression cannot be compiled; undefined if it can. */
export function celSyntaxError(expression: string): string | undefined {
  try {
    environment.parse(inRe2(expression))
    return undefined
  } catch (error) {
    return describeError(error).split('\n')[0]
  }
}
