import { randomUUID } from 'node:crypto'
import { AppError, describeError } from '../base/errors.ts'
import type { ProxyCommandOptions } from '../cli/proxy.ts'
import { startProxy } from '../proxy/proxy.ts'
import { createLogger } from '../runtime/log.ts'

/** Runs the sidecar until SIGTERM or SIGINT has been followed to its end. */
export async function runProxy(options: ProxyCommandOptions, version: string): Promise<void> {
  const log = createLogger(options.logLevel, { component: 'proxy' })
  const { controller, ca } = options
  if (controller !== undefined && ca === undefined) throw new AppError('BAD_OPTIONS', '--controller needs --ca (KINGLET_CA): the certificate that the controller is checked by')
  const proxy = await startProxy({
    host: options.host,
    ports: { route: options.routePort, direct: options.directPort, admin: options.adminPort },
    app: { ...options.app, ...(options.protocol === undefined ? {} : { protocol: options.protocol }) },
    podAddress: options.podIp,
    routesFile: options.routes,
    controller: controller === undefined || ca === undefined ? undefined : { controller, ca, tokenFile: options.tokenFile, leastSilenceMs: 5000 },
    identity: { namespace: options.podNamespace, pod: options.podName, version, bootId: randomUUID() },
    limits: options,
    forwarding: { believesClients: options.forwarded === 'append', makesRequestIds: options.requestId === 'make' },
    drain: { minMs: options.drainMinMs, quietMs: options.drainQuietMs, deadlineMs: options.drainDeadlineMs },
    log,
  })
  log.info('listening', { host: options.host ?? '*', ...proxy.ports, app: `${options.app.host}:${options.app.port}` })
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  log.info('draining', { signal })
  // Whoever asks twice means it.
  process.once('SIGINT', () => process.exit(130))
  await proxy.drain().catch((error: unknown) => log.error('drain failed', { error: describeError(error) }))
  log.info('stopped')
  // The look-up of a controller's name cannot be given up: with a name server that says nothing it would keep the process until the kubelet kills it.
  process.exit()
}
