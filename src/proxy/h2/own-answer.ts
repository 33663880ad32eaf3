import { errorHeader } from '../http/hop-by-hop.ts'
import type { OwnAnswer } from '../http/own-answer.ts'
import { encodeMessage, grpcStatusFor } from './grpc.ts'
import { field, type Field } from './hpack/field.ts'
import type { Stream } from './stream.ts'

/** An answer of the sidecar itself; for a gRPC call one without a body, whose head is its trailers. */
function ownHeaders(answer: OwnAnswer, request: { readonly method: string; readonly isGrpc: boolean }): { readonly headers: readonly Field[]; readonly body: Buffer | undefined } {
  const error = field(errorHeader, answer.code)
  if (request.isGrpc) return { headers: [field(':status', '200'), field('content-type', 'application/grpc'), ...ownTrailers(grpcStatusFor(answer.status), answer), error], body: undefined }
  const body = Buffer.from(`${answer.message}\n`, 'latin1')
  const headers = [field(':status', String(answer.status)), field('date', new Date().toUTCString()), field('content-type', 'text/plain; charset=utf-8'), field('content-length', String(body.length)), error]
  if (answer.status === 503) headers.push(field('retry-after', '1'))
  return { headers, body: request.method === 'HEAD' ? undefined : body }
}

/** Says it, with further fields. */
export function sendOwnAnswer(client: Stream, answer: OwnAnswer, request: { readonly method: string; readonly isGrpc: boolean }, more: readonly Field[]): void {
  const { headers, body } = ownHeaders(answer, request)
  client.sendHeaders([...headers, ...more], body === undefined)
  if (body) client.sendData(body, true)
}

export const ownTrailers = (status: number, { message }: OwnAnswer): readonly Field[] => [field('grpc-status', String(status)), field('grpc-message', encodeMessage(message))]

/** The answer to a cross-origin preflight, with the lines that the policy gives it. */
export const preflightHeaders = (lines: readonly (readonly [name: string, value: string])[]): readonly Field[] => [
  field(':status', '200'),
  field('date', new Date().toUTCString()),
  ...lines.map(([name, value]) => field(name.toLowerCase(), value)),
  field('content-length', '0'),
]
