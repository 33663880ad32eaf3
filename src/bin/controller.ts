import { fieldManager, streamService } from '../api/keys.ts'
import { describeError } from '../base/errors.ts'
import type { ControllerFlags } from '../cli/controller.ts'
import { runController, type LeaderState } from '../controller/controller.ts'
import { answerRead } from '../controller/read-api.ts'
import { createClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/config.ts'
import { createControllerMetrics } from '../metrics/controller.ts'
import { systemClock } from '../runtime/clock.ts'
import { closeServer, createHealthServer, listen } from '../runtime/http-server.ts'
import { createLogger } from '../runtime/log.ts'
import { stopSignal } from '../runtime/signals.ts'

/** `kinglet controller`: the parts, connected. Ends with 1 when the Lease is lost: somebody else may lead. */
export async function runControllerProcess(flags: ControllerFlags, version: string): Promise<void> {
  const log = createLogger(flags.logLevel, { component: 'controller' })
  const signal = stopSignal()
  let leader: LeaderState | undefined
  const metrics = createControllerMetrics(version, { sidecars: () => leader?.hub.sessionCount() ?? 0, isLeader: () => leader !== undefined })
  const connection = loadKubeConfig(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig })
  const health = createHealthServer({ healthy: () => undefined, ready: () => (signal.aborted ? 'stopping' : undefined) }, async (path, method) => {
    if (path === '/metrics') return { status: 200, type: metrics.contentType, text: await metrics.render() }
    const answer = await answerRead(method, path, leader)
    return answer && { status: answer.status, type: 'application/json', text: `${JSON.stringify(answer.body)}\n` }
  })
  const port = await listen(health, flags.port)
  log.info('controller started', { port, version })
  try {
    await runController({
      client: createClient(connection, systemClock, { fieldManager }),
      clock: systemClock,
      log,
      metrics,
      ownNamespace: flags.ownNamespace,
      ...(flags.podName === undefined ? {} : { podName: flags.podName }),
      ...(flags.namespace === undefined ? {} : { watchNamespace: flags.namespace }),
      streamPort: flags.streamPort,
      streamNames: flags.streamName,
      selectorLabels: flags.selectorLabels,
      labelPrefixes: flags.includeLabelPrefix,
      tracksConfigs: flags.enableConfigTracking,
      injection: { image: flags.image, imagePullPolicy: flags.imagePullPolicy, imagePullSecrets: flags.imagePullSecret, runAsUser: flags.runAsUser, controllerAddress: flags.controller ?? `${streamService.name}.${flags.ownNamespace}.svc:${streamService.port}`, logLevel: flags.proxyLogLevel },
      timing: { graceMs: flags.adoptionGrace, ackLimitMs: flags.ackLimit },
      leaseMs: flags.lease,
      webhookConfiguration: 'kinglet',
      signal,
      onLeading: (state) => void (leader = state),
    })
  } catch (error) {
    log.error('controller ended', { error: describeError(error) })
    process.exit(1)
  }
  await closeServer(health, 1000)
  connection.close()
}
