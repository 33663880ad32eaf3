import { randomBytes } from 'node:crypto'
import { numberAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import type { Result } from '../../base/result.ts'
import { advanceBackOff, backOffMs, noBackOff } from './backoff.ts'
import { runHandler, type HandlerTarget } from './handlers.ts'
import { ContainerLog } from './logs.ts'
import { runCommand, startProcess, type Command, type ContainerProcess, type Exit } from './process.ts'
import { pause, startProber, type ProbeKind, type Prober } from './prober.ts'
import type { Reaper } from './reaper.ts'

/** `init` runs to its end before the next; `sidecar` is an init container that stays (KEP-753); `app` is a regular one. */
export type ContainerKind = 'init' | 'sidecar' | 'app'

export interface Waiting {
  readonly reason: string
  readonly message?: string
}
export interface Terminated extends Exit {
  readonly startedAt: Date
  readonly containerId: string
}
export type ContainerState =
  | { readonly is: 'waiting'; readonly waiting: Waiting }
  | { readonly is: 'running'; readonly startedAt: Date }
  | { readonly is: 'terminated'; readonly terminated: Terminated }

/** What a container needs from its pod. */
export interface ContainerHost {
  readonly podAddress: string
  readonly reaper: Reaper
  /** The command with its environment and mounts; the error says why not yet. Asked again before each start. */
  prepare(container: JsonObject): Result<Command, { readonly reason: string; readonly message: string }>
  /** The same for a command that runs beside the container's own. */
  prepareExec(container: JsonObject, argv: readonly string[]): Result<Command, { readonly message: string }>
  record(type: 'Normal' | 'Warning', reason: string, message: string, container: JsonObject): void
  onChange(): void
  readonly graceMs: number
}

/**
 * One container of a pod over all of its runs: prepares, starts, probes, restarts.
 *
 * | state | on | becomes |
 * |---|---|---|
 * | waiting (image or configuration missing) | the next try, twice a second | running, or waits on |
 * | running | exit | terminated |
 * | terminated | restart is due by policy | waiting (CrashLoopBackOff), then running |
 * | any | halt | stays terminated, or running until it is stopped |
 */
export class Container {
  readonly spec: JsonObject
  readonly kind: ContainerKind
  readonly name: string
  readonly #host: ContainerHost
  state: ContainerState = { is: 'waiting', waiting: { reason: 'PodInitializing' } }
  last: Terminated | undefined
  restartCount = 0
  isStarted = false
  isReady = false
  containerId = ''
  log = new ContainerLog()
  previousLog: ContainerLog | undefined
  #process: ContainerProcess | undefined
  #prober: Prober | undefined
  readonly #halt = new AbortController()
  readonly #firstStart = Promise.withResolvers<void>()

  constructor(spec: JsonObject, kind: ContainerKind, host: ContainerHost) {
    this.spec = spec
    this.kind = kind
    this.name = stringAt(spec, 'name') ?? ''
    this.#host = host
    if (kind === 'app') this.state = { is: 'waiting', waiting: { reason: 'ContainerCreating' } }
  }

  /** Resolves when the container has started for the first time, by its startup probe if it has one. */
  get started(): Promise<void> {
    return this.#firstStart.promise
  }

  /** The exit of the run that is going on; undefined when none is. */
  get exited(): Promise<Exit> | undefined {
    return this.#process?.exited
  }

  /** Runs, and runs again as `policy` says, until its last exit or a halt. */
  async run(policy: 'Always' | 'OnFailure' | 'Never'): Promise<void> {
    let backOff = noBackOff
    while (!this.#isHalted()) {
      const command = await this.#prepare()
      if (command === undefined) return
      const began = Date.now()
      const exit = await this.#runOnce(command)
      if (this.#isHalted() || policy === 'Never' || (policy === 'OnFailure' && exit.code === 0)) return
      backOff = advanceBackOff(backOff, Date.now() - began)
      const waitMs = backOffMs(backOff)
      if (waitMs > 0) await this.#waitInBackOff(waitMs)
      this.restartCount += 1
    }
  }

  /** No further start. What runs goes on until it is told to stop. */
  halt(): void {
    this.#halt.abort()
    this.#prober?.stopLiveness()
    if (this.state.is === 'waiting' && this.last) this.state = { is: 'terminated', terminated: this.last }
    this.#firstStart.resolve()
  }

  /** Runs the preStop hook of a running container, until its end or `deadlineMs` from now. */
  async preStop(deadlineMs: number): Promise<void> {
    const hook = valueAt(this.spec, 'lifecycle', 'preStop')
    const { exited } = this
    if (hook === undefined || !exited) return
    const seconds = numberAt(hook, 'sleep', 'seconds')
    const limit = new AbortController()
    const action = seconds === undefined ? runHandler(hook, this.#target(), deadlineMs) : pause(seconds * 1000, limit.signal).then(() => undefined)
    const failure = await Promise.race([action, exited.then(() => undefined), pause(deadlineMs, limit.signal).then(() => undefined)])
    limit.abort()
    if (failure !== undefined) this.#host.record('Warning', 'FailedPreStopHook', `PreStopHook failed: ${failure}`, this.spec)
  }

  /** SIGTERM now, SIGKILL after `graceMs`; resolves when the process is gone. */
  async stop(graceMs: number): Promise<void> {
    const process = this.#process
    if (!process) return
    process.signal('SIGTERM')
    const timer = setTimeout(() => process.signal('SIGKILL'), graceMs)
    await process.exited
    clearTimeout(timer)
  }

  kill(): void {
    this.#process?.signal('SIGKILL')
  }

  #isHalted(): boolean {
    return this.#halt.signal.aborted
  }

  /** Undefined when it was halted before the command could be had. */
  async #prepare(): Promise<Command | undefined> {
    let attempts = 0
    while (!this.#isHalted()) {
      const prepared = this.#host.prepare(this.spec)
      if (prepared.ok) return prepared.value
      attempts += 1
      this.#reportWaiting(prepared.error, attempts)
      await pause(prepared.error.reason === 'ImagePullBackOff' ? 5000 : 500, this.#halt.signal)
    }
    return undefined
  }

  #reportWaiting(error: { readonly reason: string; readonly message: string }, attempts: number): void {
    const isImage = error.reason === 'ImagePullBackOff'
    const reason = isImage && attempts === 1 ? 'ErrImagePull' : error.reason
    this.state = { is: 'waiting', waiting: { reason, message: error.message } }
    if (isImage && attempts === 1) this.#host.record('Warning', 'Failed', `Failed to pull image "${stringAt(this.spec, 'image')}": ${error.message}`, this.spec)
    // The recorder counts repetitions up; only every tenth of a quick retry is worth that.
    if (isImage) this.#host.record('Normal', 'BackOff', `Back-off pulling image "${stringAt(this.spec, 'image')}"`, this.spec)
    else if (attempts % 10 === 1) this.#host.record('Warning', 'Failed', `Error: ${error.message}`, this.spec)
    this.#host.onChange()
  }

  async #runOnce(command: Command): Promise<Exit> {
    if (this.containerId !== '') this.previousLog = this.log
    this.log = new ContainerLog()
    this.containerId = `sandbox://${randomBytes(32).toString('hex')}`
    const startedAt = new Date()
    this.#host.record('Normal', 'Pulled', `Container image "${stringAt(this.spec, 'image')}" already present on machine`, this.spec)
    this.#host.record('Normal', 'Created', `Created container: ${this.name}`, this.spec)
    const process = await startProcess(command, this.log, this.#host.reaper)
    if (process instanceof Error) return this.#failToStart(process, startedAt)
    this.#process = process
    this.#host.record('Normal', 'Started', `Started container ${this.name}`, this.spec)
    this.state = { is: 'running', startedAt }
    this.#host.onChange()
    void this.#afterStart(process)
    const exit = await process.exited
    this.#ended({ ...exit, startedAt, containerId: this.containerId })
    return exit
  }

  #failToStart(error: Error, startedAt: Date): Exit {
    this.#host.record('Warning', 'Failed', `Error: ${error.message}`, this.spec)
    this.log.write(`${error.message}\n`)
    this.log.close()
    const exit = { code: 128, signal: 0, at: new Date() }
    this.#ended({ ...exit, startedAt, containerId: this.containerId })
    return exit
  }

  #ended(terminated: Terminated): void {
    this.#process = undefined
    this.#prober?.stop()
    this.#prober = undefined
    this.last = terminated
    this.state = { is: 'terminated', terminated }
    this.isStarted = false
    this.isReady = false
    this.#host.onChange()
  }

  async #afterStart(process: ContainerProcess): Promise<void> {
    const hook = valueAt(this.spec, 'lifecycle', 'postStart')
    const failure = hook === undefined ? undefined : await runHandler(hook, this.#target(), this.#host.graceMs)
    if (this.#process !== process) return
    if (failure !== undefined) {
      this.#host.record('Warning', 'FailedPostStartHook', `PostStartHook failed: ${failure}`, this.spec)
      return void this.stop(this.#host.graceMs)
    }
    this.#prober = startProber(this.spec, this.#target(), {
      onStarted: () => {
        this.isStarted = true
        this.#firstStart.resolve()
        this.#host.onChange()
      },
      onReady: (isReady) => {
        if (this.isReady === isReady) return
        this.isReady = isReady
        this.#host.onChange()
      },
      onDead: (kind) => void this.#killFor(kind),
      onFailure: (kind, message) => this.#host.record('Warning', 'Unhealthy', `${probeTitle[kind]} probe failed: ${message}`, this.spec),
    })
  }

  async #killFor(kind: 'startup' | 'liveness'): Promise<void> {
    if (this.#isHalted()) return
    this.#prober?.stop()
    this.#host.record('Normal', 'Killing', `Container ${this.name} failed ${kind} probe, will be restarted`, this.spec)
    const ownGrace = numberAt(this.spec, `${kind}Probe`, 'terminationGracePeriodSeconds')
    const graceMs = ownGrace === undefined ? this.#host.graceMs : ownGrace * 1000
    const began = Date.now()
    await this.preStop(graceMs)
    await this.stop(Math.max(minimumGraceMs, graceMs - (Date.now() - began)))
  }

  async #waitInBackOff(waitMs: number): Promise<void> {
    const message = `back-off ${waitMs / 1000}s restarting failed container=${this.name}`
    this.state = { is: 'waiting', waiting: { reason: 'CrashLoopBackOff', message } }
    this.#host.record('Warning', 'BackOff', `Back-off restarting failed container ${this.name}`, this.spec)
    this.#host.onChange()
    await pause(waitMs, this.#halt.signal)
  }

  #target(): HandlerTarget {
    const { podAddress } = this.#host
    return { container: this.spec, podAddress, exec: (argv, timeoutMs) => execIn(this.#host, this.spec, argv, timeoutMs) }
  }
}

/** A container gets at least this long between SIGTERM and SIGKILL, however late its hook was. The kubelet's minimumGracePeriodInSeconds. */
export const minimumGraceMs = 2000

const probeTitle: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' }

async function execIn(host: ContainerHost, container: JsonObject, argv: readonly string[], timeoutMs: number): Promise<{ readonly code: number; readonly output: string }> {
  const prepared = host.prepareExec(container, argv)
  if (!prepared.ok) return { code: 127, output: prepared.error.message }
  return runCommand(prepared.value, timeoutMs, host.reaper)
}
