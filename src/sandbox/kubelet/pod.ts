import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { listAt, numberAt, stringAt, type Json, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { EventRecorder } from '../events.ts'
import { resolveImage, type Images } from '../images/images.ts'
import { mappedPath, podContextVariable, type PodContext } from '../network/pod-context.ts'
import { Container, minimumGraceMs, type ContainerHost, type ContainerKind } from './container.ts'
import { buildEnv, expand, type EnvSources } from './env.ts'
import type { Command } from './process.ts'
import { pause } from './prober.ts'
import type { Reaper } from './reaper.ts'
import { buildPodStatus } from './status.ts'
import { terminationOrder } from './termination.ts'
import type { VolumeSources } from './volume-content.ts'
import { createVolumes, type PodVolumes } from './volumes.ts'

/** What all pods of the node share. */
export interface PodHost {
  readonly root: string
  readonly nodeAddress: string
  readonly namesFile: string
  /** URL of the module that each process of a pod loads first. */
  readonly preload: string
  readonly api: { readonly address: string; readonly port: number }
  readonly images: Images
  readonly reaper: Reaper
  readonly recorder: EventRecorder
  readonly podAddress: string
  readonly sources: VolumeSources & EnvSourceLookups
  readonly hasApiAccess: boolean
  /** Writes the status; false when the pod is gone. */
  publish(status: (newest: JsonObject) => JsonObject): void
}

type EnvSourceLookups = Pick<EnvSources, 'configMap' | 'secret'>

const defaultGraceSeconds = 30

/** One pod on the node: its volumes, its containers in order, its end. */
export class Pod {
  readonly spec: JsonObject
  readonly address: string
  readonly containers: readonly Container[]
  readonly #host: PodHost
  readonly #dir: string
  readonly #volumes: PodVolumes
  readonly #startedAt = new Date()
  readonly #ending = new AbortController()
  #isInitialized = false
  #isOver = false
  #isPublishing = false
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor(pod: JsonObject, host: PodHost) {
    this.spec = pod
    this.address = host.podAddress
    this.#host = host
    this.#dir = join(host.root, 'pods', stringAt(pod, 'metadata', 'uid') ?? '')
    this.#volumes = createVolumes(join(this.#dir, 'volumes'), host.sources, host.hasApiAccess)
    const of = (list: string, kind: (spec: Json) => ContainerKind): Container[] =>
      listAt(pod, 'spec', list).map((spec) => new Container(spec as JsonObject, kind(spec), this.#containerHost()))
    this.containers = [...of('initContainers', (spec) => (stringAt(spec, 'restartPolicy') === 'Always' ? 'sidecar' : 'init')), ...of('containers', () => 'app')]
  }

  /** Runs the pod until its containers have ended by themselves, or the end of `terminate`. */
  async run(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true })
    this.publish()
    await this.#mount()
    const policy = restartPolicy(this.spec)
    for (const container of this.containers.filter(({ kind }) => kind !== 'app')) {
      if (this.isEnding) return
      if (container.kind === 'init') await container.run(policy === 'Always' ? 'OnFailure' : policy)
      else {
        void container.run('Always')
        await container.started
      }
      if (container.kind === 'init' && !hasSucceeded(container) && !this.isEnding) return this.#finish()
    }
    if (this.isEnding) return
    this.#isInitialized = true
    this.publish()
    await Promise.all(this.containers.filter(({ kind }) => kind === 'app').map((container) => container.run(policy)))
    if (!this.isEnding) await this.#finish()
  }

  /**
   * Stops everything within `graceSeconds`, as the kubelet does: preStop hooks at once side by side, SIGTERM in the order of
   * `terminationOrder`, SIGKILL when the time is over.
   */
  async terminate(graceSeconds: number): Promise<void> {
    this.#ending.abort()
    this.#deadlineMs = Date.now() + graceSeconds * 1000
    await this.#stopAll(graceSeconds * 1000)
    this.#isOver = true
  }

  /** Ends a termination that is under way earlier, if `graceSeconds` from now is earlier. */
  hurry(graceSeconds: number): void {
    const deadlineMs = Date.now() + graceSeconds * 1000
    if (deadlineMs >= this.#deadlineMs) return
    this.#deadlineMs = deadlineMs
    setTimeout(() => this.kill(), graceSeconds * 1000).unref()
  }

  kill(): void {
    this.#ending.abort()
    for (const container of this.containers) {
      container.halt()
      container.kill()
    }
  }

  /** Resolves when no process of the pod is left. */
  async gone(): Promise<void> {
    for (const container of this.containers) await container.exited
  }

  /** Brings volumes up to date with what they draw on. */
  refresh(): void {
    this.#volumes.refresh()
  }

  /** Removes the pod's files. */
  clean(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** Writes the status soon; changes that come together are one write. */
  publish(): void {
    if (this.#isPublishing) return
    this.#isPublishing = true
    setImmediate(() => {
      this.#isPublishing = false
      this.publishNow()
    })
  }

  publishNow(): void {
    const containers = this.containers.map((container) => ({
      name: container.name,
      kind: container.kind,
      image: stringAt(container.spec, 'image') ?? '',
      state: container.state,
      last: container.last,
      restartCount: container.restartCount,
      isStarted: container.isStarted,
      isReady: container.isReady,
      containerId: container.containerId,
    }))
    const facts = { podAddress: this.address, nodeAddress: this.#host.nodeAddress, startedAt: this.#startedAt, containers, isInitialized: this.#isInitialized, isOver: this.#isOver }
    this.#host.publish((pod) => buildPodStatus({ pod, ...facts }, new Date()))
  }


  /** Whether it was told to end, or killed. */
  get isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  async #mount(): Promise<void> {
    while (!this.isEnding) {
      const mounted = this.#volumes.refresh()
      if (mounted.ok) return
      this.#host.recorder.record(this.spec, 'Warning', 'FailedMount', mounted.error)
      await pause(500, this.#ending.signal)
    }
  }

  async #finish(): Promise<void> {
    await this.#stopAll(graceSeconds(this.spec) * 1000)
    this.#isOver = true
    this.publish()
  }

  async #stopAll(graceMs: number): Promise<void> {
    const deadline = Date.now() + graceMs
    for (const container of this.containers) container.halt()
    const order = terminationOrder(this.containers)
    const ended = new Map<string, Promise<void>>()
    // Those who wait come after those they wait for.
    for (const container of [...this.containers].toSorted((a, b) => (order.get(a.name)?.length ?? 0) - (order.get(b.name)?.length ?? 0))) {
      const before = (order.get(container.name) ?? []).flatMap((name) => ended.get(name) ?? [])
      ended.set(container.name, this.#stopOne(container, before, deadline))
    }
    await Promise.all(ended.values())
  }

  async #stopOne(container: Container, before: readonly Promise<void>[], deadline: number): Promise<void> {
    if (!container.exited) return
    this.#host.recorder.record(this.spec, 'Normal', 'Killing', `Stopping container ${container.name}`, fieldPath(container))
    const limit = new AbortController()
    await Promise.all([container.preStop(Math.max(0, deadline - Date.now())), Promise.race([Promise.all(before), pause(deadline - Date.now(), limit.signal)])])
    limit.abort()
    await container.stop(Math.max(minimumGraceMs, deadline - Date.now()))
  }

  #containerHost(): ContainerHost {
    const host = this.#host
    return {
      podAddress: this.address,
      reaper: host.reaper,
      graceMs: graceSeconds(this.spec) * 1000,
      prepare: (container) => this.#command(container),
      prepareExec: (container, argv) => this.#command(container, argv),
      record: (type, reason, message, container) =>
        host.recorder.record(this.spec, type, reason, message, fieldPath({ name: stringAt(container, 'name') ?? '', kind: this.#kindOf(container) })),
      onChange: () => this.publish(),
    }
  }

  #kindOf(container: JsonObject): ContainerKind {
    return listAt(this.spec, 'spec', 'containers').some((spec) => stringAt(spec, 'name') === stringAt(container, 'name')) ? 'app' : 'init'
  }

  /** The local command for a container, or for a command inside of it. */
  #command(container: JsonObject, exec?: readonly string[]): Result<Command, { readonly reason: string; readonly message: string }> {
    const env = buildEnv({ ...this.#host.sources, container })
    if (!env.ok) return err({ reason: 'CreateContainerConfigError', message: env.error })
    const name = stringAt(this.spec, 'metadata', 'name') ?? ''
    const basic = { HOSTNAME: name, KUBERNETES_SERVICE_HOST: this.#host.api.address, KUBERNETES_SERVICE_PORT: String(this.#host.api.port) }
    const variables = { ...basic, ...env.value }
    const words = (field: string): string[] => listAt(container, field).flatMap((word) => (typeof word === 'string' ? [expand(word, variables)] : []))
    const mounts = this.#volumes.mounts(container, variables)
    const wanted = { image: stringAt(container, 'image') ?? '', command: exec ?? words('command'), args: exec ? [] : words('args') }
    const resolved = resolveImage(this.#host.images, wanted)
    if (!resolved.ok) return err({ reason: 'ImagePullBackOff', message: resolved.error })
    const context: PodContext = {
      address: this.address,
      hostname: name,
      namespace: stringAt(this.spec, 'metadata', 'namespace') ?? '',
      namesFile: this.#host.namesFile,
      root: this.#host.root,
      mounts,
    }
    const [program, ...args] = resolved.value.argv
    return ok({
      argv: [program, ...args.map((argument) => mappedPath(context, argument))],
      env: { ...this.#processEnv(context), ...resolved.value.env, ...variables, NODE_OPTIONS: nodeOptions(this.#host.preload, variables) },
      cwd: mappedPath(context, stringAt(container, 'workingDir') ?? this.#dir),
    })
  }

  #processEnv(context: PodContext): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: this.#dir, [podContextVariable]: JSON.stringify(context) }
  }
}

const nodeOptions = (preload: string, env: Readonly<Record<string, string | undefined>>): string => `--import ${preload} ${env['NODE_OPTIONS'] ?? ''}`.trim()

const fieldPath = ({ name, kind }: { readonly name: string; readonly kind: ContainerKind }): string =>
  `spec.${kind === 'app' ? 'containers' : 'initContainers'}{${name}}`

const graceSeconds = (pod: JsonObject): number => numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? defaultGraceSeconds

const hasSucceeded = ({ state }: Container): boolean => state.is === 'terminated' && state.terminated.code === 0

function restartPolicy(pod: JsonObject): 'Always' | 'OnFailure' | 'Never' {
  const policy = stringAt(pod, 'spec', 'restartPolicy')
  return policy === 'Never' || policy === 'OnFailure' ? policy : 'Always'
}
