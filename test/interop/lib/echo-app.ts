import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An ordinary app on node:http that says what it was asked. */
export interface EchoApp {
  readonly port: number
  /** How many requests it has seen. */
  count(): number
  close(): void
}

/** Answers JSON with method, path and body; `/bytes/N` gets N bytes, `/trailers` an answer with a trailer, `/hints` a 103 first. */
export async function startEchoApp(): Promise<EchoApp> {
  let count = 0
  const server = createServer((request, response) => {
    count += 1
    answer(request, response)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    count: () => count,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/'
  let body = ''
  request.setEncoding('latin1').on('data', (text: string) => (body += text))
  request.on('end', () => {
    const bytes = /^\/bytes\/(\d+)/.exec(path)?.[1]
    if (bytes !== undefined) response.setHeader('Content-Length', bytes).end('x'.repeat(Number(bytes)))
    else if (path === '/trailers') endWithTrailer(response)
    else if (path === '/hints') response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('hello'))
    else response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ method: request.method, path, body, trailer: request.trailers['x-sum'] ?? '' }))
  })
}

function endWithTrailer(response: ServerResponse): void {
  response.setHeader('Trailer', 'X-Sum').writeHead(200)
  response.addTrailers({ 'X-Sum': '5' })
  response.end('hello')
}
