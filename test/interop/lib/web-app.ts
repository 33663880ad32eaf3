import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

/** A web application as browsers know them: a page with much on it, server-sent events, a WebSocket, uploads. */
export interface WebApp {
  readonly port: number
  /** Requests that it has seen, in their order. */
  readonly paths: readonly string[]
  /** Sends an event to every stream that is open, once there is one. */
  emit(data: string): Promise<void>
  /** Resolves when no stream of events is open any more. */
  streamsGone(): Promise<void>
  close(): void
}

/** Pictures on the page: four times as many as a browser opens connections. */
export const pictures = 24

const page = `<!doctype html><title>shop</title><link rel="stylesheet" href="/style.css"><script src="/script.js"></script>
<link rel="icon" href="/icon.svg">${Array.from({ length: pictures }, (_, n) => `<img src="/picture-${n}.svg">`).join('')}`
const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><!--${'.'.repeat(20_000)}--></svg>`

export async function startWebApp(): Promise<WebApp> {
  const paths: string[] = []
  const streams = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    paths.push(path)
    if (path === '/') response.setHeader('Content-Type', 'text/html').end(page)
    else if (path.endsWith('.svg')) response.setHeader('Content-Type', 'image/svg+xml').end(picture)
    else if (path === '/style.css') response.setHeader('Content-Type', 'text/css').end('img { margin: 1px }')
    else if (path === '/script.js') response.setHeader('Content-Type', 'text/javascript').end('globalThis.hasRun = true')
    else if (path === '/cached') answerCached(request.headers['if-none-match'], response)
    else if (path === '/never') request.resume()
    else if (path === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
      streams.add(response)
      response.on('close', () => {
        streams.delete(response)
        server.emit('stream')
      })
      server.emit('stream')
    } else {
      let bytes = 0
      request.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end(`${request.method} ${bytes}`))
    }
  })
  const sockets = new WebSocketServer({ server, path: '/socket' })
  sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await once(server, 'stream')
  }
  return {
    port: (server.address() as AddressInfo).port,
    paths,
    emit: async (data) => {
      await until(() => streams.size > 0)
      for (const stream of streams) stream.write(`data: ${data}\n\n`)
    },
    streamsGone: () => until(() => streams.size === 0),
    close: () => {
      sockets.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

function answerCached(known: string | undefined, response: ServerResponse): void {
  response.setHeader('ETag', '"v1"').setHeader('Cache-Control', 'no-cache')
  if (known === '"v1"') response.writeHead(304).end()
  else response.end('fresh')
}
