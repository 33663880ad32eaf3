import { emptyTrack, mergeTracks, type GuardTick, type TrackTick } from './tick.ts'

/** One caller's report of one interval: what a sidecar sent, in the guard's words. Each is given once (`ReportBook.add` knows repeats). */
export interface CallerReport {
  /** The sidecar's bootId. */
  readonly caller: string
  /** The end of the interval, milliseconds since the epoch. */
  readonly atMs: number
  /** The weight of the table that was in force, as a fraction. */
  readonly share: number
  /** Counted before its second was over, by the leader that heard it first: it is a tick by itself, as it was there. */
  readonly isEarly?: boolean
  readonly primary: TrackTick
  readonly canary: TrackTick
  readonly canaryPods?: Readonly<Record<string, TrackTick>>
}

/** A slot of time is closed this many ticks after its end at the latest. */
const patienceTicks = 2
/** A caller that has been silent for so many ticks is not waited for. */
const liveTicks = 5

/**
 * Makes ticks of the reports of many callers: one for each slot of time and weight, closed when every live caller has reported, or two ticks
 * later. What comes after that forms a tick of its own, which is valid evidence too: a report speaks about both tracks, so a lost or late
 * one takes both away alike.
 */
export class TickAssembly {
  readonly #tickMs: number
  readonly #open = new Map<string, { readonly slot: number; readonly tick: GuardTick }>()
  #alone = 0
  readonly #lastSlot = new Map<string, number>()

  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  add({ caller, atMs, share, isEarly = false, primary, canary, canaryPods }: CallerReport): void {
    const slot = Math.floor(atMs / this.#tickMs)
    const key = isEarly ? `alone ${++this.#alone}` : `${slot} ${share}`
    const { tick } = this.#open.get(key) ?? { tick: { atMs: isEarly ? atMs : (slot + 1) * this.#tickMs, share, ...(isEarly ? { isEarly } : {}), primary: emptyTrack, canary: emptyTrack } }
    this.#open.set(key, { slot, tick: merged(tick, { primary, canary, ...(canaryPods ? { canaryPods } : {}) }) })
    this.#lastSlot.set(caller, Math.max(slot, this.#lastSlot.get(caller) ?? slot))
  }

  /** The ticks that are complete at `nowMs`, oldest first; each is given once. */
  close(nowMs: number): readonly GuardTick[] {
    const now = Math.floor(nowMs / this.#tickMs)
    for (const [caller, slot] of this.#lastSlot) if (slot < now - liveTicks) this.#lastSlot.delete(caller)
    const heardUpTo = Math.min(...this.#lastSlot.values())
    const closed: GuardTick[] = []
    for (const [key, { slot, tick }] of this.#open) {
      const isComplete = slot < now && slot <= heardUpTo
      if (!isComplete && slot > now - patienceTicks) continue
      closed.push(tick)
      this.#open.delete(key)
    }
    return closed.toSorted((a, b) => a.atMs - b.atMs || a.share - b.share)
  }
}

function merged(tick: GuardTick, { primary, canary, canaryPods }: Pick<CallerReport, 'primary' | 'canary' | 'canaryPods'>): GuardTick {
  const pods = { ...tick.canaryPods }
  for (const [name, track] of Object.entries(canaryPods ?? {})) pods[name] = mergeTracks(pods[name] ?? emptyTrack, track)
  return { ...tick, primary: mergeTracks(tick.primary, primary), canary: mergeTracks(tick.canary, canary), canaryPods: pods }
}
