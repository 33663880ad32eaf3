import type { IncomingMessage, ServerResponse } from 'node:http'
import { parse } from 'yaml'
import { describeError } from '../../../base/errors.ts'
import type { JsonObject } from '../../../base/json.ts'
import type { Caller } from '../caller.ts'
import { decodeProtobuf, isProtobuf } from '../schema/protobuf.ts'
import { ApiError, badRequest } from '../status.ts'

/** One request and its answer: the body read once, warnings collected, JSON out. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly method: string
  readonly caller: Caller
  /** Ends when the client has gone or the server closes. */
  readonly signal: AbortSignal
  readonly warn: (text: string) => void
  /** The body as JSON (or YAML), undefined when empty. Throws ApiError 400, 413. */
  readBody(): Promise<unknown>
  reply(code: number, body: JsonObject): void
}

/** The API server's own bound for a request's body. */
const bodyLimitBytes = 3 * 1024 * 1024

export function createExchange(request: IncomingMessage, response: ServerResponse, caller: Caller, signal: AbortSignal): Exchange {
  const url = new URL(request.url ?? '/', 'https://kubernetes')
  const warnings: string[] = []
  return {
    request,
    response,
    url,
    method: request.method ?? 'GET',
    caller,
    signal,
    warn: (text) => void (warnings.includes(text) || warnings.push(text)),
    readBody: () => readJson(request),
    reply: (code, body) => {
      if (warnings.length > 0) response.setHeader('warning', warnings.map((text) => `299 - ${quote(text)}`))
      sendJson(response, code, body)
    },
  }
}

export function sendJson(response: ServerResponse, code: number, body: JsonObject): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), 'cache-control': 'no-cache, private' })
  response.end(text)
}

/** A quoted string of a Warning header: one line of ASCII; other characters as in a URL. */
function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').toWellFormed()
  const escape = (character: string): string => (character === '"' || character === '\\' ? `\\${character}` : /[ -~]/.test(character) ? character : encodeURIComponent(character))
  return `"${Array.from(line, escape).join('')}"`
}

export async function readRaw(request: IncomingMessage, limit = bodyLimitBytes): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > limit) throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readRaw(request)
  const text = body.toString('utf8')
  if (text.trim() === '') return undefined
  const type = request.headers['content-type'] ?? 'application/json'
  try {
    if (isProtobuf(body)) return decodeProtobuf(body)
    return type.includes('yaml') ? (parse(text) as unknown) : (JSON.parse(text) as unknown)
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${describeError(error)}`)
  }
}
