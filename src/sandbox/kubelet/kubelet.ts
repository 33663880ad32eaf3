import { describeError } from '../../base/errors.ts'
import { listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import type { Logger } from '../../runtime/log.ts'
import type { PodAccess, Store, TokenIssuer } from '../contract.ts'
import { createRecorder, timestamp, type EventRecorder } from '../events.ts'
import type { Images } from '../images/images.ts'
import type { AddressBlock } from '../network/addresses.ts'
import { nodeName, registerNode } from './node.ts'
import { Pod } from './pod.ts'
import { createPodAccess } from './pod-access.ts'
import type { Reaper } from './reaper.ts'
import { createTokenCache } from './token-cache.ts'

/**
 * The node and its kubelet: binds every pod to the one node, runs it, reports its status, and removes the object when its
 * containers have stopped.
 */
export interface Kubelet {
  readonly access: PodAccess
  /** Kills every container at once and stops. The store keeps what it says. */
  stop(): Promise<void>
}

export interface KubeletOptions {
  readonly store: Store
  readonly tokens: TokenIssuer
  readonly caPem: string
  readonly block: AddressBlock
  readonly images: Images
  readonly reaper: Reaper
  /** The sandbox's folder. */
  readonly root: string
  readonly namesFile: string
  /** URL of the preload for processes of pods. */
  readonly preload: string
  readonly logger: Logger
}

/** Volumes follow their objects by watching; tokens have to be renewed by the clock. */
const refreshMs = 10_000

export function startKubelet(options: KubeletOptions): Kubelet {
  const { store } = options
  const recorder = createRecorder(store, 'kubelet', nodeName)
  const scheduler = createRecorder(store, 'default-scheduler')
  const running = new Map<string, Pod>()
  registerNode(store, options.block.nodeAddress)

  const sync = (pod: JsonObject): void => {
    const uid = uidOf(pod)
    const known = running.get(uid)
    if (stringAt(pod, 'spec', 'nodeName') === undefined) bind(store, scheduler, pod)
    else if (known) endIfDeleted(pod, known)
    else if (!isOver(pod)) start(pod, uid)
  }
  const start = (pod: JsonObject, uid: string): void => {
    if (stringAt(pod, 'spec', 'nodeName') !== nodeName) return
    if (stringAt(pod, 'metadata', 'deletionTimestamp') !== undefined) return tryDelete(store, pod)
    const podAddress = options.block.takePodAddress()
    if (podAddress === undefined) return recorder.record(pod, 'Warning', 'FailedCreatePodSandBox', 'all addresses of the sandbox are taken')
    const worker = new Pod(pod, podHost(options, recorder, pod, podAddress))
    running.set(uid, worker)
    worker.run().catch((error: unknown) => options.logger.error('a pod cannot be run', { pod: titleOf(pod), error: describeError(error) }))
  }
  const endIfDeleted = (pod: JsonObject, worker: Pod): void => {
    if (stringAt(pod, 'metadata', 'deletionTimestamp') === undefined) return
    const seconds = numberAt(pod, 'metadata', 'deletionGracePeriodSeconds') ?? 30
    if (worker.isEnding) return worker.hurry(seconds)
    worker.terminate(seconds).then(
      () => {
        worker.publishNow()
        tryDelete(store, pod)
      },
      (error: unknown) => options.logger.error('a pod cannot be stopped', { pod: titleOf(pod), error: describeError(error) }),
    )
  }
  const forget = (pod: JsonObject): void => {
    const worker = running.get(uidOf(pod))
    if (!worker) return
    worker.kill()
    running.delete(uidOf(pod))
    // Nothing of the old pod may answer at the address of the next one.
    void worker.gone().then(() => {
      worker.clean()
      options.block.returnPodAddress(worker.address)
    })
  }
  const refresh = (): void => {
    for (const worker of running.values()) worker.refresh()
  }
  const unwatch = [
    store.watch('/pods', (event) => {
      if (event.type === 'DELETED') forget(event.object)
      else {
        // The store's state may be further than the event's.
        const newest = store.get('/pods', stringAt(event.object, 'metadata', 'namespace'), stringAt(event.object, 'metadata', 'name') ?? '')
        if (newest && uidOf(newest) === uidOf(event.object)) sync(newest)
      }
    }),
    store.watch('/configmaps', refresh),
    store.watch('/secrets', refresh),
  ]
  const timer = setInterval(refresh, refreshMs)
  for (const pod of store.list('/pods')) sync(pod)
  return {
    access: createPodAccess(store, running),
    stop: async () => {
      clearInterval(timer)
      for (const end of unwatch) end()
      for (const worker of running.values()) worker.kill()
      await Promise.all([...running.values()].map((worker) => worker.gone()))
    },
  }
}

const uidOf = (pod: JsonObject): string => stringAt(pod, 'metadata', 'uid') ?? ''
const titleOf = (pod: JsonObject): string => `${stringAt(pod, 'metadata', 'namespace')}/${stringAt(pod, 'metadata', 'name')}`
const isOver = (pod: JsonObject): boolean => ['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase') ?? '')

