import { createHash } from 'node:crypto'
import { injectLabel } from '../api/keys.ts'
import type { RouteTable } from '../api/protocol.ts'
import { resources } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { defaultTiming, type Timing } from '../rollout/observation.ts'
import type { Installation } from '../rollout/world.ts'
import { hasSidecar } from '../injection/inject.ts'
import { bucketOf } from '../api/histogram.ts'
import { Hub, type Session } from './hub.ts'
import { MemoryCluster, withSidecar } from './memory-cluster.testkit.ts'
import { reconcile, type ReconcilerOptions } from './reconciler.ts'

/** One namespace with an app and Kinglet's controller, played by hand: the controller looks, the cluster catches up, time passes. */
export interface Stage {
  readonly cluster: MemoryCluster
  readonly clock: Clock & { advance(ms: number): void }
  readonly hub: Hub
  /** `type message` of every event. */
  readonly events: string[]
  readonly options: ReconcilerOptions
  /** The last table that each pod's sidecar was sent. */
  readonly tables: Map<string, RouteTable>
  /** Share of canary requests that fail, and how many come in a second. `sickPod`: the pod of the canary where all of them do, while the others are well. */
  traffic: { readonly failing: number; readonly perSecond: number; readonly sickPod?: string }
}

export const namespace = 'shop'

export const appDeployment = (version: string, more: JsonObject = {}): JsonObject => ({
  metadata: { name: 'web', namespace, labels: { team: 'a', app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { containers: [{ name: 'web', image: `web:${version}`, ports: [{ name: 'http', containerPort: 8080 }], futureField: { kept: true } }], ...more } },
  },
})
export const appService: JsonObject = { metadata: { name: 'web', namespace }, spec: { clusterIP: '10.0.0.1', type: 'NodePort', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http', nodePort: 30_080 }] } }
export const appCanary = (spec: JsonObject = {}): JsonObject => ({
  metadata: { name: 'web', namespace },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    service: { port: 80 },
    analysis: { interval: '10s', threshold: 2, stepWeight: 25, maxWeight: 50, metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '10s' }] },
    ...spec,
  },
})

export const installation: Installation = {
  selectorLabels: ['app', 'name', 'app.kubernetes.io/name'],
  labelPrefixes: [],
  tracksConfigs: true,
  injection: { image: 'kinglet:test', imagePullPolicy: 'Never', caPem: 'CA', controllerAddress: 'kinglet-controller.kinglet-system.svc:14090', logLevel: 'info' },
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
}

export function createStage(timing: Timing = defaultTiming): Stage {
  const cluster = new MemoryCluster()
  const clock = createClock()
  const hub = new Hub(clock, () => undefined)
  const events: string[] = []
  const nothing = (): void => undefined
  const metrics = { observeCanary: nothing, forgetCanary: nothing, countEnd: nothing, observeReconcile: nothing }
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const sink = { record: ({ type, message, regarding }: { type: string; message: string; regarding: JsonObject }) => void (regarding['kind'] === 'Canary' && events.push(`${type} ${message}`)) }
  const options: ReconcilerOptions = { cluster, cache: cluster, hub, events: sink, told: new Map(), unwritten: new Map(), metrics, installation, timing, clock, log }
  return { cluster, clock, hub, events, options, tables: new Map(), traffic: { failing: 0, perSecond: 20 } }
}

function createClock(): Stage['clock'] {
  let now = 1_700_000_000_000
  let timers: { readonly due: number; readonly callback: () => void }[] = []
  return {
    now: () => now,
    after: (ms, callback) => {
      const timer = { due: now + ms, callback }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
    advance: (ms) => {
      now += ms
      const due = timers.filter((timer) => timer.due <= now)
      timers = timers.filter((timer) => timer.due > now)
      for (const timer of due) timer.callback()
    },
  }
}

/** Deployments get their pods, all ready; Services their endpoints; sidecars connect, acknowledge and report. */
export function catchUp(stage: Stage): void {
  for (const deployment of stage.cluster.all(resources.deployments)) rollOut(stage.cluster, deployment)
  for (const service of stage.cluster.all(resources.services)) connect(stage.cluster, service)
  for (const pod of stage.cluster.all(resources.pods)) speak(stage, pod)
}

function rollOut(cluster: MemoryCluster, deployment: JsonObject): void {
  const name = stringAt(deployment, 'metadata', 'name') ?? ''
  const replicas = numberAt(deployment, 'spec', 'replicas') ?? 1
  const template = objectAt(deployment, 'spec', 'template')
  const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 8)
  const wanted = Array.from({ length: replicas }, (_unused, index) => `${name}-${hash}-${index}`)
  for (const pod of cluster.all(resources.pods)) {
    const podName = stringAt(pod, 'metadata', 'name') ?? ''
    if (stringAt(pod, 'metadata', 'annotations', 'of') === name && !wanted.includes(podName)) cluster.remove(resources.pods, { namespace, name: podName })
  }
  for (const [index, podName] of wanted.entries()) if (!cluster.get(resources.pods, namespace, podName)) cluster.put(resources.pods, buildPod(podName, name, template, index, cluster.injects))
  const status = { observedGeneration: numberAt(deployment, 'metadata', 'generation') ?? 0, replicas, updatedReplicas: replicas, availableReplicas: replicas }
  if (JSON.stringify(deployment['status']) !== JSON.stringify(status)) cluster.put(resources.deployments, { metadata: { name, namespace }, status })
}

