/**
 * One copy of a request that the primary serves: a slot while it lasts, and one record of how the canary did, with reason `mirror`.
 * Answers: is there room for another copy; what is counted. Must not: touch a socket, or anything that the real request waits for.
 */
import type { Outcome } from '../api/protocol.ts'
import type { Protocol } from '../metrics/recorder.ts'
import type { Engine, MirrorDrop } from './engine.ts'
import type { ActiveRoutes, Place } from './live-routes.ts'
import { classOf } from './outcomes.ts'

/** A copy for `place`; undefined, and counted, where as many as may be are under way. */
export function openMirror(engine: Engine, active: ActiveRoutes, place: Place, protocol: Protocol): MirrorCharge | undefined {
  if (engine.counters.mirrorsInFlight < engine.limits.maxMirrors) return new MirrorCharge(engine, active, place, protocol)
  engine.counters.droppedMirrors.busy += 1
  return undefined
}

export class MirrorCharge {
  readonly place: Place
  private readonly engine: Engine
  private readonly active: ActiveRoutes
  private readonly protocol: Protocol
  private isOver = false
  /** When it was sent and when the head of its answer came, on performance.now's clock. */
  private sentAt = 0
  private headAt = 0

  constructor(engine: Engine, active: ActiveRoutes, place: Place, protocol: Protocol) {
    this.engine = engine
    this.active = active
    this.place = place
    this.protocol = protocol
    engine.counters.mirrorsInFlight += 1
    active.book.inFlight += 1
  }

  sent(): void {
    this.sentAt = performance.now()
  }

  gotHead(): void {
    this.headAt = performance.now()
  }

  /** The answer has been read, or as much of it as anybody waits for. */
  completed(status: number, serviceTimeUs: number | undefined): void {
    const total = performance.now() - this.sentAt
    // As for any hop (serving.ts): what was measured beside the app in place of the way there.
    this.record(classOf(status), serviceTimeUs === undefined ? total : total - (this.headAt - this.sentAt) + serviceTimeUs / 1000)
  }

  failed(outcome: 'refused' | 'reset' | 'timeout' | '5xx'): void {
    this.record(outcome, performance.now() - this.sentAt)
  }

  /** It is not made after all: `cause` where that is to be counted, none where its request came to nothing. */
  dropped(cause?: MirrorDrop): void {
    if (cause !== undefined && !this.isOver) this.engine.counters.droppedMirrors[cause] += 1
    this.end()
  }

  private record(outcome: Outcome, latencyMs: number): void {
    if (!this.isOver) this.active.book.record('canary', 'mirror', outcome, Math.max(0, latencyMs), this.protocol)
    this.end()
  }

  private end(): void {
    if (this.isOver) return
    this.isOver = true
    this.engine.counters.mirrorsInFlight -= 1
    this.active.book.inFlight -= 1
  }
}
