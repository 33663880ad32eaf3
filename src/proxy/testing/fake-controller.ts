import { createSecureServer, type Http2SecureServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { LineSplitter, parseUpMessage, printMessage } from '../../api/codec.ts'
import type { DownMessage, Report, UpMessage } from '../../api/protocol.ts'

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
  /** Answer new streams with this status. */
  status: number
  /** Cuts all connections; the port stays open. */
  cut(): void
  close(): void
}

/** A controller that only listens and says what it is told. */
export async function startFakeController(keys: { readonly certPem: string; readonly keyPem: string }, port = 0): Promise<FakeController> {
  const streams: SidecarStream[] = []
  const sessions = new Set<Http2Session>()
  const server: Http2SecureServer = createSecureServer({ cert: keys.certPem, key: keys.keyPem, minVersion: 'TLSv1.3' })
  const fake = { status: 200 }
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => undefined)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined)
    stream.respond({ ':status': fake.status })
    if (fake.status === 200) streams.push(attach(stream, String(headers.authorization), String(headers[':path'])))
    else stream.end()
  })
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  const cut = (): void => {
    for (const session of sessions) session.destroy()
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

function attach(stream: ServerHttp2Stream, authorization: string, path: string): SidecarStream {
  const messages: UpMessage[] = []
  const faults: string[] = []
  const lines = new LineSplitter()
  stream.on('data', (chunk: Buffer) => {
    const split = lines.push(chunk)
    if (!split.ok) faults.push(split.error)
    for (const line of split.ok ? split.value : []) {
      const message = parseUpMessage(line)
      if (message.ok) messages.push(message.value)
      else faults.push(message.error)
    }
  })
  return {
    authorization,
    path,
    messages,
    faults,
    isClosed: () => stream.closed,
    send: (message) => stream.write(printMessage(message)),
    sendLine: (line) => stream.write(`${line}\n`),
    reports: () => messages.filter((message) => message.type === 'report'),
  }
}
