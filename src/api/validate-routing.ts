import { isObject, listAt, objectAt, type JsonObject } from '../base/json.ts'
import { parseMatchRule, parseStringMatch } from './canary-routing.ts'
import { attempt, listOf } from './fields.ts'
import type { Problem } from './problem.ts'
import { matchRule, maxRules } from './routing-codec.ts'
import { namedConditions, singleConditions } from './routing.ts'
import { policyProblems } from './service-policy.ts'
import { affinityProblems } from './session-affinity.ts'

/** What is wrong with the fields that say where requests go. Whether RE2 takes an expression is seen where it is compiled. */
export function routingProblems(raw: JsonObject): readonly Problem[] {
  const rules = listAt(raw, 'spec', 'analysis', 'match')
  const malformed = [
    ...rules.flatMap((rule, index) => ruleProblems(rule, `spec.analysis.match[${index}]`)),
    ...listAt(raw, 'spec', 'service', 'match').flatMap((rule, index) => conditionProblems(rule, `spec.service.match[${index}]`)),
  ]
  return [...(malformed.length > 0 ? malformed : readProblems(rules, 'spec.analysis.match')), ...affinityProblems(raw), ...policyProblems(raw)]
}

function ruleProblems(rule: unknown, path: string): readonly Problem[] {
  if (Object.keys(objectAt(rule, 'sourceLabels')).length > 0) {
    return [{ code: 'UnsupportedField', path: `${path}.sourceLabels`, message: 'the caller is not known by its labels', remedy: 'Match by headers, cookies or queryParams' }]
  }
  return conditionProblems(rule, path)
}

function conditionProblems(rule: unknown, path: string): readonly Problem[] {
  const single = singleConditions.map((field) => [field, isObject(rule) ? rule[field] : undefined] as const)
  const named = namedConditions.flatMap((field) => Object.entries(objectAt(rule, field)).map(([name, match]) => [`${field}.${name}`, match] as const))
  return [...single, ...named].flatMap(([field, match]) =>
    match === undefined || parseStringMatch(match) ? [] : [{ code: 'InvalidSpec', path: `${path}.${field}`, message: 'it is not exactly one of exact, prefix, suffix and regex', remedy: 'Keep one of them' }],
  )
}

/** What the sidecars would not understand is wrong here already. */
function readProblems(rules: readonly unknown[], path: string): readonly Problem[] {
  const read = attempt(listOf(matchRule, maxRules), rules.map(parseMatchRule), path)
  if (read.ok) return []
  const end = read.error.indexOf(': ')
  return [{ code: 'InvalidSpec', path: read.error.slice(0, end), message: `it ${read.error.slice(end + 2)}`, remedy: 'Correct the rule' }]
}
