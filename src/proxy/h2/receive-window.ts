import { ConnectionError, defaultWindow, errorCode } from './wire.ts'

/** What the peer may have in flight towards us on the whole connection. */
const windowBytes = 1_048_576

/**
 * The window of a connection (RFC 9113 §6.9). It is given back as soon as bytes come, so that a stream that nobody reads does not stop
 * the others: its own window holds it. Only when too much is held, the connection waits too.
 */
export class ReceiveWindow {
  /** Received bytes that wait for the other side of the proxy. */
  held = 0
  /** Those of them for which no leave was given ahead. */
  private owed = 0
  private toGrant = 0
  private left = windowBytes
  private readonly maxHeldBytes: number
  private readonly grant: (bytes: number) => void

  /** `grant` tells the peer; it is called at once for what the default lacks. */
  constructor(maxHeldBytes: number, grant: (bytes: number) => void) {
    this.maxHeldBytes = maxHeldBytes
    this.grant = grant
  }

  open(): void {
    this.grant(windowBytes - defaultWindow)
  }

  /** Throws ConnectionError where the peer had no leave. */
  take(bytes: number): void {
    this.left -= bytes
    if (this.left < 0) throw new ConnectionError(errorCode.flowControlError, 'more than the window of the connection')
  }

  /** These bytes are kept for a stream. */
  hold(bytes: number): void {
    this.held += bytes
    if (this.held < this.maxHeldBytes) this.credit(bytes)
    else this.owed += bytes
  }

  /** So many of them need no more memory. */
  release(bytes: number): void {
    this.held -= bytes
    if (this.owed === 0 || this.held >= this.maxHeldBytes) return
    const { owed } = this
    this.owed = 0
    this.credit(owed)
  }

  /** So many bytes were taken and never kept, or need not be waited for. */
  credit(bytes: number): void {
    this.toGrant += bytes
    if (this.toGrant < windowBytes / 2) return
    this.left += this.toGrant
    this.grant(this.toGrant)
    this.toGrant = 0
  }
}
