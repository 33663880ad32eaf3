import http from 'node:http'
import https from 'node:https'
import { StringDecoder } from 'node:string_decoder'
import { AppError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import { connectionError, type KubeConnection } from './connection.ts'
import { errorOf } from './errors.ts'

/** One request and its answer; nothing here knows what an object is. */
export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** For the whole exchange, milliseconds; of a stream only until its head. Default 30 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface RawResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

const defaultTimeoutMs = 30_000
/** A page of the largest lists stays far below; more than this is not an API server. */
const maxBodyBytes = 256 << 20
const maxLineChars = 32 << 20

/** Sends a request and reads all of the answer. Errors: UNAVAILABLE, UNTRUSTED, TIMEOUT, ABORTED; an HTTP status is no error here. */
export async function exchange(connection: KubeConnection, clock: Clock, request: RawRequest): Promise<RawResponse> {
  const limit = limitTime(clock, request.timeoutMs ?? defaultTimeoutMs, request.signal, describe(request))
  try {
    const response = await open(connection, request, limit)
    return { status: response.statusCode ?? 0, headers: response.headers, body: await readBody(response, request, limit) }
  } finally {
    limit.done()
  }
}

/** Sends a request and hands over the answer line by line until it ends; resolves then. A status other than 200 is thrown. */
export async function streamLines(connection: KubeConnection, clock: Clock, request: RawRequest, onLine: (line: string) => void): Promise<void> {
  const limit = limitTime(clock, request.timeoutMs ?? defaultTimeoutMs, request.signal, describe(request))
  try {
    const response = await open(connection, request, limit)
    limit.disarm()
    if (response.statusCode !== 200) {
      const body = await readBody(response, request, limit)
      throw errorOf(response.statusCode ?? 0, parseOrText(body), describe(request))
    }
    await readLines(response, request, limit, onLine)
  } finally {
    limit.done()
  }
}

/** JSON where it is JSON, the text otherwise. */
export function parseOrText(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}

export const describe = (request: RawRequest): string => `${request.method} ${request.path}`

interface Limit {
  /** Called at most once, with the error that ends the request. */
  onEnd(callback: (error: AppError) => void): void
  /** The time-out no longer counts, the caller's signal does. */
  disarm(): void
  done(): void
  readonly error: AppError | undefined
}

/** Time-out and caller's signal as one thing that leaves no listener behind. */
function limitTime(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined, what: string): Limit {
  let ended: AppError | undefined
  let callback: ((error: AppError) => void) | undefined
  const end = (error: AppError): void => {
    if (ended) return
    ended = error
    callback?.(error)
  }
  const disarm = clock.after(timeoutMs, () => end(new AppError('TIMEOUT', `${what}: no answer within ${timeoutMs} ms`, { retryable: true })))
  const onAbort = (): void => end(new AppError('ABORTED', `${what}: called off`, { cause: signal?.reason }))
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return {
    onEnd: (then) => {
      callback = then
      if (ended) then(ended)
    },
    disarm,
    done: () => {
      disarm()
      signal?.removeEventListener('abort', onAbort)
    },
    get error() {
      return ended
    },
  }
}

async function open(connection: KubeConnection, request: RawRequest, limit: Limit): Promise<http.IncomingMessage> {
  const authorization = await connection.authorize(false)
  const first = await attempt(connection, request, authorization, limit)
  if (first.statusCode !== 401) return first
  // A token may have been replaced since it was read; one more try with a fresh one.
  const fresh = await connection.authorize(true)
  if (fresh.headers['authorization'] === authorization.headers['authorization']) return first
  first.resume()
  return attempt(connection, request, fresh, limit)
}

function attempt(
  connection: KubeConnection,
  request: RawRequest,
  authorization: { readonly headers: Readonly<Record<string, string>>; readonly agent: http.Agent },
  limit: Limit,
): Promise<http.IncomingMessage> {
  const url = new URL(connection.server + request.path)
  for (const [key, value] of Object.entries(request.query ?? {})) if (value !== undefined) url.searchParams.set(key, value)
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'kinglet', ...authorization.headers, ...request.headers }
  if (request.body !== undefined) headers['content-length'] = String(Buffer.byteLength(request.body))
  return new Promise((resolve, reject) => {
    if (limit.error) return reject(limit.error)
    const outgoing = (url.protocol === 'https:' ? https : http).request(url, { method: request.method, headers, agent: authorization.agent })
    outgoing.on('response', resolve)
    outgoing.on('error', (error) => {
      if (limit.error) return reject(limit.error)
      // A kept connection that the server closed while it was picked: nothing was answered, reading again is harmless.
      const stale = outgoing.reusedSocket && request.method === 'GET'
      if (stale) attempt(connection, request, authorization, limit).then(resolve, reject)
      else reject(connectionError(error, describe(request)))
    })
    limit.onEnd((error) => outgoing.destroy(error))
    outgoing.end(request.body)
    return undefined
  })
}

function readBody(response: http.IncomingMessage, request: RawRequest, limit: Limit): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBodyBytes) response.destroy(new AppError('TOO_LARGE', `${describe(request)}: the answer is larger than ${maxBodyBytes} bytes`))
    })
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    onBroken(response, request, limit, reject)
  })
}

function readLines(response: http.IncomingMessage, request: RawRequest, limit: Limit, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8')
    // Parts of a line that has not ended; joined once, so that a large line costs its length.
    let parts: string[] = []
    let held = 0
    const take = (chunk: Buffer): void => {
      const pieces = decoder.write(chunk).split('\n')
      const last = pieces.pop() ?? ''
      for (const piece of pieces) {
        const line = parts.length === 0 ? piece : parts.join('') + piece
        parts = []
        held = 0
        if (line !== '') onLine(line)
      }
      if (last !== '') parts.push(last)
      held += last.length
      if (held > maxLineChars) throw new AppError('TOO_LARGE', `${describe(request)}: a line is longer than ${maxLineChars} characters`)
    }
    const guarded = (step: () => void): void => {
      try {
        step()
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
        response.destroy()
      }
    }
    response.on('data', (chunk: Buffer) => guarded(() => take(chunk)))
    // An unfinished last line is a truncated answer, not a line.
    response.on('end', resolve)
    onBroken(response, request, limit, reject)
  })
}

function onBroken(response: http.IncomingMessage, request: RawRequest, limit: Limit, reject: (error: Error) => void): void {
  limit.onEnd((error) => response.destroy(error))
  response.on('error', (error) => reject(limit.error ?? (error instanceof AppError ? error : connectionError(error, describe(request)))))
  response.on('close', () => {
    if (!response.complete) reject(limit.error ?? connectionError(new Error('the connection closed in the middle of the answer'), describe(request)))
  })
}
