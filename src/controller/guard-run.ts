import type { Canary } from '../api/canary.ts'
import type { GuardCheckpoint, GuardObservation, GuardRecord, PlanRecord } from '../api/guard-record.ts'
import type { Report } from '../api/protocol.ts'
import type { JsonObject } from '../base/json.ts'
import { Apart } from '../analysis/apart.ts'
import { planOf, recordOf } from '../analysis/guard-record.ts'
import { aloneOf, tracksOf } from '../analysis/guard-tick.ts'
import { readAdvance } from '../analysis/guard/advance.ts'
import { TickAssembly } from '../analysis/guard/assembly.ts'
import { observeBake, readBake, startBake, type BakeState } from '../analysis/guard/bake.ts'
import { observeTick } from '../analysis/guard/guard.ts'
import { nextShare } from '../analysis/guard/next-share.ts'
import { planRollout } from '../analysis/guard/plan.ts'
import { readGuard } from '../analysis/guard/reading.ts'
import { defaultGuardSettings, type GuardSettings } from '../analysis/guard/settings.ts'
import { beginStep, startGuard, type GuardState } from '../analysis/guard/state.ts'
import type { GuardTick } from '../analysis/guard/tick.ts'
import { Whereabouts } from '../analysis/whereabouts.ts'
import { nextWeight } from '../rollout/weights.ts'
import { intentOf } from './tables.ts'

const tickMs = 1000
/** Sidecars that a checkpoint names one by one; with more of them it says up to when reports are in it. */
const maxBoots = 60
/** The beginning of a bootId tells the sidecars of one Canary apart. */
const bootLength = 8

/**
 * The sequential guard of one run of one Canary: what its sidecars report becomes ticks, ticks become evidence. Owned by the hub; its
 * memory comes back from the checkpoint and from what the sidecars repeat. The mathematics are src/analysis/guard's.
 */
export class GuardRun {
  readonly run: number
  #state: GuardState
  #bake: BakeState | undefined
  #weight: number
  /** The intent by which the canary serves everybody. */
  #aloneSince = Infinity
  /** Some users stay where they are, by cookie. */
  #holdsUsers: boolean
  readonly #apart: Apart
  #plan: PlanRecord | undefined
  readonly #resumed: GuardCheckpoint | undefined
  readonly #assembly = new TickAssembly(tickMs)
  readonly #where: Whereabouts
  /** By the beginning of the bootId: the last report that was counted. */
  readonly #counted: Map<string, number>
  /** What the primary did before the canary had a share, and on until there is enough to plan with. */
  readonly #learned = { requests: 0, failures: 0 }

  /** `history`: ticks of the primary alone from before the run, oldest first. */
  constructor(canary: Canary, history: readonly GuardTick[]) {
    const { kinglet, canaryWeight } = canary.status
    const checkpoint = kinglet.guard?.run === kinglet.runGeneration && kinglet.guard.state['version'] === 1 ? kinglet.guard : undefined
    this.run = kinglet.runGeneration
    this.#resumed = checkpoint
    this.#weight = canaryWeight
    this.#holdsUsers = canary.spec.analysis.sessionAffinity !== undefined
    this.#state = checkpoint ? (checkpoint.state as unknown as GuardState) : startGuard(settingsOf(canary))
    this.#bake = checkpoint?.bake as unknown as BakeState | undefined
    this.#plan = checkpoint?.plan
    this.#where = new Whereabouts(checkpoint)
    this.#apart = new Apart(checkpoint?.apart)
    this.#counted = new Map(Object.entries(checkpoint?.boots ?? {}))
    if (!checkpoint) for (const tick of history) this.#feed(tick)
  }

  get isAborted(): boolean {
    return this.#state.aborted !== undefined || this.#bake?.alarm !== undefined
  }

  /** The Canary's status has moved on. */
  follow({ spec, status }: Canary): void {
    this.#holdsUsers = spec.analysis.sessionAffinity !== undefined
    if (status.canaryWeight !== this.#weight) {
      this.#weight = status.canaryWeight
      this.#state = beginStep(this.#state)
    }
    if (status.kinglet.bakeStartedAt === undefined) return
    this.#bake ??= startBake(this.#state, Math.ceil(spec.analysis.bakeMs / tickMs))
    this.#aloneSince = Math.min(this.#aloneSince, status.kinglet.generation)
  }

