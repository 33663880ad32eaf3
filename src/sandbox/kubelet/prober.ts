import { valueAt, type JsonObject } from '../../base/json.ts'
import { runHandler, type HandlerTarget } from './handlers.ts'
import { advanceProbe, initialProbeState, readProbeSettings, type ProbeState } from './probe-state.ts'

export type ProbeKind = 'startup' | 'readiness' | 'liveness'

/** What a running container's probes tell its owner. */
export interface ProbeListener {
  onStarted(): void
  onReady(isReady: boolean): void
  /** The container must be killed; `kind` says by which probe. */
  onDead(kind: 'startup' | 'liveness'): void
  onFailure(kind: ProbeKind, message: string): void
}

/**
 * Probes one run of a container: the startup probe first, and after its success readiness and liveness side by side.
 * A container without a startup probe has started at once, one without a readiness probe is ready when started.
 */
export interface Prober {
  /** A pod on its way out is no longer restarted; its readiness still counts. */
  stopLiveness(): void
  stop(): void
}

export function startProber(container: JsonObject, target: HandlerTarget, listener: ProbeListener): Prober {
  const all = new AbortController()
  const liveness = new AbortController()
  const killers = AbortSignal.any([all.signal, liveness.signal])
  const afterStart = (): void => {
    listener.onStarted()
    if (valueAt(container, 'readinessProbe') === undefined) listener.onReady(true)
    else void probe('readiness', container, target, listener, all.signal, (state) => listener.onReady(state.verdict === 'success'))
    if (valueAt(container, 'livenessProbe') !== undefined) {
      void probe('liveness', container, target, listener, killers, (state) => {
        if (state.verdict === 'failure') listener.onDead('liveness')
      })
    }
  }
  if (valueAt(container, 'startupProbe') === undefined) afterStart()
  else {
    const startup = new AbortController()
    void probe('startup', container, target, listener, AbortSignal.any([killers, startup.signal]), (state) => {
      if (state.verdict === 'unknown') return
      startup.abort()
      if (state.verdict === 'success') afterStart()
      else listener.onDead('startup')
    })
  }
  return { stopLiveness: () => liveness.abort(), stop: () => all.abort() }
}

/**
 * Until its first success a startup or readiness probe is asked this often, so that people don't wait for a period of ten seconds;
 * failures count at the period alone, so the budget of a slow program is the real one.
 */
const eagerMs = 200

async function probe(
  kind: ProbeKind,
  container: JsonObject,
  target: HandlerTarget,
  listener: ProbeListener,
  ...[signal, onState]: readonly [AbortSignal, (state: ProbeState) => void]
): Promise<void> {
  const handler = valueAt(container, `${kind}Probe`)
  const settings = readProbeSettings(handler)
  let state = initialProbeState
  await pause(settings.initialDelayMs, signal)
  const isEager = (): boolean => kind !== 'liveness' && state.verdict !== 'success'
  let due = performance.now() + (isEager() ? settings.periodMs : 0)
  while (!signal.aborted) {
    const began = performance.now()
    const failure = await runHandler(handler, target, settings.timeoutMs)
    // The container may have ended meanwhile: nobody asks any more.
    if (isAborted(signal)) return
    if (failure === undefined || began >= due) {
      due = began + settings.periodMs
      state = advanceProbe(state, failure === undefined, settings)
      if (failure !== undefined) listener.onFailure(kind, failure)
      onState(state)
    }
    const untilDue = due - performance.now()
    await pause(isEager() ? Math.min(eagerMs, untilDue) : untilDue, signal)
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted

/** Waits, at most until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
