/** What rules can see of a request, whatever protocol it came by. */
export interface RequestView {
  readonly method: string
  /** The path with its query: `/cart?user=7`; `*` for an OPTIONS of the whole server. */
  readonly target: string
  /** The Host header, or `:authority`. Empty where there is none. */
  readonly authority: string
  /** IP address of the other end of the connection. */
  readonly clientAddress: string
  /** The value of the field with this lower-case name; several lines are joined with `, `; undefined where there is none. */
  header(lowerName: string): string | undefined
  /** All Cookie lines, joined with `; `; undefined where there is none. */
  cookies(): string | undefined
}

/** The path without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** The value of the first query parameter of that name, as it stands in the URL; empty where it has none (`?debug`). */
export function queryParameter(target: string, name: string): string | undefined {
  const query = target.indexOf('?')
  if (query < 0) return undefined
  for (const pair of target.slice(query + 1).split('&')) {
    const equals = pair.indexOf('=')
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? '' : pair.slice(equals + 1)
  }
  return undefined
}

/**
 * The value of the first cookie of that name in a Cookie header, without the quotes that RFC 6265 §4.1.1 allows around it.
 * Names differ by case. Example: `a=1; b="2"`, `b` → `2`.
 */
export function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = pair.slice(equals + 1).trim()
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  }
  return undefined
}
