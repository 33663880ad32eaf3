import { isObject, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { namedConditions, singleConditions, type MatchRule, type StringMatch } from './routing.ts'

/** A rule of `analysis.match` or `service.match`, read tolerantly. Header names are lower case in tables: HTTP compares them so. */
export function parseMatchRule(raw: unknown): MatchRule {
  const single = singleConditions.flatMap((field) => {
    const match = parseStringMatch(objectAt(raw)[field])
    return match === undefined ? [] : [[field, match] as const]
  })
  const named = namedConditions.flatMap((field) => {
    const matches = stringMatches(objectAt(raw, field), field === 'headers' || field === 'withoutHeaders')
    return Object.keys(matches).length === 0 ? [] : [[field, matches] as const]
  })
  return { ...Object.fromEntries([...single, ...named]), ...(objectAt(raw)['ignoreUriCase'] === true ? { ignoreUriCase: true } : {}) }
}

function stringMatches(raw: JsonObject, isHeader: boolean): Readonly<Record<string, StringMatch>> {
  const entries = Object.entries(raw).flatMap(([key, value]) => {
    const match = parseStringMatch(value)
    return match ? [[isHeader ? key.toLowerCase() : key, match] as const] : []
  })
  return Object.fromEntries(entries)
}

/** Undefined where it is not one condition. An object without any is Istio's way to ask for presence. */
export function parseStringMatch(raw: unknown): StringMatch | undefined {
  if (!isObject(raw)) return undefined
  const given = (['exact', 'prefix', 'suffix', 'regex'] as const).filter((kind) => raw[kind] !== undefined)
  const [kind] = given
  if (kind === undefined) return { present: true }
  const operand = stringAt(raw, kind)
  if (given.length > 1 || operand === undefined) return undefined
  // What begins or ends with nothing is anything; only nothing matches an empty expression as a whole.
  if (operand === '' && (kind === 'prefix' || kind === 'suffix')) return { present: true }
  return (operand === '' ? { exact: '' } : { [kind]: operand }) as StringMatch
}

/**
 * The requests of an A/B test: those that a rule of the analysis and a rule of the service both match. As in Flagger's product of the
 * two lists, a field that both have (`headers`) is the analysis's.
 */
export function combineRules(ofAnalysis: readonly MatchRule[], ofService: readonly MatchRule[]): readonly MatchRule[] {
  if (ofService.length === 0) return ofAnalysis
  return ofAnalysis.flatMap((rule) => ofService.map((base) => ({ ...base, ...rule })))
}
