import type { Verdict } from '../api/canary-status.ts'
import type { Canary } from '../api/canary.ts'
import { printMessage } from '../api/codec.ts'
import type { Report, RouteTable, Track, UpMessage } from '../api/protocol.ts'
import { canonicalJson } from '../base/json.ts'
import type { Clock } from '../base/clock.ts'
import { ReportBook } from '../analysis/book.ts'
import { judge, retentionOf } from '../analysis/checks.ts'
import { tracksOf } from '../analysis/guard-tick.ts'
import { emptyTrack } from '../analysis/guard/tick.ts'
import { TrafficMeter } from '../analysis/traffic.ts'
import type { Telemetry } from './gather.ts'
import { GuardRun } from './guard-run.ts'
import { intentOf, nextGeneration, type Publication } from './tables.ts'

/** A connected sidecar, as the hub sees it. */
export interface Session {
  readonly namespace: string
  readonly pod: string
  /** Never blocks; a sidecar that does not read is closed by its transport. */
  send(line: string): void
  /** Ends it; it is not spoken to any more. */
  close(): void
}

/** How often it is looked whose ping is due; also the time between pings to a sidecar that belongs to no Canary yet. */
const pingMs = 1000
const ping = printMessage({ type: 'ping' })
/** Reports that a sidecar repeats before it is known to which Canary its pod belongs: what it keeps, and some more. Any pod may say hello, so that they are bounded by what they hold as well. */
const maxEarly = 2000
const maxEarlyParts = 300_000

/**
 * The sidecars of all Canaries: who is connected, which table each Canary has, what was acknowledged and reported. Holds no
 * truth: tables come from durable status, sessions and reports come back when the sidecars reconnect.
 */
export class Hub {
  readonly #clock: Clock
  readonly #onChange: (canary: string) => void
  readonly #canaries = new Map<string, Published>()
  /** `namespace/pod` → what it belongs to and who speaks for it. */
  readonly #owners = new Map<string, { readonly canary: string; readonly track: Track }>()
  readonly #sessions = new Map<string, { readonly session: Session; acknowledged: number; pingedAt: number; early: Report[]; earlyParts: number }>()
  readonly #listeningSince: number
  #disarm: () => void

  /** `onChange` is told the key of a Canary whose sidecars have said something that a decision may wait for. */
  constructor(clock: Clock, onChange: (canary: string) => void) {
    this.#clock = clock
    this.#onChange = onChange
    this.#listeningSince = clock.now()
    this.#disarm = clock.after(pingMs, () => this.#tick())
  }

  /** A sidecar has said hello. A former session of the same pod is replaced, and ended: nobody would ping it. Returns what ends the session. */
  join(session: Session): () => void {
    const key = `${session.namespace}/${session.pod}`
    const former = this.#sessions.get(key)?.session
    this.#sessions.set(key, { session, acknowledged: -1, pingedAt: this.#clock.now(), early: [], earlyParts: 0 })
    former?.close()
    const owner = this.#owners.get(key)
    const published = owner && this.#canaries.get(owner.canary)
    if (owner && published) session.send(published.lines[owner.track])
    return () => {
      if (this.#sessions.get(key)?.session === session) this.#sessions.delete(key)
    }
  }

  /** A line of a session, after its hello. */
  hear(session: Session, message: UpMessage): void {
    const key = `${session.namespace}/${session.pod}`
    const entry = this.#sessions.get(key)
    const owner = this.#owners.get(key)
    if (!entry || entry.session !== session) return
    if (!owner) {
      if (message.type !== 'report' || entry.early.length >= maxEarly) return
      entry.earlyParts += partsOf(message)
      if (entry.earlyParts <= maxEarlyParts) entry.early.push(message)
    } else if (message.type === 'ack') {
      entry.acknowledged = message.generation
      this.#onChange(owner.canary)
    } else if (message.type === 'report') this.#count(owner.canary, message)
  }

  /** Makes what a Canary's sidecars are to know known; nothing is sent where nothing changed. One serialisation per track. */
  publish(key: string, publication: Publication, canary: Canary): void {
    const now = this.#clock.now()
    if (this.#isOutdated(key, publication, canary)) return
    const known = this.#canaries.get(key)
    const namespace = canary.namespace
    const book = bookOf(canary, known)
    const guard = guardOf(canary, known?.guard, book)
    const table = guard?.isAborted ? { ...publication.table, canaryWeightPercent: 0 } : publication.table
    const text = canonicalJson(table)
    const isNew = known?.intent !== publication.intent || known.text !== text
    const generation = isNew ? nextGeneration(known?.generation ?? 0, publication, now) : known.generation
    const lines = isNew ? { primary: lineOf(table, generation, 'primary'), canary: lineOf(table, generation, 'canary') } : known.lines
    this.#canaries.set(key, { intent: publication.intent, generation, text, lines, book, traffic: known?.traffic ?? new TrafficMeter(), guard, publication, canary, retentionMs: retentionOf(canary), tickMs: publication.table.tickMs, members: new Set(publication.members.keys()), namespace })
    for (const pod of known?.members ?? []) if (!publication.members.has(pod)) this.#release(`${namespace}/${pod}`, key)
    for (const [pod, track] of publication.members) this.#assign(`${namespace}/${pod}`, { canary: key, track }, isNew, lines)
  }

  /** A cache that lags behind our own write must not bring an older intent back, nor an object that is gone. Another one by its name counts its intents from the beginning. */
  #isOutdated(key: string, { intent }: Publication, { uid, createdAt }: Canary): boolean {
    const known = this.#canaries.get(key)
    if (!known) return false
    if (known.canary.uid === uid) return intent < known.intent
    if (createdAt < known.canary.createdAt) return true
    this.forget(key)
    return false
  }

  #assign(podKey: string, owner: { readonly canary: string; readonly track: Track }, isNew: boolean, lines: Lines): void {
    const before = this.#owners.get(podKey)
    this.#owners.set(podKey, owner)
    const isOthers = before?.canary !== owner.canary || before.track !== owner.track
    const entry = this.#sessions.get(podKey)
    if (entry && isOthers) entry.acknowledged = -1
    if (isNew || isOthers) entry?.session.send(lines[owner.track])
    if (entry) entry.earlyParts = 0
    for (const report of entry?.early.splice(0) ?? []) this.#count(owner.canary, report)
  }

