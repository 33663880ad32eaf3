import { lastStreamId } from './wire.ts'

/** Which ids were used on a connection, and by whom (RFC 9113 §5.1.1). */
export class StreamIds {
  /** The greatest that the peer has opened. */
  lastPeer = 0
  private next: number
  private readonly isServer: boolean
  private readonly maxPeerStreams: number
  /** Streams of the peer that we reset. As many as it may have open, so that it may not know yet of any of them. */
  private readonly resets = new Set<number>()

  constructor(isServer: boolean, maxPeerStreams: number) {
    this.isServer = isServer
    this.maxPeerStreams = maxPeerStreams
    this.next = isServer ? 2 : 1
  }

  get hasNext(): boolean {
    return this.next < lastStreamId
  }

  take(): number {
    this.next += 2
    return this.next - 2
  }

  /** Whether the peer may open this one. Only clients open streams here: nothing is pushed. */
  mayOpen(id: number): boolean {
    return this.isServer && id % 2 === 1 && id > this.lastPeer
  }

  /** Nobody has used it. */
  isIdle(id: number): boolean {
    const isPeers = id % 2 === (this.isServer ? 1 : 0)
    return isPeers ? id > this.lastPeer : id >= this.next
  }

  rememberReset(id: number): void {
    if (!this.isServer) return
    this.resets.add(id)
    const [oldest] = this.resets.size > this.maxPeerStreams ? this.resets : []
    if (oldest !== undefined) this.resets.delete(oldest)
  }

  /** Whether frames that come late for this stream are no mistake of the peer: we have reset it. Servers are not asked, of our streams we reset too many to remember. */
  mayBeLate(id: number): boolean {
    return !this.isServer || this.resets.has(id)
  }
}
