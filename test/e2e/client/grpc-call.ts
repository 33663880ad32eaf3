/**
 * gRPC calls of the load client, over node:http2: `info.InfoService/Info` of podinfo, which says who answers. No dependencies, as
 * everything of the client. One connection for all calls of a stream, another one when the server asks for it, as gRPC clients do.
 */
import http2 from 'node:http2'
import { workloadOf, type Answerer } from './tally.ts'

export type CallEnd =
  | { readonly from: Answerer }
  /** Not processed for certain: gRPC clients send it again. */
  | { readonly isUnprocessed: true }
  | { readonly failure: string }

const emptyMessage = Buffer.alloc(5)
const infoFields = { hostname: 1, message: 6 } as const

export class GrpcChannel {
  readonly #url: URL
  #session: http2.ClientHttp2Session | undefined

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** One call; resolves when it has ended, however. */
  call(timeoutMs: number): Promise<CallEnd> {
    return new Promise((resolve) => {
      const stream = this.#connected().request({ ':method': 'POST', ':path': this.#url.pathname, 'content-type': 'application/grpc', te: 'trailers' })
      const parts: Buffer[] = []
      let status: string | undefined
      let failure = ''
      const timer = setTimeout(() => {
        failure = `no complete answer in ${timeoutMs} ms`
        stream.close(http2.constants.NGHTTP2_CANCEL)
      }, timeoutMs)
      stream.on('response', (head) => (status = text(head['grpc-status']) ?? (head[':status'] === 200 ? undefined : `HTTP ${head[':status']}`)))
      stream.on('trailers', (trailers) => (status = text(trailers['grpc-status'])))
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('error', (error) => (failure ||= error.message))
      stream.on('close', () => {
        clearTimeout(timer)
        if (status === '0') return resolve({ from: answererOf(Buffer.concat(parts)) })
        if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return resolve({ isUnprocessed: true })
        resolve({ failure: status === undefined ? failure || `reset with code ${stream.rstCode}` : `grpc-status ${status}` })
      })
      stream.end(emptyMessage)
    })
  }

  close(): void {
    this.#session?.close()
  }

  #connected(): http2.ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session
    const session = http2.connect(this.#url.origin)
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined
    }
    // What is under way on it ends in its time.
    session.on('goaway', forget)
    session.on('error', forget)
    session.on('close', forget)
    this.#session = session
    return session
  }
}

const text = (value: string | string[] | undefined): string | undefined => (typeof value === 'string' ? value : undefined)

/** Fields of the first message: strings by their numbers, which is all that InfoResponse has. */
function answererOf(bytes: Buffer): Answerer {
  const texts = new Map<number, string>()
  for (let at = 5; at + 1 < bytes.length; ) {
    const number = (bytes[at] ?? 0) >> 3
    let length = bytes[at + 1] ?? 0
    at += 2
    if (length > 127) length = (length & 127) | ((bytes[at++] ?? 0) << 7)
    texts.set(number, bytes.toString('utf8', at, at + length))
    at += length
  }
  return { version: texts.get(infoFields.message) ?? '?', workload: workloadOf(texts.get(infoFields.hostname) ?? '?') }
}
