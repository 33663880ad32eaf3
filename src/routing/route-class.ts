/**
 * Which requests belong together when it is said where a version is worse: the method and up to four segments of the path, with whatever
 * looks like the name of one thing written `{id}`. Example: `POST /v1/users/8f3a-11/cards?x=1` → `POST /v1/users/{id}/cards`.
 *
 * Words stay: letters, `-`, `_` and `.`, and up to two digits at the end (`v1`, `oauth2`). All else is an id, so that no number, token, address
 * or key comes into a status, and classes stay few.
 */
export function routeClass(method: string, target: string): string {
  const query = target.indexOf('?')
  const segments = (query < 0 ? target : target.slice(0, query)).split('/', maxSegments + 2).slice(1)
  const kept = segments.slice(0, maxSegments).map((segment) => (segment === '' || word.test(segment) ? segment : '{id}'))
  return `${method.slice(0, maxMethod)} /${kept.join('/')}${segments.length > maxSegments ? '/…' : ''}`
}

const maxSegments = 4
const maxMethod = 16
const word = /^[A-Za-z][A-Za-z._-]{0,39}\d{0,2}(?:\.[A-Za-z]{1,40})?$/
