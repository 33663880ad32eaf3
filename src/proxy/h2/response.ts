import { serviceTimeHeader, unsentHeader } from '../http/hop-by-hop.ts'
import { readContentLength } from '../http/request-fields.ts'
import { isGrpcType } from './grpc.ts'
import type { Field } from './hpack/field.ts'

/** The head of a response in HTTP/2. */
export interface Http2Response {
  readonly status: number
  readonly isGrpc: boolean
  readonly contentLength: number | undefined
  /** In the head of a trailers-only answer, or undefined. */
  readonly grpcStatus: string | undefined
  /** A hop's sidecar says that no byte reached the app, and why; else empty. */
  readonly unsent: string
  /** Measured next to the app, whole microseconds. */
  readonly serviceTimeUs: number | undefined
  readonly forward: readonly Field[]
}

/** Reads it; undefined where it is none. */
export function readResponse(fields: readonly Field[]): Http2Response | undefined {
  const [first] = fields
  if (first?.name !== ':status' || !/^[1-9]\d\d$/.test(first.value)) return undefined
  const forward: Field[] = [first]
  const found: { -readonly [Key in keyof Http2Response]?: Http2Response[Key] } = {}
  for (let index = 1; index < fields.length; index += 1) {
    const one = fields[index]
    if (one === undefined || one.role === 'malformed' || one.role === 'pseudo') return undefined
    if (one.role === 'own') {
      if (one.name === unsentHeader) found.unsent = one.value
      else if (one.name === serviceTimeHeader && /^\d{1,12}$/.test(one.value)) found.serviceTimeUs = Number(one.value)
      continue
    }
    if (one.role === 'hop') continue
    if (one.role === 'content-length') {
      if (found.contentLength !== undefined) return undefined
      found.contentLength = readContentLength(one.value)
      if (found.contentLength === undefined) return undefined
    }
    if (one.role === 'content-type') found.isGrpc = isGrpcType(one.value)
    else if (one.role === 'grpc-status') found.grpcStatus = one.value
    forward.push(one)
  }
  return { status: Number(first.value), isGrpc: found.isGrpc ?? false, contentLength: found.contentLength, grpcStatus: found.grpcStatus, unsent: found.unsent ?? '', serviceTimeUs: found.serviceTimeUs, forward }
}
