import { lastStreamId } from './wire.ts'

/** Streams that we reset: late frames for them are no mistake of the peer. */
const rememberedResets = 1000

/** Which ids were used on a connection, and by whom (RFC 9113 §5.1.1). */
export class StreamIds {
  /** The greatest that the peer has opened. */
  lastPeer = 0
  private next: number
  private readonly isServer: boolean
  private readonly resets = new Set<number>()

  constructor(isServer: boolean) {
    this.isServer = isServer
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
    this.resets.add(id)
    const [oldest] = this.resets.size > rememberedResets ? this.resets : []
    if (oldest !== undefined) this.resets.delete(oldest)
  }

  wasReset(id: number): boolean {
    return this.resets.has(id)
  }
}
