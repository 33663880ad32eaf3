import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { LineSplitter, parseUpMessage } from '../api/codec.ts'
import { streamPath, type UpMessage } from '../api/protocol.ts'
import { AppError, describeError } from '../base/errors.ts'
import type { Logger } from '../runtime/log.ts'
import type { Hub, Session } from './hub.ts'
import type { PodIdentity } from './tokens.ts'

/**
 * Where sidecars connect: HTTP/2 over TLS 1.3, one stream each. A sidecar proves its pod by its token and may speak for that pod
 * alone; whatever it sends that is not understood ends its stream. Knows nothing of Canaries: that is the hub's.
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
/** A hello must come within this time. */
const helloMs = 10_000

/** Errors: LISTEN_FAILED. */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const secure = ({ certPem, keyPem }: StreamServerOptions['certificate']) => ({ cert: certPem, key: keyPem, minVersion: 'TLSv1.3' as const })
  const server = http2.createSecureServer(secure(options.certificate))
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => void sessions.delete(session))
    session.on('error', (error) => options.log.debug('sidecar connection broken', { error: describeError(error) }))
  })
  server.on('tlsClientError', (error) => options.log.debug('tls handshake failed', { error: error.message }))
  server.on('stream', (stream, headers) => void accept(stream, headers, options))
  const port = await listen(server, options.port)
  return {
    port,
    setCertificate: (certificate) => server.setSecureContext(secure(certificate)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.destroy()
      }),
  }
}

function listen(server: http2.Http2SecureServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new AppError('LISTEN_FAILED', `cannot listen at port ${port}: ${describeError(error)}`, { cause: error })))
    server.listen(port, '0.0.0.0', () => resolve((server.address() as AddressInfo).port))
  })
}

async function accept(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, options: StreamServerOptions): Promise<void> {
  stream.on('error', (error) => options.log.debug('sidecar stream broken', { error: describeError(error) }))
  const refuse = (status: number): void => {
    if (!stream.destroyed && !stream.headersSent) stream.respond({ ':status': status }, { endStream: true })
  }
  if (headers[':method'] !== 'POST' || headers[':path'] !== streamPath) return refuse(404)
  const [, token] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? []
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
  stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' })
  converse(stream, identity, options)
}

/** Hello, then whatever it has to say, until one side ends it. */
function converse(stream: http2.ServerHttp2Stream, identity: PodIdentity, { hub, log }: StreamServerOptions): void {
  const lines = new LineSplitter()
  const impatience = setTimeout(() => stream.destroy(), helloMs)
  let leave: (() => void) | undefined
  const session: Session = {
    ...identity,
    send: (line) => {
      if (stream.destroyed || stream.writableEnded) return
      stream.write(line)
      if (stream.writableLength > maxUnsentBytes) stream.destroy()
    },
  }
  const end = (reason: string): void => {
    log.warn('sidecar refused', { namespace: identity.namespace, pod: identity.pod, reason })
    stream.destroy()
  }
  const hear = (message: UpMessage): void => {
    if (leave) return hub.hear(session, message)
    if (message.type !== 'hello') return end('its first line is not a hello')
    if (message.namespace !== identity.namespace || message.pod !== identity.pod) return end(`it says that it is ${message.namespace}/${message.pod}`)
    clearTimeout(impatience)
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
