import type { Socket } from 'node:net'
import type { ClientMemory } from './another-try.ts'

/** Whatever has taken a client's socket over. */
export interface ForeignConnection {
  abort(): void
  /** Nothing new begins; what is under way ends in its time. Absent where that cannot be said. */
  drain?(): void
}

/** What an exchange may do with its client's connection. `client-connection.ts` is what it is. */
export interface ClientSide extends ClientMemory {
  readonly socket: Socket
  readonly port: 'route' | 'direct'
  /** The client's, without the prefix of an IPv4 address in IPv6. */
  readonly address: string
  /** While the exchange lasts its passing calls the exchange's `onClientDeadline`. */
  deadline: number
  /** From when on its next response asks the client to connect anew; on the clock of Deadlines. */
  readonly retiresAt: number
  /** Writes latin1 text. */
  write(text: string): void
  pause(): void
  /** Takes more of a body; there are no early bytes before it is over. */
  resume(): void
  /** Keeps bytes of the next request; once they are many, takes no more until they are wanted. */
  stash(bytes: Buffer): void
  /** The response is complete and all of it was written. Not `keepAlive`: the connection ends after it. */
  onExchangeEnd(keepAlive: boolean): void
  /** Ends with a reset: nobody shall take what was sent for whole. */
  reset(): void
  /** A client of HTTP/1.1 has sent its last byte while it waits for the response: finds out whether it is still there. */
  probeHalfClosed(): void
  /** What must be written before anything else, so that a probe is whole; empty nearly always. Ends the probing. */
  probeTail(): string
  countRefused(status: number): void
  /** Leaves the socket to a tunnel. The bytes that it must have first. */
  detach(): Buffer | undefined
  onTunnel(tunnel: ForeignConnection): void
  onTunnelClosed(): void
}
