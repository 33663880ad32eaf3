import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { isObject, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { createClient, type KubeClient } from './client.ts'
import { connectTo } from './connection.ts'

/** Waits for a named condition, polling, with a deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Real time, with all delays shortened: back-offs of seconds pass in milliseconds. */
export const hastyClock: Clock = {
  now: () => Date.now() * 100,
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms / 100)
    return () => clearTimeout(timer)
  },
}

export const realClock: Clock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

interface Watcher {
  readonly collection: string
  readonly response: http.ServerResponse
}

interface LogEntry {
  readonly version: number
  readonly collection: string
  readonly type: string
  readonly object: JsonObject
}

/** Answers a request itself, or lets it pass on with false. */
export type Intercept = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => boolean

/** As much of an API server as a client can be tested by, over real sockets: objects by path, resourceVersions, watches, faults on demand. */
export class FakeApi {
  readonly #objects = new Map<string, JsonObject>()
  readonly #log: LogEntry[] = []
  readonly #watchers = new Set<Watcher>()
  readonly #server: http.Server | https.Server
  /** `METHOD path?query` of everything that came, in order. */
  readonly requests: string[] = []
  readonly headers: http.IncomingHttpHeaders[] = []
  intercept: Intercept = () => false
  /** Watches get no more lines, and their sockets stay open: a peer that vanished. */
  isFrozen = false
  #version = 0
  #forgottenBefore = 0

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => this.#onRequest(request, response)
    this.#server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest)
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }

  get url(): string {
    return `${this.#server instanceof https.Server ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  client(clock: Clock = realClock, options: { readonly ca?: string; readonly timeoutMs?: number; readonly onWarning?: (text: string) => void } = {}): KubeClient {
    const { ca, ...defaults } = options
    return createClient(connectTo({ server: this.url, token: 'secret', ...(ca === undefined ? {} : { ca }) }), clock, { fieldManager: 'test', ...defaults })
  }

  get watchCount(): number {
    return this.#watchers.size
  }

  object(path: string): JsonObject | undefined {
    return this.#objects.get(path)
  }

  /** Writes as if another client had: `collection` is the path of the list. */
  put(collection: string, object: JsonObject): JsonObject {
    const path = `${collection}/${stringAt(object, 'metadata', 'name') ?? ''}`
    const previous = this.#objects.get(path)
    this.#version += 1
    const metadata = { uid: `uid-${this.#version}`, ...objectAt(previous, 'metadata'), ...objectAt(object, 'metadata'), resourceVersion: String(this.#version) }
    const stored = { ...object, metadata }
    this.#objects.set(path, stored)
    this.#publish({ version: this.#version, collection, type: previous ? 'MODIFIED' : 'ADDED', object: stored })
    return stored
  }

  remove(collection: string, name: string): void {
    const object = this.#objects.get(`${collection}/${name}`)
    if (!object) return
    this.#objects.delete(`${collection}/${name}`)
    this.#version += 1
    const last = { ...object, metadata: { ...objectAt(object, 'metadata'), resourceVersion: String(this.#version) } }
    this.#publish({ version: this.#version, collection, type: 'DELETED', object: last })
  }

  /** Forgets its history: every watch from an older resourceVersion is told 410. */
  forget(): void {
    this.#forgottenBefore = this.#version + 1
    this.#version += 1
  }

  /** Closes the sockets of all watches in the middle of it. */
  dropWatches(): void {
    for (const { response } of this.#watchers) response.destroy()
  }

  /** Ends all watches in order, as at their time-out. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end()
  }

  sendToWatches(line: string | Buffer): void {
    for (const { response } of this.#watchers) response.write(line)
  }

  bookmark(): void {
    this.#version += 1
    this.sendToWatches(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } })}\n`)
  }

  #publish(entry: LogEntry): void {
    this.#log.push(entry)
    if (this.isFrozen) return
    for (const { collection, response } of this.#watchers) if (collection === entry.collection) response.write(lineOf(entry))
  }

  #onRequest(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
      this.headers.push(request.headers)
      if (!this.intercept(request, response, body)) this.#answer(request, response, body)
    })
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    const url = new URL(request.url ?? '/', 'http://api')
    const sent: unknown = body === '' ? {} : JSON.parse(body)
    const object = this.#objects.get(url.pathname)
    const collection = url.pathname.split('/').slice(0, -1).join('/')
    const write = isObject(sent) ? sent : {}
    if (request.method === 'GET' && url.searchParams.get('watch') === 'true') return this.#watch(url, response)
    if (request.method === 'POST') {
      const path = `${url.pathname}/${stringAt(write, 'metadata', 'name') ?? ''}`
      if (this.#objects.has(path)) return reply(response, 409, status(409, 'AlreadyExists', 'it already exists'))
      return reply(response, 201, this.put(url.pathname, write))
    }
    if (request.method === 'GET' && !object) return this.#list(url, response)
    if (!object) return reply(response, 404, status(404, 'NotFound', `${url.pathname} not found`))
    const expected = stringAt(write, 'metadata', 'resourceVersion')
    if (request.method === 'PUT' && expected !== undefined && expected !== stringAt(object, 'metadata', 'resourceVersion')) {
      return reply(response, 409, status(409, 'Conflict', 'the object has been modified'))
    }
    if (request.method === 'PUT') return reply(response, 200, this.put(collection, write))
    if (request.method === 'PATCH') return reply(response, 200, this.put(collection, { ...object, ...write, metadata: { ...objectAt(object, 'metadata'), ...objectAt(write, 'metadata') } }))
    if (request.method === 'DELETE') this.remove(collection, url.pathname.split('/').at(-1) ?? '')
    reply(response, 200, object)
  }

  #list(url: URL, response: http.ServerResponse): void {
    const paths = [...this.#objects.keys()].filter((path) => path.startsWith(`${url.pathname}/`)).toSorted()
    if (paths.length === 0 && /\/[^/]*\d[^/]*$/.test(url.pathname)) return reply(response, 404, status(404, 'NotFound', `${url.pathname} not found`))
    const limit = Number(url.searchParams.get('limit') ?? '0') || Infinity
    const from = Number(url.searchParams.get('continue') ?? '0')
    const items = paths.slice(from, from + limit).map((path) => this.#objects.get(path) ?? {})
    const more = from + limit < paths.length ? String(from + limit) : ''
    reply(response, 200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(this.#version), continue: more }, items })
  }

  #watch(url: URL, response: http.ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion') ?? '0')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (from < this.#forgottenBefore) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version') })}\n`)
      return
    }
    const watcher = { collection: url.pathname, response }
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
    for (const entry of this.#log) if (entry.version > from && entry.collection === url.pathname && !this.isFrozen) response.write(lineOf(entry))
  }
}

const lineOf = ({ type, object }: LogEntry): string => `${JSON.stringify({ type, object })}\n`

export const status = (code: number, reason: string, message: string, details?: JsonObject): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message,
  ...(details ? { details } : {}),
})

export function reply(response: http.ServerResponse, code: number, body: JsonObject, headers: http.OutgoingHttpHeaders = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
