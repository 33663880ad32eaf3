/** What gRPC puts on HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md, http-grpc-status-mapping.md), as far as a proxy must know. */

export const isGrpcType = (contentType: string): boolean => contentType.startsWith('application/grpc') && /^(?:$|[+; ])/.test(contentType.slice('application/grpc'.length))

export const grpcStatus = { cancelled: 1, unknown: 2, deadlineExceeded: 4, permissionDenied: 7, unimplemented: 12, internal: 13, unavailable: 14, unauthenticated: 16 } as const

/**
 * Codes that speak of the server, not of the request: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. Linkerd's list,
 * with UNKNOWN, which is what a handler that threw answers, and without PERMISSION_DENIED, which an app says on purpose.
 */
const failures: ReadonlySet<number> = new Set([2, 4, 13, 14, 15])

/** What a call without a grpc-status meant. */
function statusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return grpcStatus.internal
    case 401:
      return grpcStatus.unauthenticated
    case 403:
      return grpcStatus.permissionDenied
    case 404:
      return grpcStatus.unimplemented
    case 429:
    case 502:
    case 503:
    case 504:
      return grpcStatus.unavailable
    default:
      return grpcStatus.unknown
  }
}

/**
 * The HTTP status that counts like this end of a call: 200, 400 for a code that is the caller's affair, 500 for a failure. A missing or
 * malformed grpc-status is judged by the HTTP status. Example: `grpc-status: 5` (NOT_FOUND) → 400.
 */
export function equivalentStatus(httpStatus: number, status: string | undefined): number {
  const code = status !== undefined && /^\d{1,3}$/.test(status) ? Number(status) : statusOfHttp(httpStatus)
  if (code === 0) return 200
  return failures.has(code) ? 500 : 400
}

/** The status of an answer of our own, for one that would be this status in HTTP. */
export const grpcStatusFor = (httpStatus: number): number => (httpStatus === 504 ? grpcStatus.deadlineExceeded : httpStatus === 431 ? 8 : statusOfHttp(httpStatus))

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** `grpc-timeout` in milliseconds; undefined where it is none. Example: `100m` → 100. */
export function readTimeoutMs(value: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? []
  const ms = unitMs[unit ?? '']
  return digits === undefined || ms === undefined ? undefined : Number(digits) * ms
}

/** Percent-encoding of grpc-message. */
export const encodeMessage = (text: string): string => text.replaceAll(/[^ -$&-~]/g, (character) => encodeURIComponent(character))
