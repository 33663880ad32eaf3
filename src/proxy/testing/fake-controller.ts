import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { LineSplitter, parseUpMessage, printMessage } from '../../api/codec.ts'
import { streamProtocol, type DownMessage, type Report, type UpMessage } from '../../api/protocol.ts'

/** One stream of a sidecar, as the controller sees it. */
export interface SidecarStream {
  readonly authorization: string
  readonly path: string
  readonly messages: readonly UpMessage[]
  /** Lines that could not be read. */
  readonly faults: readonly string[]
  readonly isClosed: () => boolean
  send(message: DownMessage): void
  sendLine(line: string): void
  reports(): readonly Report[]
}

export interface FakeController {
  readonly port: number
  readonly streams: readonly SidecarStream[]
  /** Answer new streams with this status; 200: agree. */
  status: number
  /** Called with each message of a sidecar. */
  onMessage: (message: UpMessage) => void
  /** Cuts all connections; the port stays open. */
  cut(): void
  close(): void
}

/** A controller that only listens and says what it is told. */
export async function startFakeController(keys: { readonly certPem: string; readonly keyPem: string }, port = 0): Promise<FakeController> {
  const streams: SidecarStream[] = []
  const connections = new Set<Duplex>()
  const server = createServer({ cert: keys.certPem, key: keys.keyPem, minVersion: 'TLSv1.3' })
  const ignore: FakeController['onMessage'] = () => undefined
  const fake = { status: 200, onMessage: ignore }
  server.on('secureConnection', (socket) => {
    connections.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => connections.delete(socket))
  })
  server.on('upgrade', ({ headers, url = '' }, socket) => {
    if (fake.status !== 200) {
      socket.end(`HTTP/1.1 ${fake.status} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${streamProtocol}\r\n\r\n`)
    streams.push(attach(socket, String(headers.authorization), url, (message) => fake.onMessage(message)))
  })
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  const cut = (): void => {
    for (const connection of connections) connection.destroy()
  }
  return Object.assign(fake, {
    port: (server.address() as AddressInfo).port,
    streams,
    cut,
    close: () => {
      server.close()
      cut()
    },
  })
}

function attach(stream: Duplex, authorization: string, path: string, onMessage: (message: UpMessage) => void): SidecarStream {
  const messages: UpMessage[] = []
  const faults: string[] = []
  const lines = new LineSplitter()
  stream.on('data', (chunk: Buffer) => {
    const split = lines.push(chunk)
    if (!split.ok) faults.push(split.error)
    for (const line of split.ok ? split.value : []) {
      const message = parseUpMessage(line)
      if (message.ok) {
        messages.push(message.value)
        onMessage(message.value)
      } else faults.push(message.error)
    }
  })
  return {
    authorization,
    path,
    messages,
    faults,
    isClosed: () => stream.destroyed || stream.readableEnded,
    send: (message) => stream.write(printMessage(message)),
    sendLine: (line) => stream.write(`${line}\n`),
    reports: () => messages.filter((message) => message.type === 'report'),
  }
}
