import * as net from 'node:net'
import type { Logger } from '../../runtime/log.ts'
import { resetSocket } from '../../runtime/reset-socket.ts'
import { realPort } from './addresses.ts'
import type { Backend, Frontend } from './service-table.ts'

/**
 * Relays TCP connections of Services to pods, as kube-proxy's rules do: a random backend per connection, refused at once
 * when there is none, connections that stand are left alone when endpoints go. The pod sees its client's address.
 */
export interface ServiceProxy {
  /** Makes `frontends` all that is served. */
  apply(frontends: readonly Frontend[]): void
  /** Resolves when the listeners that `apply` asked for so far are open or have failed. */
  settled(): Promise<void>
  stop(): void
}

/** A listener follows its frontend: it listens while there are backends. */
interface Listener {
  backends: readonly Backend[]
  /** Undefined while there is nobody to relay to: the system refuses connections then. */
  server: net.Server | undefined
  opening: Promise<void>
}

/** `chance` gives numbers from 0 up to but not including 1. */
export function startServiceProxy(logger: Logger, chance: () => number = Math.random): ServiceProxy {
  const listeners = new Map<string, Listener>()
  const sockets = new Set<net.Socket>()
  const apply = (frontends: readonly Frontend[]): void => {
    const wanted = new Set<string>()
    for (const frontend of frontends) {
      const id = `${frontend.address}:${frontend.port}`
      wanted.add(id)
      const listener = listeners.get(id) ?? { backends: [], server: undefined, opening: Promise.resolve() }
      listeners.set(id, listener)
      listener.backends = frontend.backends
      if (frontend.backends.length === 0) close(listener)
      else if (listener.server === undefined) open(listener, frontend)
    }
    for (const [id, listener] of listeners) {
      if (wanted.has(id)) continue
      close(listener)
      listeners.delete(id)
    }
  }
  const open = (listener: Listener, frontend: Frontend): void => {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
      const backend = listener.backends[Math.floor(chance() * listener.backends.length)]
      if (backend) relay(client, backend, sockets)
      else resetSocket(client)
    })
    listener.server = server
    listener.opening = new Promise((resolve) => {
      server.once('error', (error) => {
        logger.warn('a Service port cannot be opened', { service: frontend.title, address: frontend.address, port: frontend.port, error: error.message })
        if (listener.server === server) listener.server = undefined
        resolve()
      })
      server.once('listening', resolve)
      server.once('close', resolve)
      server.listen({ host: frontend.address, port: realPort(frontend.port), exclusive: true })
    })
  }
  return {
    apply,
    settled: async () => void (await Promise.all([...listeners.values()].map((listener) => listener.opening))),
    stop: () => {
      apply([])
      for (const socket of sockets) socket.destroy()
    },
  }
}

function close(listener: Listener): void {
  listener.server?.close()
  listener.server = undefined
}

function relay(client: net.Socket, backend: Backend, sockets: Set<net.Socket>): void {
  const options = { host: backend.address, port: realPort(backend.port), allowHalfOpen: true, noDelay: true }
  const source = client.remoteAddress
  const pod = net.connect(source?.startsWith('127.') === true ? { ...options, localAddress: source } : options)
  for (const [socket, other] of [
    [client, pod],
    [pod, client],
  ] as const) {
    sockets.add(socket)
    // A reset on one side is a reset on the other: between pod and client there is only a packet filter in a real cluster.
    socket.on('error', () => resetSocket(other))
    socket.on('close', () => {
      sockets.delete(socket)
      if (!socket.readableEnded || !socket.writableFinished) resetSocket(other)
    })
    socket.pipe(other)
  }
}