  /** The Canary is gone. */
  forget(key: string): void {
    const known = this.#canaries.get(key)
    for (const pod of known?.members ?? []) this.#release(`${known?.namespace ?? ''}/${pod}`, key)
    this.#canaries.delete(key)
  }

  /** Another Canary may have the pod by now. */
  #release(podKey: string, canary: string): void {
    if (this.#owners.get(podKey)?.canary === canary) this.#owners.delete(podKey)
  }

  /** What the sidecars of a Canary have told so far. */
  telemetryOf(key: string, canary: Canary): Telemetry {
    const known = this.#canaries.get(key)
    const acknowledged = new Map<string, number>()
    for (const pod of known?.members ?? []) {
      const session = this.#sessions.get(`${canary.namespace}/${pod}`)
      if (session && session.acknowledged >= 0) acknowledged.set(pod, intentOf(session.acknowledged))
    }
    const now = this.#clock.now()
    const verdict: Verdict | undefined = canary.status.phase === 'Progressing' ? judge(canary, known?.book ?? new ReportBook(1000), now) : undefined
    const guard = known?.guard?.run === canary.status.kinglet.runGeneration ? known.guard.observe(canary, now, known.traffic.perSecond(now)) : undefined
    return { acknowledged, listeningSince: this.#listeningSince, ...(verdict ? { verdict } : {}), ...(guard ? { guard } : {}) }
  }

  sessionCount(): number {
    return this.#sessions.size
  }

  stop(): void {
    this.#disarm()
  }

  #count(key: string, report: Report): void {
    const known = this.#canaries.get(key)
    if (!known) return
    const now = this.#clock.now()
    if (known.book.add(report, intentOf(report.generation), now) === 'repeated') return
    const { canaryPods } = known.publication
    const podOf = (address: string): string => canaryPods.get(address) ?? address
    const { primary, canary } = tracksOf(report, podOf)
    known.traffic.add(now - Math.max(0, report.ageMs), report.spanMs, primary.requests + canary.requests)
    this.#watch(key, known, (guard) => guard.hear(report, podOf, now))
  }

  /**
   * Lets the guard count. The moment it is sure, the canary's weight is 0 at every sidecar, before anything is written: the decision
   * that makes it durable follows, and until then a new leader comes to the same end by the same reports.
   */
  #watch(key: string, { guard, publication, canary }: Published, count: (guard: GuardRun) => void): void {
    if (!guard || guard.isAborted) return
    count(guard)
    if (!guard.isAborted) return
    this.publish(key, publication, canary)
    this.#onChange(key)
  }

  #tick(): void {
    this.#disarm = this.#clock.after(pingMs, () => this.#tick())
    const now = this.#clock.now()
    for (const [key, known] of this.#canaries) this.#watch(key, known, (guard) => guard.tick(now))
    for (const [pod, entry] of this.#sessions) {
      const owner = this.#owners.get(pod)
      const everyMs = (owner && this.#canaries.get(owner.canary)?.tickMs) ?? pingMs
      // Timers may be a little early.
      if (now - entry.pingedAt < everyMs - pingMs / 2) continue
      entry.pingedAt = now
      entry.session.send(ping)
    }
  }
}

/** What a report holds, roughly: buckets, pods and classes. */
const partsOf = ({ series, drawn }: Report): number => series.reduce((sum, { latency }) => sum + latency.length, 1) + (drawn?.pods.length ?? 0) + (drawn?.routes?.length ?? 0)

type Lines = Readonly<Record<Track, string>>

interface Published {
  readonly intent: number
  readonly generation: number
  readonly text: string
  readonly lines: Lines
  readonly book: ReportBook
  readonly traffic: TrafficMeter
  readonly guard: GuardRun | undefined
  /** What was last asked for, to be published again when the guard aborts. */
  readonly publication: Publication
  readonly canary: Canary
  readonly retentionMs: number
  readonly tickMs: number
  readonly members: ReadonlySet<string>
  readonly namespace: string
}

function lineOf(table: Publication['table'], generation: number, self: Track): string {
  return printMessage({ type: 'routes', table: { ...table, generation, self } satisfies RouteTable })
}

const bookOf = (canary: Canary, known: Published | undefined): ReportBook => (known && known.retentionMs >= retentionOf(canary) ? known.book : new ReportBook(retentionOf(canary)))

/** The guard of the run that is under way, if it is to have one. */
function guardOf(canary: Canary, running: GuardRun | undefined, book: ReportBook): GuardRun | undefined {
  const { spec, status } = canary
  const { runGeneration } = status.kinglet
  if (status.phase !== 'Progressing' || !spec.analysis.guard.enabled || spec.skipAnalysis) return undefined
  if (running?.run !== runGeneration) {
    // The intent before the run's was the idle one: what the primary did under it is what is usual.
    const history = book.history('primary', 'weight', runGeneration - 1)
    return new GuardRun(canary, history.map(({ atMs, requests, failures, latency }) => ({ atMs, share: 0, primary: { requests, failures, latency: [...latency] }, canary: emptyTrack })))
  }
  running.follow(canary)
  return running
}
