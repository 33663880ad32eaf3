/** The lines that a request gets for its next hop, beside those that are passed on. */
import { randomUUID } from 'node:crypto'
import type { RequestFields } from './request-fields.ts'

const needsLength = new Set(['POST', 'PUT', 'PATCH'])

/** Who has forwarded this: appended to what came (RFC 9110 §7.6.3; the de facto X-Forwarded lists). */
export function forwardedLines(minor: number, host: string, fields: RequestFields, clientAddress: string): string {
  return (
    `Via: ${fields.via}1.${minor} kinglet\r\nX-Forwarded-For: ${fields.forwardedFor}${clientAddress}\r\n` +
    (fields.hasForwardedProto ? '' : 'X-Forwarded-Proto: http\r\n') +
    (fields.hasForwardedHost || host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`) +
    (fields.makesRequestIds && !fields.hasRequestId ? `X-Request-Id: ${randomUUID()}\r\n` : '')
  )
}

/** The body's framing is always said: a body that the next hop must guess is a body it may take for a request. */
export function framingLines(method: string, body: 'none' | 'length' | 'chunked', length: number | undefined): string {
  if (body === 'chunked') return 'Transfer-Encoding: chunked\r\n'
  if (length !== undefined) return `Content-Length: ${length}\r\n`
  return needsLength.has(method) ? 'Content-Length: 0\r\n' : ''
}

export function connectionLines(upgrade: boolean, wantsTrailers: boolean): string {
  if (upgrade) return 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  return wantsTrailers ? 'TE: trailers\r\nConnection: TE\r\n' : ''
}
