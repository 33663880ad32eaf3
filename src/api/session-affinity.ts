import { isObject, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import type { Problem } from './problem.ts'
import type { StickyKey } from './routing.ts'

/** Flagger's `analysis.sessionAffinity`. */
export interface SessionAffinitySpec {
  readonly cookieName: string
  /** Absent: users are not held on the primary. */
  readonly primaryCookieName?: string
  /** Life of the canary's cookie, seconds. Flagger's default: a day. */
  readonly maxAge: number
  /** Attributes of the cookies in Flagger's order, each with its leading `; `. */
  readonly attributes: string
}

const defaultMaxAge = 86_400
const sameSites = ['Strict', 'Lax', 'None']
const tokenText = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/
/** What an attribute may hold: nothing that ends it or the line. */
const attributeText = /^[\x21-\x3a\x3c-\x7e]{1,256}$/

export function parseSessionAffinity(analysis: JsonObject): SessionAffinitySpec | undefined {
  const raw = analysis['sessionAffinity']
  if (!isObject(raw)) return undefined
  const primary = stringAt(raw, 'primaryCookieName') ?? ''
  return {
    cookieName: stringAt(raw, 'cookieName') ?? '',
    ...(primary === '' ? {} : { primaryCookieName: primary }),
    maxAge: numberAt(raw, 'maxAge') ?? defaultMaxAge,
    attributes: attributesOf(raw),
  }
}

/** Without a Path a browser would send the cookie to pages beside the first one alone; so it is `/` unless something else is said. */
function attributesOf(raw: JsonObject): string {
  const domain = stringAt(raw, 'domain') ?? ''
  const path = stringAt(raw, 'path') ?? ''
  const sameSite = stringAt(raw, 'sameSite') ?? ''
  return [
    ...(domain === '' ? [] : [`Domain=${domain}`]),
    ...(raw['httpOnly'] === true ? ['HttpOnly'] : []),
    ...(raw['partitioned'] === true ? ['Partitioned'] : []),
    `Path=${path === '' ? '/' : path}`,
    ...(sameSite === '' ? [] : [`SameSite=${sameSite}`]),
    ...(raw['secure'] === true ? ['Secure'] : []),
  ]
    .map((attribute) => `; ${attribute}`)
    .join('')
}

/** `analysis.stickyHash`, Kinglet's own: exactly one of header, cookie and clientAddress. */
export function parseStickyKey(analysis: JsonObject): StickyKey | undefined {
  const raw = objectAt(analysis, 'stickyHash')
  const header = stringAt(raw, 'header')
  const cookie = stringAt(raw, 'cookie')
  if (header !== undefined) return { by: 'header', name: header.toLowerCase() }
  if (cookie !== undefined) return { by: 'cookie', name: cookie }
  return raw['clientAddress'] === true ? { by: 'clientAddress', trustedHops: numberAt(raw, 'trustedHops') ?? 0 } : undefined
}

export function affinityProblems(raw: JsonObject): readonly Problem[] {
  const analysis = objectAt(raw, 'spec', 'analysis')
  const affinity = analysis['sessionAffinity']
  const hash = analysis['stickyHash']
  if (affinity !== undefined && hash !== undefined) return [problem('spec.analysis.stickyHash', 'it stands beside sessionAffinity', 'Keep one of them')]
  if (affinity !== undefined) return sessionProblems(objectAt(analysis, 'sessionAffinity'))
  return hash === undefined ? [] : hashProblems(objectAt(analysis, 'stickyHash'))
}

function sessionProblems(affinity: JsonObject): readonly Problem[] {
  const path = 'spec.analysis.sessionAffinity'
  const { cookieName, primaryCookieName, maxAge, sameSite } = affinity
  const names = Object.entries({ cookieName, primaryCookieName: primaryCookieName === '' ? undefined : primaryCookieName }).filter(([field, name]) => (name !== undefined || field === 'cookieName') && !(typeof name === 'string' && tokenText.test(name)))
  const attributes = ['domain', 'path'].filter((field) => typeof affinity[field] === 'string' && affinity[field] !== '' && !attributeText.test(String(affinity[field])))
  return [
    ...names.map(([field, name]) => problem(`${path}.${field}`, `${JSON.stringify(name ?? '')} is not the name of a cookie`, 'Use letters, digits, - and _')),
    ...attributes.map((field) => problem(`${path}.${field}`, `${JSON.stringify(affinity[field])} cannot stand in a cookie`, 'Remove semicolons, blanks and what is not ASCII')),
    ...(cookieName !== undefined && cookieName === primaryCookieName ? [problem(`${path}.primaryCookieName`, 'it is the same as cookieName', 'Give the cookies different names')] : []),
    ...(maxAge === undefined || (Number.isInteger(maxAge) && Number(maxAge) > 0) ? [] : [problem(`${path}.maxAge`, `${JSON.stringify(maxAge)} is not a number of seconds above 0`, 'Set how long a user is held')]),
    ...(sameSite === undefined || sameSite === '' || sameSites.some((known) => known === sameSite) ? [] : [problem(`${path}.sameSite`, `${JSON.stringify(sameSite)} is not one of ${sameSites.join(', ')}`, 'Use one of them')]),
  ]
}

function hashProblems(hash: JsonObject): readonly Problem[] {
  const path = 'spec.analysis.stickyHash'
  const { header, cookie, clientAddress, trustedHops } = hash
  if ([header, cookie, clientAddress === true ? true : undefined].filter((key) => key !== undefined).length !== 1) return [problem(path, 'it is not exactly one of header, cookie and clientAddress', 'Keep the one by which your users differ')]
  const name = header ?? cookie
  if (name !== undefined && !(typeof name === 'string' && tokenText.test(name))) return [problem(`${path}.${header === undefined ? 'cookie' : 'header'}`, `${JSON.stringify(name)} is not a name`, 'Use letters, digits and -')]
  const isCount = trustedHops === undefined || (Number.isInteger(trustedHops) && Number(trustedHops) >= 0 && Number(trustedHops) <= 20)
  return isCount ? [] : [problem(`${path}.trustedHops`, `${JSON.stringify(trustedHops)} is not a number of proxies`, 'Set how many proxies in front of the pods add to X-Forwarded-For')]
}

const problem = (path: string, message: string, remedy: string): Problem => ({ code: 'InvalidSpec', path, message, remedy })
