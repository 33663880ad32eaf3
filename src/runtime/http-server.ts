import http from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { AppError, describeError } from '../base/errors.ts'

type Server = http.Server | HttpsServer

/** Starts listening at every address, IPv6 and IPv4; the port, which the system chose if `port` is 0. Errors: LISTEN_FAILED. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => reject(new AppError('LISTEN_FAILED', `cannot listen at port ${port}: ${describeError(error)}`, { cause: error }))
    server.once('error', onError)
    server.listen(port, () => {
      server.off('error', onError)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Takes no new connections, lets requests under way end for `graceMs`, then cuts them. */
export function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

export interface Page {
  readonly status: number
  readonly type: string
  readonly text: string
}

async function serve(response: http.ServerResponse, asked: Promise<Page | undefined> | undefined): Promise<void> {
  try {
    const { status, type, text } = (await asked) ?? { status: 404, type: 'text/plain', text: 'not found\n' }
    response.writeHead(status, { 'content-type': type }).end(text)
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(`${describeError(error)}\n`)
  }
}

/** A probe's answer: undefined is fine, a text says what is missing. */
export type Check = () => string | undefined

/**
 * `/healthz` and `/readyz` for the kubelet, plain HTTP on a port of their own: 200, or 503 with what is missing.
 * `more` answers further paths (metrics); undefined where it does not know the path.
 */
export function createHealthServer(checks: { readonly healthy: Check; readonly ready: Check }, more?: (path: string, method: string) => Promise<Page | undefined>): http.Server {
  const byPath: Readonly<Record<string, Check>> = { '/healthz': checks.healthy, '/readyz': checks.ready }
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const check = byPath[path]
    if (check) {
      const missing = check()
      response.writeHead(missing === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${missing ?? 'ok'}\n`)
    } else void serve(response, more?.(path, request.method ?? 'GET'))
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  return server
}
