/**
 * Logs: JSON lines on stderr with a constant message and keys. One log per error, where it is handled; nothing per request
 * above debug; never secrets, headers or bodies.
 */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A logger that writes lines of at least `level`; `fixed` fields stand on every line. */
export function createLogger(
  level: LogLevel,
  fixed: LogFields = {},
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Logger {
  const threshold = logLevels.indexOf(level)
  const at = (lineLevel: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (logLevels.indexOf(lineLevel) < threshold) return
    write(`${JSON.stringify({ time: new Date().toISOString(), level: lineLevel, message, ...fixed, ...fields })}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
