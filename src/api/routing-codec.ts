/**
 * Readers of the routing parts of a table. A condition that is not understood would send more requests to the canary than were
 * meant, so unknown fields of a rule are refused, not skipped.
 */
import { integer, object, oneOf, recordOf, refuse, text, type Read } from './fields.ts'
import { namedConditions, singleConditions, type Affinity, type HoldingCookie, type MatchRule, type StickyHash, type StickyKey, type StringMatch } from './routing.ts'

const maxConditions = 50
export const maxRules = 100

// The characters of a header or cookie name (RFC 9110 §5.6.2, token); header names without capitals.
const headerName = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,256}$/
const cookieName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/
const parameterName = /^[^&=#\s]{1,256}$/

const kinds = 'exactly one of exact, prefix, suffix, regex, present'

export const stringMatch: Read<StringMatch> = (value, path) => {
  const [entry, ...more] = Object.entries(object(value, path))
  if (entry === undefined || more.length > 0) return refuse(value, path, kinds)
  const [kind, operand] = entry
  // `exact` may be empty: the header is there and says nothing. An empty prefix, suffix or regex would match everything.
  if (kind === 'exact') return { exact: operand === '' ? '' : text(4096)(operand, `${path}.exact`) }
  if (kind === 'prefix') return { prefix: text(4096)(operand, `${path}.prefix`) }
  if (kind === 'suffix') return { suffix: text(4096)(operand, `${path}.suffix`) }
  if (kind === 'regex') return { regex: text(4096)(operand, `${path}.regex`) }
  if (kind === 'present' && operand === true) return { present: true }
  return refuse(value, path, kinds)
}

const headers = recordOf(headerName, 'header names in lower case', stringMatch, maxConditions)
const named = {
  headers,
  withoutHeaders: headers,
  cookies: recordOf(cookieName, 'cookie names', stringMatch, maxConditions),
  queryParams: recordOf(parameterName, 'names of query parameters', stringMatch, maxConditions),
}
const known = new Set<string>([...singleConditions, ...namedConditions, 'ignoreUriCase'])

/** A rule of whatever conditions, none at all included. */
export const anyRule: Read<MatchRule> = (value, path) => {
  const raw = object(value, path)
  const strange = Object.keys(raw).find((key) => !known.has(key))
  if (strange !== undefined) return refuse(strange, path, `conditions that this version knows (${[...known].join(', ')})`)
  return {
    ...Object.fromEntries(singleConditions.filter((key) => raw[key] !== undefined).map((key) => [key, stringMatch(raw[key], `${path}.${key}`)])),
    ...Object.fromEntries(namedConditions.filter((key) => raw[key] !== undefined).map((key) => [key, named[key](raw[key], `${path}.${key}`)])),
    ...(raw['ignoreUriCase'] === true ? { ignoreUriCase: true } : {}),
  }
}

/** A rule that says something. */
export const matchRule: Read<MatchRule> = (value, path) => {
  const rule = anyRule(value, path)
  return countConditions(rule) > 0 ? rule : refuse(value, path, 'a rule with at least one condition (an empty one would match everything)')
}

export const countConditions = (rule: MatchRule): number =>
  singleConditions.filter((key) => rule[key] !== undefined).length + namedConditions.reduce((sum, key) => sum + Object.keys(rule[key] ?? {}).length, 0)

// What may stand in a cookie's value, and in the whole of a Set-Cookie: nothing that could end the line (RFC 6265 §4.1.1).
const cookieValue = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,256}$/
const setCookieText = /^[\x20-\x7e]{1,2048}$/

const holdingCookie: Read<HoldingCookie> = (value, path) => {
  const cookie = object(value, path)
  return {
    name: text(256, cookieName, 'the name of a cookie')(cookie['name'], `${path}.name`),
    value: text(256, cookieValue, 'the value of a cookie')(cookie['value'], `${path}.value`),
    setCookie: text(2048, setCookieText, 'a Set-Cookie value')(cookie['setCookie'], `${path}.setCookie`),
  }
}

export const affinity: Read<Affinity> = (value, path) => {
  const raw = object(value, path)
  const holds = (['canary', 'primary', 'previous'] as const).filter((key) => raw[key] !== undefined)
  return Object.fromEntries(holds.map((key) => [key, holdingCookie(raw[key], `${path}.${key}`)]))
}

const stickyKey: Read<StickyKey> = (value, path) => {
  const key = object(value, path)
  const by = oneOf(['header', 'cookie', 'clientAddress'])(key['by'], `${path}.by`)
  if (by === 'clientAddress') return { by, trustedHops: integer(0, 20)(key['trustedHops'], `${path}.trustedHops`) }
  const [pattern, described] = by === 'header' ? [headerName, 'a header name in lower case'] : [cookieName, 'the name of a cookie']
  return { by, name: text(256, pattern, described)(key['name'], `${path}.name`) }
}

export const stickyHash: Read<StickyHash> = (value, path) => {
  const raw = object(value, path)
  return { key: stickyKey(raw['key'], `${path}.key`), seed: text(512)(raw['seed'], `${path}.seed`) }
}
