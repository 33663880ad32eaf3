/**
 * One connection to the controller: TLS 1.3, and one HTTP/1.1 request that makes it a stream of lines in both directions
 * (api/protocol.ts). Must not: read the lines, or come back after it was lost.
 *
 *   connecting ──secure──▶ asking ──101──▶ open ──error, end──▶ lost
 *                            └──any other status──▶ lost
 */
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { LineSplitter } from '../api/codec.ts'
import { streamPath, streamProtocol } from '../api/protocol.ts'
import { describeError } from '../base/errors.ts'
import { endOfHead } from './http/end-of-head.ts'

export interface ControllerConnectionOptions {
  /** `host:port`, an IPv6 address in brackets. */
  readonly controller: string
  /** Certificate of the authority that signed the controller's certificate, PEM. */
  readonly ca: string
  readonly token: string
}

/** Whoever wants the lines. Nothing is heard after `onLost`, and nothing at all after `destroy`. */
export interface ControllerConnectionUser {
  onOpen(): void
  onLine(line: string): void
  /** The controller sends what are no lines. The connection is lost next. */
  onFault(reason: string): void
  onLost(reason: string): void
}

/** The controller's answer to the request is short: what is longer is somebody else's. Bytes. */
const maxHeadBytes = 8192

export class ControllerConnection {
  private readonly socket: TLSSocket
  private readonly user: ControllerConnectionUser
  private readonly lines = new LineSplitter()
  /** Bytes of an unfinished head; undefined once it was read. */
  private head: Buffer | undefined = Buffer.alloc(0)
  private isOver = false

  constructor({ controller, ca, token }: ControllerConnectionOptions, user: ControllerConnectionUser) {
    this.user = user
    const { host, port } = splitAddress(controller)
    this.socket = connect({ host, port, ca, minVersion: 'TLSv1.3', ...(isIP(host) === 0 ? { servername: host } : {}) })
    this.socket.on('secureConnect', () =>
      this.socket.write(`GET ${streamPath} HTTP/1.1\r\nHost: ${controller}\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: ${streamProtocol}\r\n\r\n`),
    )
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk))
    this.socket.on('end', () => this.lost('the controller ended the stream'))
    this.socket.on('error', (error) => this.lost(describeError(error)))
    this.socket.on('close', () => this.lost('the connection was closed'))
  }

  /** The controller has agreed to the stream. */
  get isUpgraded(): boolean {
    return this.head === undefined
  }

  /** Lines that were not taken yet, bytes. */
  get unsentBytes(): number {
    return this.socket.writableLength
  }

  /** Sends a line; before the stream is open, and after its end, it is dropped. */
  send(line: string): void {
    if (this.isUpgraded && this.socket.writable) this.socket.write(line)
  }

  /** Sends what is queued and the end of the stream; resolves after `timeoutMs` at the latest. */
  end(timeoutMs: number): Promise<void> {
    this.isOver = true
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.socket.end(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  destroy(): void {
    this.isOver = true
    this.socket.destroy()
  }

  private onData(chunk: Buffer): void {
    const bytes = this.head === undefined ? chunk : this.readHead(Buffer.concat([this.head, chunk]))
    if (bytes === undefined) return
    const split = this.lines.push(bytes)
    if (!split.ok) {
      this.user.onFault(split.error)
      this.lost(split.error)
      return
    }
    for (const line of split.value) if (!this.isOver) this.user.onLine(line)
  }

  /** The bytes after the controller's answer, where it agrees. */
  private readHead(bytes: Buffer): Buffer | undefined {
    this.head = bytes
    const end = endOfHead(bytes, 0)
    if (end < 0) {
      if (bytes.length > maxHeadBytes) this.lost('the controller does not speak HTTP/1.1')
      return undefined
    }
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, end)) ?? []
    if (status !== '101') {
      this.lost(status === undefined ? 'the controller does not speak HTTP/1.1' : `the controller answered ${status}`)
      return undefined
    }
    this.head = undefined
    this.user.onOpen()
    return bytes.subarray(end)
  }

  private lost(reason: string): void {
    if (this.isOver) return
    this.destroy()
    this.user.onLost(reason)
  }
}

function splitAddress(controller: string): { readonly host: string; readonly port: number } {
  const colon = controller.lastIndexOf(':')
  return { host: controller.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(controller.slice(colon + 1)) }
}