function buildPod(name: string, of: string, template: JsonObject, index: number, injects: boolean): JsonObject {
  const labels = objectAt(template, 'metadata', 'labels')
  const pod: JsonObject = {
    metadata: { name, namespace, labels, annotations: { of } },
    spec: objectAt(template, 'spec'),
    status: { phase: 'Running', podIP: `10.1.${of.length}.${index}`, conditions: [{ type: 'Ready', status: 'True' }] },
  }
  return labels[injectLabel] === 'true' && injects ? withSidecar(pod) : pod
}

function connect(cluster: MemoryCluster, service: JsonObject): void {
  const name = stringAt(service, 'metadata', 'name') ?? ''
  const selector = Object.entries(objectAt(service, 'spec', 'selector'))
  const pods = cluster.all(resources.pods).filter((pod) => selector.every(([key, value]) => objectAt(pod, 'metadata', 'labels')[key] === value))
  const endpoints = pods.map((pod) => ({ addresses: [stringAt(pod, 'status', 'podIP') ?? ''], conditions: { ready: true }, targetRef: { kind: 'Pod', name: stringAt(pod, 'metadata', 'name') ?? '' } }))
  const slice = { metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } }, endpoints }
  if (JSON.stringify(cluster.get(resources.endpointSlices, namespace, `${name}-1`)?.['endpoints']) !== JSON.stringify(endpoints)) cluster.put(resources.endpointSlices, slice)
}

const seqs = new Map<string, number>()

/** The sidecar of a pod: says hello once, acknowledges what it is sent, reports what its share of the requests did. */
function speak(stage: Stage, pod: JsonObject): void {
  const name = stringAt(pod, 'metadata', 'name') ?? ''
  if (!hasSidecar(objectAt(pod, 'spec'))) return
  const session: Session = {
    namespace,
    pod: name,
    send: (line) => {
      const message = JSON.parse(line) as { readonly type: string; readonly table?: RouteTable }
      if (message.table) stage.tables.set(name, message.table)
    },
    close: () => undefined,
  }
  stage.hub.join(session)
  const table = stage.tables.get(name)
  if (!table) return
  stage.hub.hear(session, { type: 'ack', generation: table.generation })
  const { perSecond, failing, sickPod } = stage.traffic
  const requests = Math.round((perSecond * table.canaryWeightPercent) / 100)
  if (table.self !== 'primary' || perSecond === 0 || !name.endsWith('-0')) return
  const sick = sickPod === undefined ? undefined : stringAt(stage.cluster.get(resources.pods, namespace, sickPod), 'status', 'podIP')
  const each = requests / Math.max(1, table.endpoints.canary.length)
  const failed = Math.round(sickPod === undefined ? requests * failing : table.endpoints.canary.filter(({ address }) => address === sick).length * each)
  const none = { requests: 0, repeats: 0, repeatedFailures: 0, givenUp: 0 }
  const pods =
    sickPod === undefined
      ? table.endpoints.canary.slice(0, 1).map(({ address }) => ({ address, requests, failures: failed }))
      : table.endpoints.canary.map(({ address }) => ({ address, requests: each, failures: address === sick ? each : 0 }))
  const seq = (seqs.get(name) ?? 0) + 1
  seqs.set(name, seq)
  stage.hub.hear(session, {
    type: 'report',
    bootId: name,
    seq,
    generation: table.generation,
    ageMs: 0,
    spanMs: 1000,
    series: [
      ...(requests > 0 ? [{ track: 'canary' as const, reason: 'weight' as const, outcomes: { '2xx': requests - failed, '5xx': failed }, latency: [[bucketOf(5000), requests] as const] }] : []),
      { track: 'primary', reason: 'weight', outcomes: { '2xx': perSecond - requests }, latency: [[bucketOf(5000), perSecond - requests]] },
    ],
    clientAborted: 0,
    proxyErrors: 0,
    ...(table.canaryWeightPercent > 0 ? { drawn: { weightPercent: table.canaryWeightPercent, primary: { ...none, requests: perSecond - requests }, canary: { ...none, requests }, pods } } : {}),
  })
}

/** The controller looks, as often as its own writes would make it; a failed look is tried again. Returns what failed. */
export async function work(stage: Stage, looks = 8): Promise<readonly unknown[]> {
  const failures: unknown[] = []
  for (let look = 0; look < looks; look += 1) {
    const before = stage.cluster.writes.length
    try {
      await reconcile(`${namespace}/web`, stage.options)
      if (stage.cluster.writes.length === before) break
    } catch (error) {
      failures.push(error)
    }
  }
  return failures
}

/** Seconds in which everybody does their part. */
export async function live(stage: Stage, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    catchUp(stage)
    await work(stage)
    stage.clock.advance(1000)
  }
}

export const statusOf = (stage: Stage): JsonObject => objectAt(stage.cluster.get(resources.canaries, namespace, 'web'), 'status')
export const imageOf = (stage: Stage, name: string): string | undefined => stringAt(listAt(stage.cluster.get(resources.deployments, namespace, name), 'spec', 'template', 'spec', 'containers')[0], 'image')
