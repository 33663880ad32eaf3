/**
 * The controller: watches Canaries and what belongs to them, decides by src/rollout, writes, and talks to the sidecars. It is not in
 * any request's path: while none leads, the sidecars go on with what they know, and without a judge the canaries' weight runs
 * out. One process leads by Lease; the others wait, ready.
 *
 *   waiting ──Lease──▶ certificates → caches → stream server → leader label → queues ──signal──▶ wound down in reverse
 *                                                                     └──Lease lost──▶ the process ends
 */
import { createHash, randomBytes } from 'node:crypto'
import { resources } from '../api/resources.ts'
import { startCertificates, type Certificates } from '../certs/certificates.ts'
import type { Clock } from '../base/clock.ts'
import { describeError } from '../base/errors.ts'
import type { InjectionConfig } from '../injection/inject.ts'
import type { KubeClient } from '../kube/client.ts'
import { hasCode } from '../kube/errors.ts'
import { runWithLease } from '../kube/lease.ts'
import { createQueue, type Queue } from '../kube/queue.ts'
import { createRecorder } from '../kube/recorder.ts'
import { startReflector } from '../kube/reflector.ts'
import type { ControllerRegistry } from '../metrics/controller.ts'
import type { Timing, Unwritten } from '../rollout/observation.ts'
import type { Installation } from '../rollout/world.ts'
import type { Logger } from '../runtime/log.ts'
import { aborted } from '../runtime/signals.ts'
import { startCaches, type Caches } from './caches.ts'
import { Hub } from './hub.ts'
import { claimLeaderLabel, dropLeaderLabel } from './leader-label.ts'
import { reconcileOptIn } from './opt-in.ts'
import type { ClusterReader } from './ports.ts'
import { reconcile } from './reconciler.ts'
import { startStreamServer } from './stream-server.ts'
import { createTokenReviewer } from './tokens.ts'
import { wireEvents } from './wiring.ts'

export interface ControllerOptions {
  readonly client: KubeClient
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: ControllerRegistry
  /** Kinglet's own namespace: Lease, Secrets, the leader's pod. */
  readonly ownNamespace: string
  /** The pod that this process runs in; absent outside of a cluster: no label is set. */
  readonly podName?: string
  /** Watch this namespace alone. */
  readonly watchNamespace?: string
  readonly streamPort: number
  /** Further names in the stream server's certificate. */
  readonly streamNames: readonly string[]
  readonly selectorLabels: readonly string[]
  readonly labelPrefixes: readonly string[]
  readonly tracksConfigs: boolean
  readonly injection: Omit<InjectionConfig, 'caPem'>
  readonly timing: Timing
  /** Another replica leads after this long without a word of the leader, milliseconds. */
  readonly leaseMs: number
  readonly webhookConfiguration: string
  readonly signal: AbortSignal
  /** Told when leading begins and ends. */
  readonly onLeading: (state: LeaderState | undefined) => void
}

/** What is known of a leader from outside. */
export interface LeaderState {
  readonly hub: Hub
  readonly reader: ClusterReader
  readonly streamPort: number
}

/** Events that a leader that ends has still to write are waited for this long: until it has ended nobody else leads. */
const flushMs = 5000
const leaseName = 'kinglet-controller'
/** A write that fails is tried again soon: a rollout waits for it. */
const retryMs = { base: 200, max: 30_000 } as const

/** Resolves when `signal` is aborted and everything has ended. Errors: LEASE_LOST; whatever keeps a leader from starting. */
export async function runController(options: ControllerOptions): Promise<void> {
  const { client, clock, log, ownNamespace, signal } = options
  await runWithLease({
    client,
    clock,
    namespace: ownNamespace,
    name: leaseName,
    identity: `${options.podName ?? 'local'}_${randomBytes(6).toString('hex')}`,
    leaseMs: options.leaseMs,
    signal,
    lead: (leading) => lead(options, leading),
    onLeader: (identity) => log.info('another controller leads', { identity }),
    onError: (error) => log.warn('lease attempt failed', { error: describeError(error) }),
  })
}

