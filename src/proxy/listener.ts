import { createServer, type AddressInfo, type Server } from 'node:net'
import { AppError, describeError, invariant } from '../base/errors.ts'
import { ClientConnection } from './client-connection.ts'
import { Crowd } from './crowd.ts'
import type { Engine } from './engine.ts'

/** A port with its connections. */
export interface Listener {
  readonly port: number
  /** When the last connection came, on performance.now's clock. */
  lastConnectionAt(): number
  /** Accepts no more; connections that are between requests end. */
  close(): void
  connectionCount(): number
  /** Cuts whatever is left. */
  destroy(): void
}

/** How many connections beyond the limit may hear their 503 at the same time; more are closed at once. */
const maxTurnedAway = 100
/** Idle TCP connections are probed so that a client whose machine died does not stay forever. */
const keepAliveInitialDelay = 60_000

/** Opens a port for requests of one kind. Port 0 takes a free one. Error `LISTEN_FAILED`. */
export async function listen(engine: Engine, kind: 'route' | 'direct', host: string | undefined, port: number): Promise<Listener> {
  const { maxConnections } = engine.limits
  const { roomForClients, counters } = engine
  const mostTurnedAway = Math.min(maxTurnedAway, Math.ceil(roomForClients / 8))
  const connections = new Crowd<ClientConnection>()
  let lastConnectionAt = performance.now()
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay }, (socket) => {
    lastConnectionAt = performance.now()
    // Those that are turned away hold a descriptor until they have heard it; a flood of them is not answered.
    if (connections.size >= maxConnections + mostTurnedAway || counters.openConnections >= roomForClients + mostTurnedAway) {
      socket.destroy()
      return
    }
    const connection = new ClientConnection(engine, socket, kind, () => connections.leave(seat))
    const seat = connections.enter(connection)
    if (connections.size > maxConnections || counters.openConnections > roomForClients) connection.turnAway()
    else connection.open()
  })
  await startListening(server, kind, host, port)
  return {
    port: portOf(server),
    lastConnectionAt: () => lastConnectionAt,
    connectionCount: () => connections.size,
    close: () => {
      server.close()
      connections.forEach((connection) => connection.drain())
    },
    destroy: () => {
      connections.forEach((connection) => connection.abort())
    },
  }
}

/** Listens, without a host at every address, or rejects with `LISTEN_FAILED`, naming what the port is for. */
export async function startListening(server: Server, kind: string, host: string | undefined, port: number): Promise<void> {
  try {
    // A kernel without IPv6 has every IPv4 address still: Node tries that by itself, Bun (1.4) does not.
    await listenAt(server, host, port).catch((error: unknown) => (host === undefined ? listenAt(server, '0.0.0.0', port) : Promise.reject(error)))
  } catch (cause) {
    throw new AppError('LISTEN_FAILED', `cannot listen on ${host ?? '*'}:${port} (${kind} port): ${describeError(cause)}`, { cause })
  }
}

function listenAt(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...(host === undefined ? {} : { host }), port, backlog: 1024 }, () => {
      server.removeAllListeners('error')
      // A later failure to accept (no file descriptors left) concerns one connection, not the listener.
      server.on('error', () => undefined)
      resolve()
    })
  })
}

export function portOf(server: Server): number {
  const address = server.address() as AddressInfo | string | null
  invariant(address !== null && typeof address === 'object', 'a listening server has a port')
  return address.port
}
