import { mkdtempSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { isObject, type JsonObject, stringAt } from '../../base/json.ts'
import { createLogger } from '../../runtime/log.ts'
import { type ApiServer, startApiServer } from './apiserver.ts'
import { MemoryStore } from './store.ts'

/** A running API server for tests, and a client of its raw interface. */
export interface ServerFixture {
  readonly server: ApiServer
  readonly store: MemoryStore
  /** As the administrator, or with another token. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  close(): Promise<void>
}

export interface RequestOptions {
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly token?: string
}

export interface Answer {
  readonly code: number
  readonly body: JsonObject
  readonly text: string
  readonly warnings: readonly string[]
}

export async function startFixture(): Promise<ServerFixture> {
  const dir = mkdtempSync(join(tmpdir(), 'kinglet-apiserver-'))
  const store = new MemoryStore({ history: 50 })
  const podAccess = {
    async *logs(_namespace: string, pod: string, { container }: { readonly container?: string }) {
      yield `${pod}/${container ?? ''}: one\n`
      yield await Promise.resolve('two\n')
    },
    address: () => '127.0.0.1',
  }
  const server = await startApiServer({ store, host: '127.0.0.1', port: 0, dataDir: dir, podAccess, logger: createLogger('error', {}, () => undefined) })
  const agent = new https.Agent({ ca: server.caPem, keepAlive: true })
  const adminToken = tokenIn(server.kubeconfig())
  return {
    server,
    store,
    request: (method, path, options = {}) => send({ url: `${server.url}${path}`, agent, method, token: options.token ?? adminToken }, options),
    close: async () => {
      agent.destroy()
      await server.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The bearer token of a kubeconfig. */
export function tokenIn(kubeconfig: string): string {
  const { users } = parse(kubeconfig) as { readonly users: readonly unknown[] }
  return stringAt(users[0], 'user', 'token') ?? ''
}

function send({ url, agent, method, token }: { readonly url: string; readonly agent: https.Agent; readonly method: string; readonly token: string }, { body, contentType, accept }: RequestOptions): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = https.request(url, { agent, method, headers: { authorization: `Bearer ${token}`, 'content-type': contentType ?? 'application/json', accept: accept ?? 'application/json', ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }) } }, (response) => {
      let received = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (received += part))
      response.on('end', () => {
        const parsed: unknown = received.startsWith('{') && !received.trimEnd().includes('\n') ? JSON.parse(received) : {}
        const warning = response.headersDistinct['warning'] ?? []
        resolve({ code: response.statusCode ?? 0, body: isObject(parsed) ? parsed : {}, text: received, warnings: warning })
      })
    })
    request.on('error', reject)
    request.end(text)
  })
}
