/**
 * Users who stay where they are. Answers: is this request's track settled by who sent it. Two ways: a cookie that was given with the
 * first answer (Flagger's session affinity), or a hash of something that the client sends anyway.
 */
import type { HoldingCookie, StickyHash } from '../api/routing.ts'
import { hash32 } from '../base/hash.ts'
import { cookieValue, type RequestView } from './request-view.ts'
import { whole } from './weighted-choice.ts'

/** Whether the request carries the cookie. */
export const carries = (request: RequestView, cookie: HoldingCookie | undefined): boolean => {
  if (cookie === undefined) return false
  const header = request.cookies()
  return header !== undefined && cookieValue(header, cookie.name) === cookie.value
}

/**
 * Where a user lies between 0 and the whole; undefined for a request that does not say whose it is. Whoever lies below the weight is
 * on the canary, so a rising weight adds users and sends none back.
 */
export function positionOf(request: RequestView, { key, seed }: StickyHash): number | undefined {
  const user = userOf(request, key)
  return user === undefined || user === '' ? undefined : Math.floor((hash32(`${seed}/${user}`) / 2 ** 32) * whole)
}

function userOf(request: RequestView, key: StickyHash['key']): string | undefined {
  switch (key.by) {
    case 'header':
      return request.header(key.name)
    case 'cookie':
      return cookieValue(request.cookies() ?? '', key.name)
    case 'clientAddress':
      return key.trustedHops === 0 ? request.clientAddress : forwardedFor(request, key.trustedHops)
  }
}

/**
 * Each trusted proxy has added the address that it saw at the right: with one in front, the last is the client. A list that is
 * shorter than it should be came by another way, and the oldest address in it is the best that is known.
 */
function forwardedFor(request: RequestView, trustedHops: number): string {
  const addresses = (request.header('x-forwarded-for') ?? '').split(',').map((address) => address.trim()).filter((address) => address !== '')
  return addresses.at(-trustedHops) ?? addresses[0] ?? request.clientAddress
}
