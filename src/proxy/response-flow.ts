/**
 * A response on its way down. Answers: the client gets it framed for its version, and each byte as soon as it comes. Must not: know
 * where it comes from, or what it means.
 */
import type { ClientSide } from './client-side.ts'
import { BodyReader } from './http/body-reader.ts'
import type { RequestHead } from './http/request-head.ts'
import type { ResponseHead } from './http/response-head.ts'
import { writePart } from './http/write-part.ts'

/**
 * What became of a piece. `more`: the body goes on. `full`: the same, and the client takes no more for now. `last`: that was the
 * end. `excess`: the end, and bytes after it that answer nobody's question. `fault`: this is no body.
 */
export type Relayed = 'more' | 'full' | 'last' | 'excess' | 'fault'

export class ResponseFlow {
  readonly head: ResponseHead
  /** The client may send another request after this response. */
  readonly keepAlive: boolean
  private readonly client: ClientSide
  private readonly isChunked: boolean
  private readonly reader: BodyReader | undefined
  private prefix: string

  /** `mayKeepAlive`: nothing on our side speaks against another request. `line`: a further header line with its CRLF, or nothing. */
  constructor(client: ClientSide, request: RequestHead, head: ResponseHead, options: { readonly mayKeepAlive: boolean; readonly line: string; readonly maxChunkExtraBytes: number }) {
    this.client = client
    this.head = head
    const hasEnd = request.minor > 0 || head.body === 'none' || head.body === 'length'
    this.keepAlive = request.keepAlive && options.mayKeepAlive && hasEnd
    this.isChunked = request.minor > 0 && (head.body === 'chunked' || head.body === 'close')
    this.reader = head.body === 'none' ? undefined : new BodyReader(head.body, head.length ?? 0, options.maxChunkExtraBytes)
    const length = head.length === undefined ? '' : `Content-Length: ${head.length}\r\n`
    const connection = this.keepAlive ? (request.minor === 0 ? 'Connection: keep-alive\r\n' : '') : 'Connection: close\r\n'
    this.prefix = `${client.probeTail()}${head.forward}${this.isChunked ? 'Transfer-Encoding: chunked\r\n' : length}${options.line}${connection}\r\n`
  }

  /** Passes on what belongs to the body, from `from`; the first time with the head before it. */
  relay(chunk: Buffer, from: number): Relayed {
    const { reader } = this
    const payload: Buffer[] = []
    const end = reader === undefined ? from : reader.read(chunk, from, payload)
    if (reader?.fault !== undefined) return 'fault'
    const isLast = reader === undefined || reader.done
    const flows = this.write(payload, isLast)
    if (isLast) return end === chunk.length ? 'last' : 'excess'
    return flows ? 'more' : 'full'
  }

  /** The server has closed its side. A body without framing ends so, any other is cut: then false. */
  endWithConnection(): boolean {
    if (this.head.body !== 'close') return false
    this.write([], true)
    return true
  }

  private write(payload: readonly Buffer[], isLast: boolean): boolean {
    const { prefix } = this
    this.prefix = ''
    return writePart(this.client.socket, prefix, payload, { chunked: this.isChunked, isLast, trailers: this.reader?.trailers ?? '' })
  }
}
