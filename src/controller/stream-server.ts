import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { LineSplitter, parseUpMessage } from '../api/codec.ts'
import { streamPath, streamProtocol, type UpMessage } from '../api/protocol.ts'
import { AppError, describeError } from '../base/errors.ts'
import type { Logger } from '../runtime/log.ts'
import type { Hub, Session } from './hub.ts'
import type { PodIdentity } from './tokens.ts'

/**
 * Where sidecars connect: TLS 1.3, one request each that is upgraded to a stream of lines. A sidecar proves its pod by its token and
 * may speak for that pod alone; whatever it sends that is not understood ends its stream. Knows nothing of Canaries: that is the hub's.
 */
export interface StreamServerOptions {
  /** 0: any free port. */
  readonly port: number
  readonly certificate: { readonly certPem: string; readonly keyPem: string }
  readonly identify: (token: string) => Promise<PodIdentity | undefined>
  readonly hub: Pick<Hub, 'join' | 'hear'>
  readonly log: Logger
}

export interface StreamServer {
  readonly port: number
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: StreamServerOptions['certificate']): void
  stop(): Promise<void>
}

/** A sidecar that does not read what it is sent is cut off; it comes back and gets the newest table. Bytes. */
const maxUnsentBytes = 4 * 1_048_576
/** A hello must come, and a refused one go, within this time. */
const helloMs = 10_000

/** Errors: LISTEN_FAILED. */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const secure = ({ certPem, keyPem }: StreamServerOptions['certificate']) => ({ cert: certPem, key: keyPem, minVersion: 'TLSv1.3' as const })
  const server = createServer(secure(options.certificate), (_request, response) => response.writeHead(426, { upgrade: streamProtocol, connection: 'upgrade' }).end())
  const connections = new Set<Duplex>()
  server.on('secureConnection', (socket) => {
    connections.add(socket)
    socket.on('close', () => void connections.delete(socket))
    socket.on('error', (error) => options.log.debug('sidecar connection broken', { error: describeError(error) }))
  })
  server.on('tlsClientError', (error) => options.log.debug('tls handshake failed', { error: error.message }))
  server.on('upgrade', (request, socket, early) => void accept(request, socket, early, options))
  const port = await listen(server, options.port)
  return {
    port,
    setCertificate: (certificate) => server.setSecureContext(secure(certificate)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const connection of connections) connection.destroy()
      }),
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new AppError('LISTEN_FAILED', `cannot listen at port ${port}: ${describeError(error)}`, { cause: error })))
    server.listen(port, () => resolve((server.address() as AddressInfo).port))
  })
}

async function accept(request: IncomingMessage, stream: Duplex, early: Buffer, options: StreamServerOptions): Promise<void> {
  const refuse = (status: number): void => {
    // What it sends beside the request is thrown away: closing with it unread would destroy the answer on its way.
    stream.resume().end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    setTimeout(() => stream.destroy(), helloMs).unref()
  }
  if (request.url !== streamPath || request.headers.upgrade?.toLowerCase() !== streamProtocol) return refuse(404)
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) return refuse(401)
  let identity: PodIdentity | undefined
  try {
    identity = await options.identify(token)
  } catch (error) {
    options.log.warn('token of a sidecar could not be reviewed', { error: describeError(error) })
    return refuse(503)
  }
  if (!identity) return refuse(401)
  if (stream.destroyed) return
  stream.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${streamProtocol}\r\n\r\n`)
  if (early.length > 0) stream.unshift(early)
  converse(stream, identity, options)
}

/** Hello, then whatever it has to say, until one side ends it. */
function converse(stream: Duplex, identity: PodIdentity, { hub, log }: StreamServerOptions): void {
  const lines = new LineSplitter()
  const impatience = setTimeout(() => stream.destroy(), helloMs)
  let leave: (() => void) | undefined
  let bootId = ''
  const session: Session = {
    ...identity,
    send: (line) => {
      if (stream.destroyed || stream.writableEnded) return
      stream.write(line)
      if (stream.writableLength > maxUnsentBytes) stream.destroy()
    },
    close: () => void stream.destroy(),
  }
  const end = (reason: string): void => {
    log.warn('sidecar refused', { namespace: identity.namespace, pod: identity.pod, reason })
    stream.destroy()
  }
  const hear = (message: UpMessage): void => {
    // What was counted of a sidecar is known by its bootId: it has one, and no other's.
    if (leave && message.type === 'report' && message.bootId !== bootId) return end('its report is of another start than its hello')
    if (leave) return hub.hear(session, message)
    if (message.type !== 'hello') return end('its first line is not a hello')
    if (message.namespace !== identity.namespace || message.pod !== identity.pod) return end(`it says that it is ${message.namespace}/${message.pod}`)
    clearTimeout(impatience)
    bootId = message.bootId
    leave = hub.join(session)
  }
  stream.on('data', (chunk: Buffer) => {
    const split = lines.push(chunk)
    if (!split.ok) return end(split.error)
    for (const line of split.value) {
      if (stream.destroyed) return
      const message = parseUpMessage(line)
      if (!message.ok) return end(message.error)
      hear(message.value)
    }
  })
  stream.on('end', () => stream.end())
  stream.on('close', () => {
    clearTimeout(impatience)
    leave?.()
  })
}
