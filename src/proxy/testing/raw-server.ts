import { createServer, type AddressInfo } from 'node:net'
import { Peer } from './peer.ts'
import { until } from './until.ts'

/** A server that says exactly what it is told. */
export interface RawServer {
  readonly port: number
  /** All connections so far, in order. */
  readonly connections: readonly Peer[]
  /** Waits for the n-th connection, counted from 0. */
  connection(index: number): Promise<Peer>
  close(): void
}

/** Starts it; `onConnection` may set up answers. With `forgets`, connections end with their clients and leave the list. */
export async function startRawServer(onConnection: (connection: Peer) => void = () => undefined, { forgets = false } = {}): Promise<RawServer> {
  const connections: Peer[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new Peer(socket)
    connections.push(connection)
    if (forgets) socket.on('end', () => socket.end()).on('close', () => connections.splice(connections.indexOf(connection), 1))
    onConnection(connection)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    connection: async (index) => {
      await until(`connection ${index}`, () => connections.length > index, () => `${connections.length} connections`)
      const connection = connections[index]
      if (!connection) throw new Error('unreachable')
      return connection
    },
    close: () => {
      server.close()
      for (const connection of connections) connection.socket.destroy()
    },
  }
}

/** Answers each request head that ends on a connection; bodies are not looked at. */
export const answering =
  (answer: (head: string, connection: Peer) => string | undefined) =>
  (connection: Peer): void => {
    let seen = 0
    connection.socket.on('data', () => {
      for (let end = connection.received.indexOf('\r\n\r\n', seen); end >= 0; end = connection.received.indexOf('\r\n\r\n', seen)) {
        const head = connection.received.slice(seen, end + 4)
        seen = end + 4
        const text = answer(head, connection)
        if (text !== undefined) connection.send(text)
      }
    })
  }

/** A response with Content-Length. */
export const respond = (body: string, status = '200 OK', ...lines: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n')
