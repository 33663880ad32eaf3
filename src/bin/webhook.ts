import { streamService } from '../api/keys.ts'
import type { WebhookFlags } from '../cli/webhook.ts'
import { systemClock } from '../runtime/clock.ts'
import { createLogger } from '../runtime/log.ts'
import { stopSignal } from '../runtime/signals.ts'
import { startWebhook } from '../webhook/server.ts'

/** `kinglet webhook`: the parts, connected. */
export async function runWebhook(flags: WebhookFlags): Promise<void> {
  const webhook = await startWebhook({
    port: flags.port,
    healthPort: flags.healthPort,
    tlsDirectory: flags.tlsDir,
    namespace: flags.namespace,
    injection: {
      image: flags.image,
      imagePullPolicy: flags.imagePullPolicy,
      imagePullSecrets: flags.imagePullSecret,
      runAsUser: flags.runAsUser,
      controllerAddress: flags.controller ?? `${streamService.name}.${flags.namespace}.svc:${streamService.port}`,
      logLevel: flags.proxyLogLevel,
    },
    drainMs: flags.drain * 1000,
    clock: systemClock,
    log: createLogger(flags.logLevel, { component: 'webhook' }),
    signal: stopSignal(),
  })
  await webhook.stopped
}
