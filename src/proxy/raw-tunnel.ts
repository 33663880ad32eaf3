import type { ClientSide } from './client-side.ts'
import type { Engine } from './engine.ts'
import { Tunnel } from './tunnel.ts'
import type { Place } from './live-routes.ts'
import type { UpstreamConnection, UpstreamUser } from './upstream-pool.ts'

/**
 * Opens a tunnel for a client that does not speak HTTP/1: to the app next door, or to a peer of its track while the app refuses.
 * Nothing is routed, nothing is recorded: what is inside cannot be seen. (HTTP/2 and TLS by weight: a later step.)
 */
export class RawTunnel implements UpstreamUser {
  private readonly engine: Engine
  private readonly client: ClientSide
  private readonly tried = new Set<Place>()
  private upstream: UpstreamConnection | undefined
  private tunnel: Tunnel | undefined

  constructor(engine: Engine, client: ClientSide) {
    this.engine = engine
    this.client = client
    this.open(engine.live.active.local)
  }

  abort(): void {
    this.upstream?.drop()
    this.tunnel?.abort()
  }

  private open(place: Place): void {
    this.tried.add(place)
    this.upstream = place.pool.take(this, true)
  }

  onUpstreamOpen(): void {
    const { upstream } = this
    if (!upstream) return
    this.upstream = undefined
    upstream.pool.releaseLost()
    const server = upstream.detach()
    if (this.client.socket.destroyed) {
      server.destroy()
      return
    }
    const early = this.client.detach()
    if (early) server.write(early)
    this.tunnel = new Tunnel(this.engine, this.client.socket, server, () => this.client.onTunnelClosed())
  }

  onUpstreamClosed(): void {
    this.upstream?.pool.releaseLost()
    this.upstream = undefined
    const { active } = this.engine.live
    const next = this.client.port === 'route' ? this.engine.live.nextPlace(active, active.local.track, this.tried) : undefined
    if (next && !this.client.socket.destroyed) this.open(next)
    else this.client.reset()
  }

  // A connection that has opened belongs to the tunnel; before that it can say nothing.
  onUpstreamData(): void {}
  onUpstreamDrain(): void {}
  onUpstreamEnd(): void {}
  onUpstreamTimeout(): void {}
}
