/**
 * The controller's metrics: Flagger's names with Flagger's labels, so that its dashboards and alerts go on, and some of ours.
 * Labels are bounded by the number of Canaries; those of a Canary that is gone go with it.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface CanaryReadings {
  readonly namespace: string
  readonly canary: string
  /** Name of the target: Flagger's label `name`. */
  readonly target: string
  readonly phase: string
  readonly weightPercent: number
  /** Last value of each check; seconds for request-duration. */
  readonly checks: Readonly<Record<string, number>>
  /** What the sequential guard has seen in the running or the last analysis. Evidence in natural logarithms. */
  readonly guard?: { readonly logEvidence: number; readonly logThreshold: number; readonly riskRatio?: number }
}

export interface AnalysisEnd {
  readonly name: string
  readonly namespace: string
  readonly strategy: string
  readonly status: 'completed' | 'skipped'
  readonly hasSucceeded: boolean
}

export interface ControllerRegistry {
  readonly contentType: string
  observeCanary(readings: CanaryReadings): void
  forgetCanary(namespace: string, name: string): void
  countEnd(end: AnalysisEnd): void
  observeReconcile(name: string, namespace: string, seconds: number): void
  render(): Promise<string>
}

/** Go's DefBuckets, as Flagger has them. */
const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Flagger's values of flagger_canary_status: everything that is neither running nor failed is 1. */
const statusValues: Readonly<Record<string, number>> = { Progressing: 0, Failed: 2 }

/** `sidecars` is asked at each scrape for the number of connected sidecars, `isLeader` for whether this process leads. */
export function createControllerMetrics(version: string, read: { readonly sidecars: () => number; readonly isLeader: () => boolean }): ControllerRegistry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[], collect?: (this: Gauge) => void): Gauge => new Gauge({ name, help, labelNames, registers, ...(collect ? { collect } : {}) })
  const ends = (name: string, help: string): Counter => new Counter({ name, help, labelNames: ['name', 'namespace', 'deployment_strategy', 'analysis_status'], registers })
  gauge('flagger_info', 'Version of the controller and the provider of traffic.', ['version', 'mesh_provider']).set({ version, mesh_provider: 'kinglet' }, 1)
  const total = gauge('flagger_canary_total', 'Number of Canaries.', ['namespace'])
  const status = gauge('flagger_canary_status', 'Last analysis: 0 running, 1 successful or none, 2 failed.', ['name', 'namespace'])
  const weight = gauge('flagger_canary_weight', 'Share of requests that a workload gets, percent.', ['workload', 'namespace'])
  const analysis = gauge('flagger_canary_metric_analysis', 'Last value of a check: percent for rates, seconds for durations.', ['name', 'namespace', 'metric'])
  const evidence = gauge('kinglet_guard_log_evidence', 'Evidence of the sequential guard that the canary is worse, natural logarithm.', ['name', 'namespace'])
  const threshold = gauge('kinglet_guard_log_threshold', 'Evidence at which the guard takes a canary back, natural logarithm.', ['name', 'namespace'])
  const riskRatio = gauge('kinglet_guard_risk_ratio', 'How many times as often as the primary the canary fails: the most likely value.', ['name', 'namespace'])
  const observeGuard = (labels: { readonly name: string; readonly namespace: string }, guard: CanaryReadings['guard']): void => {
    const values = [[evidence, guard?.logEvidence], [threshold, guard?.logThreshold], [riskRatio, guard?.riskRatio]] as const
    for (const [of, value] of values) {
      if (value === undefined) of.remove({ ...labels })
      else of.set({ ...labels }, value)
    }
  }
  const duration = new Histogram({ name: 'flagger_canary_duration_seconds', help: 'Time of one look at a Canary that changed something.', labelNames: ['name', 'namespace'], buckets: reconcileBuckets, registers })
  const successes = ends('flagger_canary_successes_total', 'Analyses that ended with a promotion.')
  const failures = ends('flagger_canary_failures_total', 'Analyses that ended without one.')
  gauge('kinglet_controller_sidecars', 'Connected sidecars.', [], function () {
    this.set(read.sidecars())
  })
  gauge('kinglet_controller_leader', 'Whether this process leads.', [], function () {
    this.set(read.isLeader() ? 1 : 0)
  })
  const known = new Map<string, CanaryReadings>()

  const countByNamespace = (): void => {
    total.reset()
    for (const { namespace } of known.values()) total.inc({ namespace })
  }
  return {
    contentType: registry.contentType,
    observeCanary(readings) {
      const { namespace, target, canary } = readings
      const key = `${namespace}/${canary}`
      const isNew = !known.has(key)
      known.set(key, readings)
      if (isNew) countByNamespace()
      status.set({ name: target, namespace }, statusValues[readings.phase] ?? 1)
      weight.set({ workload: target, namespace }, readings.weightPercent)
      weight.set({ workload: `${target}-primary`, namespace }, 100 - readings.weightPercent)
      for (const [metric, value] of Object.entries(readings.checks)) analysis.set({ name: target, namespace, metric }, value)
      observeGuard({ name: target, namespace }, readings.guard)
    },
    forgetCanary(namespace, name) {
      const readings = known.get(`${namespace}/${name}`)
      if (!readings || !known.delete(`${namespace}/${name}`)) return
      countByNamespace()
      const { target } = readings
      status.remove({ name: target, namespace })
      weight.remove({ workload: target, namespace })
      weight.remove({ workload: `${target}-primary`, namespace })
      for (const metric of Object.keys(readings.checks)) analysis.remove({ name: target, namespace, metric })
      observeGuard({ name: target, namespace }, undefined)
    },
    countEnd: ({ name, namespace, strategy, status: how, hasSucceeded }) => (hasSucceeded ? successes : failures).inc({ name, namespace, deployment_strategy: strategy, analysis_status: how }),
    observeReconcile: (name, namespace, seconds) => duration.observe({ name, namespace }, seconds),
    render: () => registry.metrics(),
  }
}