/** The scheduler's part: there is one node, and it takes everything. */
function bind(store: Store, recorder: EventRecorder, pod: JsonObject): void {
  const conditions = [{ type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timestamp(new Date()) }]
  const bound = { ...pod, spec: { ...objectAt(pod, 'spec'), nodeName }, status: { ...objectAt(pod, 'status'), phase: 'Pending', conditions } }
  store.update('/pods', bound)
  recorder.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${titleOf(pod)} to ${nodeName}`)
}

function tryDelete(store: Store, pod: JsonObject): void {
  const namespace = stringAt(pod, 'metadata', 'namespace')
  const name = stringAt(pod, 'metadata', 'name') ?? ''
  const current = store.get('/pods', namespace, name)
  if (current && uidOf(current) === uidOf(pod)) store.delete('/pods', namespace, name, { force: true })
}

function podHost(options: KubeletOptions, recorder: EventRecorder, pod: JsonObject, podAddress: string): ConstructorParameters<typeof Pod>[1] {
  const { store, block } = options
  const namespace = stringAt(pod, 'metadata', 'namespace') ?? ''
  const name = stringAt(pod, 'metadata', 'name') ?? ''
  const lookups = {
    configMap: (configMap: string) => store.get('/configmaps', namespace, configMap),
    secret: (secret: string) => store.get('/secrets', namespace, secret),
  }
  return {
    root: options.root,
    nodeAddress: block.nodeAddress,
    namesFile: options.namesFile,
    preload: options.preload,
    api: { address: block.apiAddress, port: 443 },
    images: options.images,
    reaper: options.reaper,
    recorder,
    podAddress,
    sources: { pod, podAddress, nodeAddress: block.nodeAddress, caPem: options.caPem, token: createTokenCache(options.tokens, pod), ...lookups },
    hasApiAccess: hasApiAccess(store, pod),
    publish: (build) => {
      const newest = store.get('/pods', namespace, name)
      if (!newest || uidOf(newest) !== uidOf(pod)) return
      store.update('/pods', { ...newest, status: build(newest) })
    },
  }
}

/** `automountServiceAccountToken` of the pod, else of its account; true where neither says. */
function hasApiAccess(store: Store, pod: JsonObject): boolean {
  const own = valueAt(pod, 'spec', 'automountServiceAccountToken')
  if (typeof own === 'boolean') return own
  // The API server's admission has said it in the pod already.
  if (listAt(pod, 'spec', 'volumes').some((volume) => stringAt(volume, 'name')?.startsWith('kube-api-access-'))) return false
  const account = store.get('/serviceaccounts', stringAt(pod, 'metadata', 'namespace'), stringAt(pod, 'spec', 'serviceAccountName') ?? 'default')
  return valueAt(account, 'automountServiceAccountToken') !== false
}
