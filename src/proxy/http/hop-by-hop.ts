/**
 * Fields that end at this hop (RFC 9110 §7.6.1), for requests and responses alike: dropped here, and written anew by us where the
 * next hop needs them.
 */
import { trimBlanks, type FieldLines } from './field-lines.ts'

/** Fields that a Connection line cannot take away: who could strip them could change whom the app believes, or how it frames. */
const protectedNames = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'expect',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
])

/** What the Connection lines of one message said. */
export interface ConnectionOptions {
  close: boolean
  keepAlive: boolean
  upgrade: boolean
  /** Names of further fields to drop, lower case. */
  named: string[]
}

export const noOptions = (): ConnectionOptions => ({ close: false, keepAlive: false, upgrade: false, named: [] })

/** Reads one Connection value into `options`. */
export function readConnection(value: string, options: ConnectionOptions): void {
  for (const part of value.split(',')) {
    const token = trimBlanks(part).toLowerCase()
    if (token === 'close') options.close = true
    else if (token === 'keep-alive') options.keepAlive = true
    else if (token === 'upgrade') options.upgrade = true
    else if (token !== '' && !protectedNames.has(token)) options.named.push(token)
  }
}

/** Drops the lines that Connection named. */
export function dropNamed(lines: FieldLines, named: readonly string[]): void {
  if (named.length === 0) return
  for (let index = 0; index < lines.count; index += 1) if (named.includes(lines.name(index).toLowerCase())) lines.drop(index)
}

/** Our own header names begin so. From clients and apps they are stripped: only sidecars may speak them. */
export const ownPrefix = 'x-kinglet-'
export const hopHeader = 'x-kinglet-hop'
export const serviceTimeHeader = 'x-kinglet-service-time'
/** On a 503 of the direct port: no byte reached the app. `refused`: it does not answer; `draining`: the pod is going away; `overloaded`: the sidecar has no room. */
export const unsentHeader = 'x-kinglet-unsent'
/** On a 102 of the direct port to a hop with a body under way: the app's connection is open. Never passed on. */
export const connectedHeader = 'x-kinglet-connected'
/** On every answer that a sidecar made itself: a word that says why. */
export const errorHeader = 'x-kinglet-error'
