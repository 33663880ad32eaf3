/**
 * Two sockets as one pipe of bytes: a WebSocket after its handshake, TLS, a protocol of the app's own. Answers: each side's bytes,
 * end and abort reach the other side, no faster than it takes them. Must not: look at the bytes, or be cut by a weight change.
 */
import type { Socket } from 'node:net'
import { resetSocket } from '../runtime/reset-socket.ts'
import type { Engine } from './engine.ts'
import type { Seat } from './crowd.ts'
import type { Timed } from './deadlines.ts'

export interface ByteCount {
  fromClient: number
  fromServer: number
}

export class Tunnel implements Timed {
  deadline: number
  seat: Seat<Timed> | undefined
  private readonly engine: Engine
  private readonly sides: readonly [Socket, Socket]
  private readonly onClosed: () => void
  private isClosed = false

  /** Both sockets must be free of data listeners, with `allowHalfOpen`. `onClosed` is called once, when both are done; `bytes` is kept up to date. */
  constructor(engine: Engine, client: Socket, server: Socket, onClosed: () => void, bytes?: ByteCount) {
    this.engine = engine
    this.sides = [client, server]
    this.onClosed = onClosed
    this.deadline = engine.deadlines.after(engine.limits.tunnelIdleMs)
    engine.deadlines.add(this)
    engine.counters.openTunnels += 1
    if (bytes) {
      client.on('data', (chunk: Buffer) => void (bytes.fromClient += chunk.length))
      server.on('data', (chunk: Buffer) => void (bytes.fromServer += chunk.length))
    }
    this.join(client, server)
    this.join(server, client)
  }

  onDeadline(): void {
    this.abort()
  }

  /** Resets both sides. */
  abort(): void {
    for (const side of this.sides) resetSocket(side)
  }

  private join(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      this.deadline = this.engine.deadlines.after(this.engine.limits.tunnelIdleMs)
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('end', () => to.end())
    // A client may have said its last byte before there was a tunnel.
    if (from.readableEnded) to.end()
    from.on('close', (hadError: boolean) => this.onSideClosed(to, hadError))
    from.resume()
  }

  /** One side is gone. An orderly end may still have bytes on their way to the other; an abort has not. */
  private onSideClosed(other: Socket, hadError: boolean): void {
    if (hadError) resetSocket(other)
    else if (!other.writableEnded) other.destroySoon()
    if (this.isClosed || !this.sides.every((side) => side.destroyed)) return
    this.isClosed = true
    this.engine.deadlines.delete(this)
    this.engine.counters.openTunnels -= 1
    this.onClosed()
  }
}
