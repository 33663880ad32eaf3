import { RE2JS } from 're2js'
import type { StringMatch } from '../api/protocol.ts'
import { err, ok, type Result } from '../base/result.ts'

/** Whether a value, absent or there, is what a condition asks for. */
export type Matcher = (value: string | undefined) => boolean

/**
 * The condition as a function. An absent value matches nothing. `regex` is RE2 (linear time: a client chooses the value) and must
 * match the whole value; what RE2 refuses is an error that quotes the expression.
 */
export function compileStringMatch(match: StringMatch): Result<Matcher> {
  if ('exact' in match) return ok((value) => value === match.exact)
  if ('prefix' in match) return ok((value) => value !== undefined && value.startsWith(match.prefix))
  if ('suffix' in match) return ok((value) => value !== undefined && value.endsWith(match.suffix))
  try {
    const expression = RE2JS.compile(match.regex)
    return ok((value) => value !== undefined && expression.testExact(value))
  } catch (error) {
    return err(`"${match.regex}" is not a regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`)
  }
}
