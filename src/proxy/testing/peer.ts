import type { Socket } from 'node:net'
import { until } from './until.ts'

/** One end of a connection, by the byte. Both the clients and the servers of the tests are made of it. */
export class Peer {
  readonly socket: Socket
  /** Everything received, latin1. */
  received = ''
  receivedBytes = 0
  /** The other side has said its last byte. */
  hasEnded = false
  isClosed = false
  /** The connection was reset, or failed in another way. */
  error: NodeJS.ErrnoException | undefined
  /** Keep no text of a long body, only its size. */
  countsOnly = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length
      if (!this.countsOnly) this.received += chunk.toString('latin1')
    })
    socket.on('end', () => {
      this.hasEnded = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error
    })
    socket.on('close', () => {
      this.isClosed = true
    })
  }

  get wasReset(): boolean {
    return this.error?.code === 'ECONNRESET'
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Waits for the text; everything received so far. */
  async hears(text: string): Promise<string> {
    await until(JSON.stringify(text), () => this.received.includes(text), () => JSON.stringify(this.received.slice(-2000)))
    return this.received
  }

  async hearsEnd(): Promise<string> {
    await until('the end', () => this.hasEnded || this.isClosed, () => JSON.stringify(this.received.slice(-2000)))
    return this.received
  }

  /** The other side is gone, or has at least said its last byte: from here a half-close and a close look alike. */
  async closes(): Promise<void> {
    await until('the close', () => this.isClosed || this.hasEnded, () => JSON.stringify(this.received.slice(-2000)))
  }

  /** Waits for a whole response with Content-Length or chunks, or for the end, and takes it out of `received`. */
  async response(): Promise<RawResponse> {
    await until('a response', () => this.isClosed || this.hasEnded || readResponse(this.received) !== undefined, () => JSON.stringify(this.received.slice(-2000)))
    const response = readResponse(this.received) ?? { status: 0, head: this.received, body: '', size: this.received.length }
    this.received = this.received.slice(response.size)
    return response
  }
}

export interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
  /** Characters that it took. */
  readonly size: number
}

/** The value of a field of a head, or undefined. */
export const field = (head: string, name: string): string | undefined => new RegExp(`^${name}: *(.*)\r$`, 'im').exec(head)?.[1]

/** Reads one response; undefined while it is not complete. Interim responses are skipped. */
function readResponse(text: string): RawResponse | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end + 2)
  const status = Number(head.slice(9, 12))
  const from = end + 4
  if (status < 200 && status !== 101) {
    const next = readResponse(text.slice(from))
    return next && { ...next, size: next.size + from }
  }
  if (/^transfer-encoding: chunked/im.test(head)) {
    const last = text.indexOf('0\r\n\r\n', from)
    if (last < 0) return undefined
    return { status, head, body: text.slice(from, last).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, ''), size: last + 5 }
  }
  const length = Number(field(head, 'content-length') ?? 0)
  return text.length < from + length ? undefined : { status, head, body: text.slice(from, from + length), size: from + length }
}