  /**
   * A report that has not been heard before. One that tells of a failure is counted at once, whichever track has failed: so the choice says
   * nothing about the label, and a broken canary is found within a report. The rest waits for its second to be complete.
   */
  hear(report: Report, podOf: (address: string) => string, nowMs: number): void {
    const atMs = nowMs - Math.max(0, report.ageMs)
    const intent = intentOf(report.generation)
    const isOld = intent < this.run && (report.drawn !== undefined || intent < this.run - 1)
    if (isOld || this.#isCounted(report, atMs)) return
    const boot = report.bootId.slice(0, bootLength)
    this.#counted.set(boot, Math.max(report.seq, this.#counted.get(boot) ?? 0))
    const tracks = intent >= this.#aloneSince ? aloneOf(report, podOf) : tracksOf(report, podOf)
    if (intent >= this.run && intent < this.#aloneSince) this.#apart.count(report)
    if (tracks.share > 0) this.#where.count(tracks.canaryPods, tracks.routes)
    const isUrgent = tracks.share > 0 && tracks.primary.failures + tracks.canary.failures > 0
    // What is repeated is counted in the order of its time, and what was urgent is again a tick of its own: a new leader comes to the same evidence.
    if (isUrgent && report.ageMs < tickMs) this.#feed({ atMs, isEarly: true, ...tracks })
    else this.#assembly.add({ caller: report.bootId, atMs, isEarly: isUrgent, ...tracks })
  }

  /** The seconds that are complete are counted. */
  tick(nowMs: number): void {
    for (const tick of this.#assembly.close(nowMs)) this.#feed(tick)
  }

  /** `requestsPerSecond`: of both tracks together, lately. */
  observe(canary: Canary, nowMs: number, requestsPerSecond = 0): GuardObservation {
    const { analysis } = canary.spec
    if (canary.status.canaryWeight === 0 || !this.#isPlanned) this.#plan = this.#planned(canary, requestsPerSecond)
    const next = this.#nextWeight(canary, requestsPerSecond)
    const record = recordOf({
      guard: readGuard(this.#state),
      ...(analysis.advance === 'evidence' ? { advance: readAdvance(this.#state, { elapsedMs: 0 }) } : {}),
      ...(this.#bake ? { bake: readBake(this.#bake) } : {}),
      pods: this.#where.pods(),
      routes: this.#where.routes(),
      apart: this.#apart.all(),
      ...(this.#plan ? { plan: this.#plan } : {}),
      ...next,
    })
    return { record, checkpoint: this.#checkpoint(nowMs, record), ...next }
  }

  get #isPlanned(): boolean {
    return this.#plan?.primaryFailurePercent !== undefined
  }

  #feed(tick: GuardTick): void {
    if (tick.share === 0 || !this.#isPlanned) {
      this.#learned.requests += tick.primary.requests
      this.#learned.failures += tick.primary.failures
    }
    if (this.#bake && tick.share >= 1) this.#bake = observeBake(this.#bake, { ...tick.canary, atMs: tick.atMs }, tick.isEarly ? 'early' : 'in time')
    else this.#state = observeTick(this.#state, this.#holdsUsers ? { ...tick, isShareOpen: true } : tick)
  }

  /** In the checkpoint already: by its number where that sidecar is named there, else by its time. */
  #isCounted({ bootId, seq }: Report, atMs: number): boolean {
    if (!this.#resumed) return false
    const { boots } = this.#resumed
    return boots ? seq <= (boots[bootId.slice(0, bootLength)] ?? 0) : atMs <= this.#resumed.atMs + tickMs
  }

  #planned({ spec }: Canary, requestsPerSecond: number): PlanRecord {
    const plan = planRollout({ settings: this.#state.settings, requestsPerSecond, primary: this.#learned, steps: stepsOf(spec.analysis) })
    return planOf(plan, requestsPerSecond, this.#learned)
  }

  #nextWeight({ spec }: Canary, requestsPerSecond: number): Pick<GuardObservation, 'nextWeightPercent'> {
    const { adaptive, intervalMs, maxWeight } = spec.analysis
    if (!adaptive || requestsPerSecond === 0) return {}
    const share = nextShare(this.#state, { requestsPerSecond, stepSeconds: intervalMs / 1000, budgetFailures: adaptive.harmBudget, maxShare: maxWeight / 100 })
    return { nextWeightPercent: Math.max(1, Math.floor(share * 100)) }
  }

  #checkpoint(atMs: number, { pods, routes, apart }: GuardRecord): GuardCheckpoint {
    return {
      run: this.run,
      atMs,
      ...(this.#counted.size <= maxBoots ? { boots: Object.fromEntries(this.#counted) } : {}),
      state: this.#state as unknown as JsonObject,
      ...(this.#bake ? { bake: this.#bake as unknown as JsonObject } : {}),
      pods,
      ...(routes ? { routes } : {}),
      ...(this.#plan ? { plan: this.#plan } : {}),
      ...(apart ? { apart } : {}),
    }
  }
}

/** The guard's settings as the Canary has them; what it does not say is the guard's default. */
export function settingsOf({ spec }: Canary): GuardSettings {
  const { alpha, tolerance, metrics, minimumFailures, beta, badRatio } = spec.analysis.guard
  const { min } = spec.analysis.metrics.find(({ name }) => name === 'request-success-rate') ?? {}
  const { promotion } = defaultGuardSettings
  const maxFailureRate = min === undefined ? promotion.maxFailureRate : 1 - min / 100
  return { ...defaultGuardSettings, alpha, tolerance, metrics, minimumFailures, promotion: { ...promotion, beta, worseRatio: badRatio, maxFailureRate } }
}

/** The weights to come with the time that each lasts. */
function stepsOf(analysis: Canary['spec']['analysis']): readonly { readonly share: number; readonly seconds: number }[] {
  const steps: { share: number; seconds: number }[] = []
  for (let weight = nextWeight(0, analysis); weight !== undefined && steps.length < 100; weight = nextWeight(weight, analysis)) {
    steps.push({ share: Math.min(0.99, weight / 100), seconds: analysis.intervalMs / 1000 })
  }
  return steps
}
