import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

export type Handler = (stream: ServerHttp2Stream, head: IncomingHttpHeaders) => void

/** An app that speaks HTTP/2 alone, by node:http2. */
export interface Http2App {
  readonly port: number
  /** Open and past connections. */
  readonly sessions: readonly ServerHttp2Session[]
  /** Heads of all requests so far. */
  readonly heads: readonly IncomingHttpHeaders[]
  /** Codes of the streams that have closed. */
  readonly closes: readonly (number | undefined)[]
  close(): void
}

export async function startHttp2App(answer: Handler): Promise<Http2App> {
  const sessions: ServerHttp2Session[] = []
  const heads: IncomingHttpHeaders[] = []
  const closes: (number | undefined)[] = []
  const server = createServer()
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => undefined)
  })
  server.on('stream', (stream: ServerHttp2Stream, head) => {
    heads.push(head)
    stream.on('error', () => undefined)
    stream.on('close', () => closes.push(stream.rstCode))
    answer(stream, head)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    heads,
    closes,
    close: () => {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}

/** A plain answer. */
export const say =
  (text: string) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond({ ':status': 200 })
    stream.end(text)
  }

/** A gRPC answer: one message of these bytes, then the status. */
export const sayGrpc =
  (status: string, message = Buffer.from('hello')) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.resume()
    stream.end(message)
  }
