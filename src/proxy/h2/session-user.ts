import type { DecodedBlock } from './hpack/decoder.ts'
import type { Stream } from './stream.ts'
import type { ConnectionError } from './wire.ts'

export interface SessionSettings {
  /** Received bytes that nobody has taken yet, above which the connection as a whole gets no more leave to send. */
  readonly maxHeldBytes: number
  /** Most streams that the peer may open; unused by clients. */
  readonly maxStreams: number
  /** Longest header list, as RFC 9113 §6.5.2 counts it. */
  readonly maxListBytes: number
}

/** Who owns a connection. */
export interface SessionUser {
  /** The peer has opened a stream with this head. Servers only. */
  onStream(stream: Stream, block: DecodedBlock, hasEnded: boolean): void
  /** A stream is over, or the limits have changed. */
  onIdleStreams(): void
  /** No new streams here: GOAWAY has come. Clients only. */
  onGoAway(): void
  /** The connection is gone; every stream has been told. `error` where the peer broke the protocol. */
  onClosed(error: ConnectionError | undefined): void
}
