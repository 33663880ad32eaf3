/** The first line of a request (RFC 9112 §3). Answers: is it one, and what does it ask for. */
import { isTokenText, type Fault } from './field-lines.ts'

const fault = (status: number, reason: string): Fault => ({ status, reason })
/** Of Host and of an absolute-form target. */
export const hostSyntax = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d{0,5})?$/
const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/i

/** Method, target and version, before the target is looked at as one. */
export function checkRequestLine(method: string, target: string, version: string, maxTargetBytes: number): Fault | undefined {
  if (!isTokenText(method)) return fault(400, 'bad method')
  if (target.length > maxTargetBytes) return fault(414, 'the request target is too long')
  if (version !== 'HTTP/1.1') {
    if (!/^HTTP\/\d\.\d$/.test(version)) return fault(400, 'bad request line')
    if (!version.startsWith('HTTP/1.')) return fault(505, 'only HTTP/1.x is spoken here')
  }
  for (let at = 0; at < target.length; at += 1) {
    const code = target.charCodeAt(at)
    if (code <= 32 || code === 35 || code === 127) return fault(400, 'bad character in the request target')
  }
  return method === 'CONNECT' || method === 'TRACE' ? fault(405, 'this method ends here') : undefined
}

/** Origin-form stays as it is, byte for byte; absolute-form is taken apart (RFC 9112 §3.2.2). */
export function readTarget(method: string, target: string): { readonly path: string; readonly authority?: string } | Fault {
  if (target.startsWith('/')) return { path: target }
  if (target === '*' && method === 'OPTIONS') return { path: target }
  const [, authority, rest] = absoluteForm.exec(target) ?? []
  if (authority === undefined || rest === undefined || !hostSyntax.test(authority)) return fault(400, 'bad request target')
  if (rest.startsWith('/')) return { path: rest, authority }
  return { path: rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`, authority }
}
