import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly trailers: IncomingHttpHeaders
  /** How the stream ended: 0 unless it was reset. */
  readonly code: number | undefined
}

/** A connection of HTTP/2 with prior knowledge; what fails is told by its streams. */
export async function openHttp2(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    session.once('connect', () => resolve())
    session.once('close', () => resolve())
  })
  return session
}

/** Collects what comes on a stream until it closes. */
export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const parts: Buffer[] = []
  stream.on('response', (received) => {
    headers = received
  })
  stream.on('trailers', (received) => {
    trailers = received
  })
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('error', () => undefined)
  return new Promise((resolve) => {
    stream.on('close', () => resolve({ status: Number(headers[':status']), headers, body: Buffer.concat(parts), trailers, code: stream.rstCode }))
  })
}

/** One request, and all that came for it. */
export function request(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  const answer = answerOf(stream)
  if (body !== undefined) stream.end(body)
  return answer
}

/** The head of a gRPC call. */
export const grpcHead = (more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({ ':method': 'POST', ':path': '/test.Service/Method', te: 'trailers', 'content-type': 'application/grpc', ...more })
