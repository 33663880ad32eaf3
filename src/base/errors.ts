/** Errors that cross a folder's border. Callers match on `code`; the message is for people. */

/**
 * A failure of the outside world (API server, socket, file), translated in its adapter.
 * `code` is stable, `SCREAMING_SNAKE`; `retryable` says whether the same call may succeed later.
 */
export class AppError extends Error {
  readonly code: string
  readonly retryable: boolean

  constructor(code: string, message: string, options: { readonly cause?: unknown; readonly retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** Ends the computation when a promise that our own code makes is broken; `message` names the promise. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AppError('INVARIANT', `broken promise of our own: ${message}`)
}

/** The text of anything that was thrown, one line, for logs, events and conditions. */
export function describeError(error: unknown): string {
  if (error instanceof Error) return error.message
  return String(error)
}
