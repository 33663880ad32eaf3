import type { Verdict } from '../api/canary-status.ts'
import type { Canary } from '../api/canary.ts'
import { printMessage } from '../api/codec.ts'
import type { Report, RouteTable, Track, UpMessage } from '../api/protocol.ts'
import { canonicalJson } from '../base/json.ts'
import type { Clock } from '../base/clock.ts'
import { ReportBook } from '../analysis/book.ts'
import { judge, retentionOf } from '../analysis/checks.ts'
import type { Telemetry } from './gather.ts'
import { intentOf, nextGeneration, type Publication } from './tables.ts'

/** A connected sidecar, as the hub sees it. */
export interface Session {
  readonly namespace: string
  readonly pod: string
  /** Never blocks; a sidecar that does not read is closed by its transport. */
  send(line: string): void
}

/** How often it is looked whose ping is due; also the time between pings to a sidecar that belongs to no Canary yet. */
const pingMs = 1000
const ping = printMessage({ type: 'ping' })

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
  readonly #sessions = new Map<string, { readonly session: Session; acknowledged: number; pingedAt: number }>()
  readonly #listeningSince: number
  #disarm: () => void

  /** `onChange` is told the key of a Canary whose sidecars have said something that a decision may wait for. */
  constructor(clock: Clock, onChange: (canary: string) => void) {
    this.#clock = clock
    this.#onChange = onChange
    this.#listeningSince = clock.now()
    this.#disarm = clock.after(pingMs, () => this.#tick())
  }

  /** A sidecar has said hello. A former session of the same pod is replaced. Returns what ends the session. */
  join(session: Session): () => void {
    const key = `${session.namespace}/${session.pod}`
    this.#sessions.set(key, { session, acknowledged: -1, pingedAt: this.#clock.now() })
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
    if (!entry || entry.session !== session || !owner) return
    if (message.type === 'ack') {
      entry.acknowledged = message.generation
      this.#onChange(owner.canary)
    } else if (message.type === 'report') this.#count(owner.canary, message)
  }

  /** Makes what a Canary's sidecars are to know known; nothing is sent where nothing changed. One serialisation per track. */
  publish(key: string, publication: Publication, canary: Canary): void {
    const now = this.#clock.now()
    const known = this.#canaries.get(key)
    // A cache that lags behind our own write must not bring an older intent back.
    if (known && publication.intent < known.intent) return
    const namespace = canary.namespace
    const book = known && known.retentionMs >= retentionOf(canary) ? known.book : new ReportBook(retentionOf(canary))
    const text = canonicalJson(publication.table)
    const isNew = known?.intent !== publication.intent || known.text !== text
    const generation = isNew ? nextGeneration(known?.generation ?? 0, publication, now) : known.generation
    const lines = isNew ? { primary: lineOf(publication, generation, 'primary'), canary: lineOf(publication, generation, 'canary') } : known.lines
    this.#canaries.set(key, { intent: publication.intent, generation, text, lines, book, retentionMs: retentionOf(canary), tickMs: publication.table.tickMs, members: new Set(publication.members.keys()), namespace })
    for (const pod of known?.members ?? []) if (!publication.members.has(pod)) this.#owners.delete(`${namespace}/${pod}`)
    for (const [pod, track] of publication.members) this.#assign(`${namespace}/${pod}`, { canary: key, track }, isNew, lines)
  }

  #assign(podKey: string, owner: { readonly canary: string; readonly track: Track }, isNew: boolean, lines: Lines): void {
    const before = this.#owners.get(podKey)
    this.#owners.set(podKey, owner)
    const isOthers = before?.canary !== owner.canary || before.track !== owner.track
    if (isNew || isOthers) this.#sessions.get(podKey)?.session.send(lines[owner.track])
  }

  /** The Canary is gone. */
  forget(key: string): void {
    const known = this.#canaries.get(key)
    for (const pod of known?.members ?? []) this.#owners.delete(`${known?.namespace ?? ''}/${pod}`)
    this.#canaries.delete(key)
  }

  /** What the sidecars of a Canary have told so far. */
  telemetryOf(key: string, canary: Canary): Telemetry {
    const known = this.#canaries.get(key)
    const acknowledged = new Map<string, number>()
    for (const pod of known?.members ?? []) {
      const session = this.#sessions.get(`${canary.namespace}/${pod}`)
      if (session && session.acknowledged >= 0) acknowledged.set(pod, intentOf(session.acknowledged))
    }
    const verdict: Verdict | undefined = canary.status.phase === 'Progressing' ? judge(canary, known?.book ?? new ReportBook(1000), this.#clock.now()) : undefined
    return { acknowledged, listeningSince: this.#listeningSince, ...(verdict ? { verdict } : {}) }
  }

  sessionCount(): number {
    return this.#sessions.size
  }

  stop(): void {
    this.#disarm()
  }

  #count(key: string, report: Report): void {
    this.#canaries.get(key)?.book.add(report, intentOf(report.generation), this.#clock.now())
  }

  #tick(): void {
    this.#disarm = this.#clock.after(pingMs, () => this.#tick())
    const now = this.#clock.now()
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

type Lines = Readonly<Record<Track, string>>

interface Published {
  readonly intent: number
  readonly generation: number
  readonly text: string
  readonly lines: Lines
  readonly book: ReportBook
  readonly retentionMs: number
  readonly tickMs: number
  readonly members: ReadonlySet<string>
  readonly namespace: string
}

function lineOf(publication: Publication, generation: number, self: Track): string {
  const table: RouteTable = { ...publication.table, generation, self }
  return printMessage({ type: 'routes', table })
}