async function lead(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, ownNamespace, podName } = options
  log.info('leading')
  const certificates = await startCertificates(certificateOptions(options, signal))
  const caches = startCaches({
    client,
    clock,
    tracksConfigs: options.tracksConfigs,
    ...(options.watchNamespace === undefined ? {} : { namespace: options.watchNamespace }),
    onError: (error, resource) => log.warn('watch failed', { resource: resource.plural, error: describeError(error) }),
  })
  const ending: (() => Promise<unknown> | void)[] = [() => certificates.stop(), () => caches.stop()]
  try {
    await caches.synced(signal)
    const queues = createQueues(options, caches, certificates)
    ending.unshift(() => queues.hub.stop())
    const server = await startStreamServer({ port: options.streamPort, certificate: certificates.streamLeaf(), identify: createTokenReviewer(client, clock), hub: queues.hub, log })
    certificates.subscribe(() => server.setCertificate(certificates.streamLeaf()))
    ending.unshift(() => server.stop())
    if (podName !== undefined) {
      await claimLeaderLabel(client, ownNamespace, podName)
      ending.unshift(() => dropLeaderLabel(client, ownNamespace, podName))
    }
    wireEvents(caches, queues.canaries, queues.optIns)
    ending.unshift(() => Promise.all([queues.canaries.stop(), queues.optIns.stop()]))
    options.onLeading({ hub: queues.hub, reader: caches.reader, streamPort: server.port })
    log.info('serving sidecars', { port: server.port })
    await aborted(signal)
    await queues.flush()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    options.onLeading(undefined)
    for (const end of ending) await Promise.resolve(end()).catch((error: unknown) => log.warn('could not wind down in order', { error: describeError(error) }))
  }
}

function certificateOptions({ client, clock, ownNamespace, webhookConfiguration, streamNames, log }: ControllerOptions, signal: AbortSignal): Parameters<typeof startCertificates>[0] {
  return {
    client,
    clock,
    namespace: ownNamespace,
    webhookConfiguration,
    extraStreamNames: streamNames,
    onConfigurationChange: (listener) => {
      const reflector = startReflector({ client, clock, resource: resources.mutatingWebhookConfigurations, fieldSelector: `metadata.name=${webhookConfiguration}` })
      const leave = reflector.subscribe(listener)
      const stop = (): void => void reflector.stop()
      signal.addEventListener('abort', stop, { once: true })
      return () => {
        leave()
        stop()
      }
    },
    onError: (error) => log.warn('certificates could not be checked', { error: describeError(error) }),
  }
}

/** Where somebody has written between our read and our write, looking again is how it is meant to be: nothing to warn of. */
export function tellOfFailedLook(log: Logger, key: string, error: unknown, retryInMs: number): void {
  const fields = { key, error: describeError(error), retryInMs }
  if (hasCode(error, 'CONFLICT', 'ALREADY_EXISTS')) log.info('written by somebody else meanwhile, looking again', fields)
  else log.warn('look failed, trying again', fields)
}

interface Queues {
  readonly hub: Hub
  readonly canaries: Queue
  readonly optIns: Queue
  flush(): Promise<void>
}

function createQueues(options: ControllerOptions, caches: Caches, certificates: Certificates): Queues {
  const { client, clock, log, metrics, timing } = options
  const onError = (key: string, error: unknown, retryInMs: number): void => tellOfFailedLook(log, key, error, retryInMs)
  const events = createRecorder({ client, clock, component: 'flagger', onError: (error, event) => log.warn('event not written', { event: event.message, error: describeError(error) }) })
  const hub = new Hub(clock, (key) => void canaries.add(key))
  const installation = (): Installation => ({
    selectorLabels: options.selectorLabels,
    labelPrefixes: options.labelPrefixes,
    tracksConfigs: options.tracksConfigs,
    injection: { ...options.injection, caPem: certificates.caPem() },
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  })
  const told = new Map<string, number>()
  const unwritten = new Map<string, Unwritten>()
  const toldOfAnnotations = new Map<string, string>()
  const canaries = createQueue({
    clock,
    retryMs,
    onError,
    process: (key) => reconcile(key, { cluster: client, cache: caches.reader, hub, events, told, unwritten, metrics, installation: installation(), timing, clock, log }),
  })
  const optIns = createQueue({ clock, retryMs, onError, process: (key) => reconcileOptIn(key, { cluster: client, cache: caches.reader, events, clock, told: toldOfAnnotations }) })
  return { hub, canaries, optIns, flush: () => events.flush(flushMs) }
}
