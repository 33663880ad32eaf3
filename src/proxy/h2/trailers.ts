import { isForbiddenInTrailers } from '../http/body-reader.ts'
import type { Field } from './hpack/field.ts'

/** Trailers: the fields that go on, or undefined where they are none (RFC 9113 §8.1). */
export function readTrailers(fields: readonly Field[]): readonly Field[] | undefined {
  if (fields.some(({ role }) => role === 'malformed' || role === 'pseudo')) return undefined
  return fields.some(({ role }) => role === 'own') ? fields.filter(({ role }) => role !== 'own') : fields
}

/** Those of a request. What says something about routing or identity comes too late to be believed, as in HTTP/1. */
export const readRequestTrailers = (fields: readonly Field[]): readonly Field[] | undefined => readTrailers(fields)?.filter(({ name }) => !isForbiddenInTrailers(name))

export const grpcStatusIn = (trailers: readonly Field[]): string | undefined => trailers.find(({ role }) => role === 'grpc-status')?.value
