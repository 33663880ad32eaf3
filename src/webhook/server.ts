import https from 'node:https'
import type { Clock } from '../base/clock.ts'
import { serviceNames } from '../certs/names.ts'
import type { InjectionConfig } from '../injection/inject.ts'
import { closeServer, createHealthServer, listen } from '../runtime/http-server.ts'
import type { Logger } from '../runtime/log.ts'
import { createApp } from './app.ts'
import { watchTlsFiles } from './tls-files.ts'

/**
 * The admission webhook as a process: three pure mutations and a notice behind TLS. It has no rights, calls nobody, holds no CA key; it may
 * stop at any time, and writes pass without it (failurePolicy Ignore).
 */
export interface WebhookOptions {
  /** 0: any free port. */
  readonly port: number
  readonly healthPort: number
  /** Where Secret kinglet-webhook-tls is mounted. */
  readonly tlsDirectory: string
  /** Kinglet's namespace. */
  readonly namespace: string
  readonly injection: Omit<InjectionConfig, 'caPem'>
  readonly clock: Clock
  readonly log: Logger
  /** After the signal to stop, how long requests are still taken: until API servers have heard of it. Default 15 s. */
  readonly drainMs?: number
  /** Aborted: stop. */
  readonly signal: AbortSignal
}

export interface Webhook {
  readonly port: number
  readonly healthPort: number
  /** Resolves when the first good certificate is served. */
  readonly ready: Promise<void>
  /** Resolves when everything has ended after the signal. */
  readonly stopped: Promise<void>
}

/** API servers keep idle connections for 90 s (Go); closing one that is about to be used would be an error in somebody's apply. */
const keepAliveMs = 120_000
const headersMs = 32_000

/** Listens at once; answers when its certificate is there. Errors: LISTEN_FAILED. */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { clock, log, signal } = options
  const ready = Promise.withResolvers<void>()
  const server = https.createServer({ minVersion: 'TLSv1.2' })
  server.keepAliveTimeout = keepAliveMs
  server.headersTimeout = headersMs
  server.requestTimeout = headersMs
  const tls = watchTlsFiles({
    directory: options.tlsDirectory,
    names: serviceNames('kinglet-webhook', options.namespace),
    clock,
    onChange: (files) => {
      server.setSecureContext({ cert: files.certPem, key: files.keyPem, minVersion: 'TLSv1.2' })
      ready.resolve()
      log.info('serving with a new certificate')
    },
    onFault: (fault) => log.warn('certificate not usable', { fault }),
  })
  const app = createApp({
    injection: () => ({ ...options.injection, caPem: tls.current()?.caPem ?? '' }),
    controllerUser: `system:serviceaccount:${options.namespace}:kinglet-controller`,
    log,
    isStopping: () => signal.aborted,
  })
  server.on('request', app)
  // Scanners and clients with another CA: one line, not a stack.
  server.on('tlsClientError', (error) => log.debug('tls handshake failed', { error: error.message }))
  const health = createHealthServer({ healthy: () => undefined, ready: () => (signal.aborted ? 'stopping' : tls.fault()) })
  const port = await listen(server, options.port)
  const healthPort = await listen(health, options.healthPort)
  log.info('webhook started', { port, healthPort })

  const stop = async (): Promise<void> => {
    log.info('webhook stopping', { drainMs: options.drainMs ?? 15_000 })
    await new Promise<void>((resolve) => void clock.after(options.drainMs ?? 15_000, resolve))
    tls.stop()
    await Promise.all([closeServer(server, 10_000), closeServer(health, 1_000)])
    log.info('webhook stopped')
  }
  const stopped = new Promise<void>((resolve, reject) => {
    const begin = (): void => void stop().then(resolve, reject)
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
  })
  return { port, healthPort, ready: ready.promise, stopped }
}
