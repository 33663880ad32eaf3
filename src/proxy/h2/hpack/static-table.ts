import { field, type Field } from './field.ts'

/** RFC 7541 Appendix A, in order; those with a value are written `name: value`. */
const entries = `
:authority
:method: GET
:method: POST
:path: /
:path: /index.html
:scheme: http
:scheme: https
:status: 200
:status: 204
:status: 206
:status: 304
:status: 400
:status: 404
:status: 500
accept-charset
accept-encoding: gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
`

/** By index less one: index 1 is the first. */
export const staticTable: readonly Field[] = entries
  .trim()
  .split('\n')
  .map((line) => {
    const colon = line.indexOf(': ')
    return colon < 0 ? field(line, '') : field(line.slice(0, colon), line.slice(colon + 2))
  })

/** Indexes of whole fields by key, and of the first entry with a name. */
export const staticByKey: ReadonlyMap<string, number> = new Map(staticTable.map(({ key }, index) => [key, index + 1]))
export const staticByName: ReadonlyMap<string, number> = new Map(staticTable.map(({ name }, index) => [name, index + 1] as const).toReversed())
