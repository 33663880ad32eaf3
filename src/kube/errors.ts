import { AppError } from '../base/errors.ts'
import { isObject, numberAt, stringAt, type JsonObject } from '../base/json.ts'

/**
 * What the API server refused, with its own words as the message. `code` is one of the table below; `status` the HTTP status;
 * `details` the API server's `details` (name, kind, causes), empty where it gave none.
 */
export class KubeError extends AppError {
  readonly status: number
  readonly details: JsonObject

  constructor(code: string, message: string, options: { readonly status: number; readonly details?: JsonObject; readonly retryable?: boolean }) {
    super(code, message, { retryable: options.retryable ?? false })
    this.name = 'KubeError'
    this.status = options.status
    this.details = options.details ?? {}
  }
}

/** metav1.StatusReason → our code and whether the same call may succeed later. */
const byReason: Readonly<Record<string, readonly [code: string, retryable: boolean]>> = {
  Unauthorized: ['UNAUTHORIZED', false],
  Forbidden: ['FORBIDDEN', false],
  NotFound: ['NOT_FOUND', false],
  AlreadyExists: ['ALREADY_EXISTS', false],
  Conflict: ['CONFLICT', true],
  Gone: ['GONE', false],
  Expired: ['GONE', false],
  Invalid: ['INVALID', false],
  BadRequest: ['BAD_REQUEST', false],
  MethodNotAllowed: ['NOT_SUPPORTED', false],
  NotAcceptable: ['NOT_SUPPORTED', false],
  UnsupportedMediaType: ['NOT_SUPPORTED', false],
  RequestEntityTooLarge: ['TOO_LARGE', false],
  TooManyRequests: ['TOO_MANY_REQUESTS', true],
  ServerTimeout: ['TIMEOUT', true],
  Timeout: ['TIMEOUT', true],
  InternalError: ['INTERNAL', true],
  ServiceUnavailable: ['UNAVAILABLE', true],
}

/** For answers without a reason: proxies, aggregated APIs, events of a watch. */
const byStatus: Readonly<Record<number, readonly [code: string, retryable: boolean]>> = {
  400: ['BAD_REQUEST', false],
  401: ['UNAUTHORIZED', false],
  403: ['FORBIDDEN', false],
  404: ['NOT_FOUND', false],
  405: ['NOT_SUPPORTED', false],
  406: ['NOT_SUPPORTED', false],
  409: ['CONFLICT', true],
  410: ['GONE', false],
  413: ['TOO_LARGE', false],
  415: ['NOT_SUPPORTED', false],
  422: ['INVALID', false],
  429: ['TOO_MANY_REQUESTS', true],
  500: ['INTERNAL', true],
  502: ['UNAVAILABLE', true],
  503: ['UNAVAILABLE', true],
  504: ['TIMEOUT', true],
}

/** The error in an answer: `body` is the API server's Status object where it sent one, otherwise its text. */
export function errorOf(status: number, body: unknown, what: string): KubeError {
  const reason = stringAt(body, 'reason') ?? ''
  const code = numberAt(body, 'code') ?? status
  const [name, retryable] = byReason[reason] ?? byStatus[code] ?? (code >= 500 ? ['UNAVAILABLE', true] : ['BAD_REQUEST', false])
  const text = stringAt(body, 'message') ?? (typeof body === 'string' ? body.trim().slice(0, 500) : '')
  const details = isObject(body) && isObject(body['details']) ? body['details'] : {}
  return new KubeError(name, text === '' ? `${what}: HTTP ${code}` : text, { status: code, details, retryable })
}

/** Whether an error carries one of these codes. */
export const hasCode = (error: unknown, ...codes: readonly string[]): boolean => error instanceof AppError && codes.includes(error.code)
