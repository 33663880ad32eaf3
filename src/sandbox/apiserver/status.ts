import { AppError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'

/** Failures as clients see them: HTTP code and a `Status` object in the words of the Kubernetes API server. */
export class ApiError extends AppError {
  readonly httpCode: number
  readonly reason: string
  readonly details: JsonObject | undefined

  constructor(httpCode: number, reason: string, message: string, details?: JsonObject) {
    super(codeOfReason[reason] ?? 'INTERNAL_ERROR', message)
    this.httpCode = httpCode
    this.reason = reason
    this.details = details
  }

  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.httpCode,
    }
  }
}

const codeOfReason: Readonly<Record<string, string>> = {
  NotFound: 'NOT_FOUND', AlreadyExists: 'ALREADY_EXISTS', Conflict: 'CONFLICT', Invalid: 'INVALID', BadRequest: 'BAD_REQUEST',
  Forbidden: 'FORBIDDEN', Unauthorized: 'UNAUTHORIZED', Expired: 'GONE', MethodNotAllowed: 'METHOD_NOT_ALLOWED',
  UnsupportedMediaType: 'UNSUPPORTED_MEDIA_TYPE', NotAcceptable: 'NOT_ACCEPTABLE', TooManyRequests: 'TOO_MANY_REQUESTS',
  InternalError: 'INTERNAL_ERROR', RequestEntityTooLarge: 'TOO_LARGE',
}

/** What is wrong with a field: the parts of one cause of an `Invalid` status. */
export interface FieldError {
  readonly reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueNotSupported' | 'FieldValueDuplicate' | 'FieldValueTypeInvalid' | 'FieldValueTooLong' | 'FieldValueTooMany'
  readonly field: string
  /** Without the field's name: `Required value`, `Invalid value: 0: must be greater than 0`. */
  readonly message: string
}

/** The resource or kind that an error speaks of. */
interface Named {
  readonly group: string
  readonly resource: string
  readonly kind: string
}

export const qualified = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`)

const detailsOf = (type: Named, name: string): JsonObject => ({ ...(name === '' ? {} : { name }), ...(type.group === '' ? {} : { group: type.group }), kind: type.resource })

export const notFound = (type: Named, name: string): ApiError => new ApiError(404, 'NotFound', `${qualified(type.resource, type.group)} "${name}" not found`, detailsOf(type, name))

export const noSuchPath = (): ApiError => new ApiError(404, 'NotFound', 'the server could not find the requested resource', {})

export const alreadyExists = (type: Named, name: string): ApiError => new ApiError(409, 'AlreadyExists', `${qualified(type.resource, type.group)} "${name}" already exists`, detailsOf(type, name))

export const conflict = (type: Named, name: string, why: string): ApiError =>
  new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(type.resource, type.group)} "${name}": ${why}`, detailsOf(type, name))

export const modifiedSince = 'the object has been modified; please apply your changes to the latest version and try again'

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message)

export const forbidden = (type: Named, name: string, why: string): ApiError =>
  new ApiError(403, 'Forbidden', `${qualified(type.resource, type.group)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`, detailsOf(type, name))

export const internalError = (message: string): ApiError => new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })

export const methodNotAllowed = (): ApiError => new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

export const expired = (message: string): ApiError => new ApiError(410, 'Expired', message)

export function invalid(type: Named, name: string, errors: readonly FieldError[]): ApiError {
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))]
  const why = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`
  const causes = errors.map(({ reason, field, message }) => ({ reason, message, field }))
  return new ApiError(422, 'Invalid', `${qualified(type.kind, type.group)} "${name}" is invalid: ${why}`, {
    name,
    ...(type.group === '' ? {} : { group: type.group }),
    kind: type.kind,
    causes,
  })
}

export const required = (field: string, detail = ''): FieldError => ({ reason: 'FieldValueRequired', field, message: detail === '' ? 'Required value' : `Required value: ${detail}` })
export const wrong = (field: string, value: unknown, detail: string): FieldError => ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${show(value)}: ${detail}` })
export const unsupported = (field: string, value: unknown, allowed: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${show(value)}: supported values: ${allowed.map((one) => `"${one}"`).join(', ')}`,
})
export const duplicate = (field: string, value: unknown): FieldError => ({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${show(value)}` })

const show = (value: unknown): string => JSON.stringify(value) ?? 'null'
