/**
 * One connection of a protocol that is not looked into: TLS that the app itself ends, or what the table calls `tcp`. Answers: the
 * connection goes where its weight sends it, and counts once it is known to work: with the server's first byte, or its orderly end.
 * Must not: look at the bytes, or be cut by a weight change.
 *
 *   connecting ──open──▶ silent ──server's first byte──▶ working ──▶ closed
 *       │                  ├──server's reset, or its end without a byte in TLS──▶ closed (`reset`)
 *       │                  └──client's end──▶ closed (nobody is charged)
 *       └──refused──▶ connecting (another endpoint, the app next door) or closed (`refused`, the client is reset)
 *
 * A working connection that the server resets is charged too: a crash that cuts many must be seen.
 */
import type { Socket } from 'node:net'
import type { RequestView } from '../routing/request-view.ts'
import type { ClientSide } from './client-side.ts'
import type { Engine } from './engine.ts'
import { isOurShortage } from './outcomes.ts'
import { Serving } from './serving.ts'
import { Tunnel } from './tunnel.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-pool.ts'

/** What rules see of a connection: nothing that they could ask for. */
const nothing = { method: '', target: '', authority: '', header: () => undefined, cookies: () => undefined } as const

export class TcpExchange implements UpstreamUser {
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly serving: Serving
  private readonly isTls: boolean
  private state: 'connecting' | 'silent' | 'working' | 'closed' = 'connecting'
  private upstream: UpstreamConnection | undefined
  private tunnel: Tunnel | undefined

  constructor(engine: Engine, client: ClientSide, isTls: boolean) {
    this.engine = engine
    this.client = client
    this.isTls = isTls
    const view: RequestView = { ...nothing, clientAddress: client.address }
    const { peers } = engine.live.active
    // A connection cannot say that another sidecar has sent it; its address can.
    const isHop = client.port === 'direct' && [...peers.primary, ...peers.canary].some(({ pool }) => pool.address === client.address)
    this.serving = new Serving(engine, client.port, { method: '', isHop, protocol: 'tcp', upgrade: true, isOpaque: !isTls }, performance.now(), view)
  }

  start(): void {
    this.client.socket.once('close', () => this.onClientGone())
    this.attempt()
  }

  abort(): void {
    this.upstream?.drop()
    this.tunnel?.abort()
  }

  private attempt(): void {
    this.upstream = this.serving.place.pool.take(this, true)
  }

  onUpstreamOpen(): void {
    const { upstream } = this
    if (!upstream) return
    this.upstream = undefined
    // The pool counts it as busy until it closes: connections are spread by how many there are.
    const server = upstream.detach()
    server.once('close', (hadError) => {
      upstream.pool.releaseLost()
      this.onServerGone(hadError)
    })
    if (this.client.socket.destroyed) {
      server.destroy()
      return
    }
    this.state = 'silent'
    this.serving.gotHead()
    const early = this.client.detach()
    if (early && early.length > 0) server.write(early)
    this.watch(server)
    const bytes = this.engine.counters.tcpBytes[this.serving.place.track]
    this.tunnel = new Tunnel(this.engine, this.client.socket, server, () => this.client.onTunnelClosed(), bytes)
    if (early) bytes.fromClient += early.length
  }

  /** Whose end comes first decides: the other's follows from it, and Bun tells of their closes in another order than Node. */
  private watch(server: Socket): void {
    server.once('data', () => this.onWorking())
    server.once('end', () => {
      // Bun says it of a socket that was destroyed here as well.
      if (server.destroyed) return
      if (!this.isTls) this.onWorking()
      else if (this.state === 'silent') this.onServerGone(false)
    })
    if (!this.isTls) return
    // Nobody who speaks TLS says its last byte before the server has said its first.
    if (this.client.socket.readableEnded) this.onClientGone()
    else this.client.socket.once('end', () => this.onClientGone())
  }

  private onWorking(): void {
    if (this.state !== 'silent') return
    this.state = 'working'
    this.serving.opened()
  }

  private onServerGone(hadError: boolean): void {
    const { state, client } = this
    this.state = 'closed'
    // Who has gone before it, or was cut together with it, has nothing to complain of.
    if (client.socket.destroyed) this.serving.end()
    else if (state === 'silent' || (state === 'working' && hadError)) this.serving.failed('reset')
    else this.serving.end()
  }

  private onClientGone(): void {
    const { state, upstream } = this
    if (state === 'closed' || state === 'working') return
    this.state = 'closed'
    this.upstream = undefined
    upstream?.drop()
    if (upstream) upstream.pool.releaseLost()
    this.serving.clientAborted()
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | undefined): void {
    if (!this.upstream) return
    this.upstream.pool.releaseLost()
    this.upstream = undefined
    const next = this.serving.next({ failure: 'unsent', isReused: false, isItsFault: !isOurShortage(error), canReplay: true })
    if (!next) {
      this.state = 'closed'
      this.client.reset()
    } else if (next.afterMs === 0) this.attempt()
    else setTimeout(() => this.state === 'connecting' && this.attempt(), next.afterMs)
  }

  // A connection that has opened belongs to the tunnel; before that it can say nothing.
  onUpstreamData(): void {}
  onUpstreamDrain(): void {}
  onUpstreamEnd(): void {}
  onUpstreamTimeout(): void {}
}
