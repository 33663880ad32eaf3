/**
 * Readers for values that somebody else wrote (a line of the stream, a file). Each takes the value and its path and returns the
 * typed value, or throws a `FieldFault` that names the path; `attempt` turns that into a Result. Exceptions stay inside one parse:
 * threading a Result through every element of nested lists would bury what is being read.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import { err, ok, type Result } from '../base/result.ts'

class FieldFault extends Error {}

export type Read<T> = (value: unknown, path: string) => T

/** Runs a reader on a whole value; `root` names it in messages. */
export function attempt<T>(read: Read<T>, value: unknown, root: string): Result<T> {
  try {
    return ok(read(value, root))
  } catch (fault) {
    if (fault instanceof FieldFault) return err(fault.message)
    throw fault
  }
}

/** Ends the parse: `path` must be what `expected` says. What came is quoted, cut to a length that fits a log line. */
export function refuse(value: unknown, path: string, expected: string): never {
  const shown = value === undefined ? 'nothing' : JSON.stringify(value)
  throw new FieldFault(`${path}: must be ${expected}, not ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`)
}

export const object: Read<JsonObject> = (value, path) => (isObject(value) ? value : refuse(value, path, 'an object'))

/** Text of 1 to `max` UTF-16 units that `pattern` describes. */
export const text =
  (max: number, pattern?: RegExp, described = 'text'): Read<string> =>
  (value, path) => {
    const fits = typeof value === 'string' && value.length > 0 && value.length <= max && (pattern?.test(value) ?? true)
    return fits ? value : refuse(value, path, `${described} of 1 to ${max} characters`)
  }

export const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): Read<number> =>
  (value, path) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
      ? Number(value)
      : refuse(value, path, max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`)

export const number =
  (min: number, max: number): Read<number> =>
  (value, path) =>
    typeof value === 'number' && value >= min && value <= max ? value : refuse(value, path, `a number from ${min} to ${max}`)

export const oneOf =
  <T extends string>(choices: readonly T[]): Read<T> =>
  (value, path) =>
    choices.find((choice) => choice === value) ?? refuse(value, path, `one of ${choices.join(', ')}`)

export const listOf =
  <T>(read: Read<T>, max: number): Read<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value) || value.length > max) return refuse(value, path, `a list of at most ${max} elements`)
    return value.map((element: unknown, index) => read(element, `${path}[${index}]`))
  }

/** An object whose keys are data: at most `max` of them, each one that `key` accepts. */
export const recordOf =
  <T>(key: RegExp, described: string, read: Read<T>, max: number): Read<Readonly<Record<string, T>>> =>
  (value, path) => {
    const entries = Object.entries(object(value, path))
    if (entries.length > max) refuse(value, path, `an object of at most ${max} fields`)
    return Object.fromEntries(
      entries.map(([name, element]) => {
        if (!key.test(name)) refuse(name, path, described)
        return [name, read(element, `${path}.${name}`)]
      }),
    )
  }
