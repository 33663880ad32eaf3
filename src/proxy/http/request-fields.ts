/** What the field lines of a request say about the message itself, gathered in one pass; lines that are not passed on as they are get dropped. */
import type { Forwarding } from '../settings.ts'
import { trimBlanks, type Fault, type FieldLines } from './field-lines.ts'
import { dropField, FieldTable, type TakeField } from './field-table.ts'
import { hopHeader, noOptions, ownPrefix, readConnection, type ConnectionOptions } from './hop-by-hop.ts'

const fault = (status: number, reason: string): Fault => ({ status, reason })

export interface RequestFields {
  readonly connection: ConnectionOptions
  hosts: number
  host: string
  hostLine: number
  contentLength: number | undefined
  transferEncoding: string | undefined
  expect: string | undefined
  maxForwards: string | undefined
  upgrade: string | undefined
  wantsTrailers: boolean
  isHop: boolean
  via: string
  forwardedFor: string
  hasForwardedProto: boolean
  hasForwardedHost: boolean
  hasRequestId: boolean
  readonly makesRequestIds: boolean
  /** The client is nobody's proxy: what it says about others is left out. */
  readonly isDistrusted: boolean
}

const dropDistrusted: TakeField<RequestFields, Fault> = (lines, index, fields) => {
  if (fields.isDistrusted) lines.drop(index)
  return undefined
}

const requestFields = new FieldTable<RequestFields, Fault>(
  {
    te: (lines, index, fields) => {
      if (lines.value(index).toLowerCase().split(',').some((coding) => trimBlanks(coding) === 'trailers')) fields.wantsTrailers = true
      lines.drop(index)
    },
    via: (lines, index, fields) => {
      // A hop's sender has written these; the two sidecars of one request count as one proxy.
      if (fields.isHop) return
      fields.via += `${lines.value(index)}, `
      lines.drop(index)
    },
    host: (lines, index, fields) => {
      fields.hosts += 1
      fields.host = lines.value(index)
      fields.hostLine = index
    },
    expect: (lines, index, fields) => {
      fields.expect = fields.expect === undefined ? lines.value(index) : `${fields.expect}, ${lines.value(index)}`
      lines.drop(index)
    },
    upgrade: (lines, index, fields) => {
      fields.upgrade = fields.upgrade === undefined ? lines.value(index) : `${fields.upgrade}, ${lines.value(index)}`
      lines.drop(index)
    },
    'max-forwards': (lines, index, fields) => {
      fields.maxForwards = lines.value(index)
    },
    connection: (lines, index, fields) => {
      readConnection(lines.value(index), fields.connection)
      lines.drop(index)
    },
    'content-length': (lines, index, fields) => {
      if (fields.contentLength !== undefined) return fault(400, 'Content-Length twice')
      fields.contentLength = readContentLength(lines.value(index))
      lines.drop(index)
      return fields.contentLength === undefined ? fault(400, 'bad Content-Length') : undefined
    },
    'transfer-encoding': (lines, index, fields) => {
      if (fields.transferEncoding !== undefined) return fault(400, 'Transfer-Encoding twice')
      fields.transferEncoding = lines.value(index)
      lines.drop(index)
      return undefined
    },
    'x-forwarded-for': (lines, index, fields) => {
      if (fields.isHop) return
      if (!fields.isDistrusted) fields.forwardedFor += `${lines.value(index)}, `
      lines.drop(index)
    },
    'x-forwarded-host': (lines, index, fields) => {
      if (fields.isDistrusted) lines.drop(index)
      else fields.hasForwardedHost = true
    },
    'x-forwarded-proto': (lines, index, fields) => {
      if (fields.isDistrusted) lines.drop(index)
      else fields.hasForwardedProto = true
    },
    'x-forwarded-port': dropDistrusted,
    'x-real-ip': dropDistrusted,
    forwarded: dropDistrusted,
    'x-request-id': (lines, index, fields) => {
      if (fields.isDistrusted && fields.makesRequestIds) lines.drop(index)
      else fields.hasRequestId = true
    },
    'keep-alive': dropField,
    'proxy-connection': dropField,
    'proxy-authenticate': dropField,
    'proxy-authorization': dropField,
    'http2-settings': dropField,
  },
  ownPrefix,
  dropField,
)

/** `acceptsHops`: whether x-kinglet-hop is believed. */
export function gatherRequest(lines: FieldLines, { acceptsHops, forwarding }: { readonly acceptsHops: boolean; readonly forwarding: Forwarding }): RequestFields | Fault {
  const isHop = acceptsHops && lines.join(hopHeader, '') === '1'
  const fields: RequestFields = {
    connection: noOptions(),
    hosts: 0,
    host: '',
    hostLine: -1,
    contentLength: undefined,
    transferEncoding: undefined,
    expect: undefined,
    maxForwards: undefined,
    upgrade: undefined,
    wantsTrailers: false,
    isHop,
    via: '',
    forwardedFor: '',
    hasForwardedProto: false,
    hasForwardedHost: false,
    hasRequestId: false,
    makesRequestIds: forwarding.makesRequestIds,
    isDistrusted: !forwarding.believesClients && !isHop,
  }
  return requestFields.takeAll(lines, fields) ?? fields
}

/** Digits alone, at most 2⁵³ − 1; undefined for anything else. */
export function readContentLength(value: string): number | undefined {
  if (!/^\d{1,16}$/.test(value)) return undefined
  const length = Number(value)
  return Number.isSafeInteger(length) ? length : undefined
}
