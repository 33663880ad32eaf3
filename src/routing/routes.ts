/**
 * What a sidecar does with a request at its route port. Answers: which track, and why. Must not: know sockets, clocks or chance;
 * they come in as parameters. Precedence: match rules > weight (affinity has its place between them and comes later).
 */
import type { Reason, RouteTable, Track } from '../api/protocol.ts'
import { err, ok, type Result } from '../base/result.ts'
import { compileRules, type RuleSet } from './match-rules.ts'
import type { RequestView } from './request-view.ts'
import { advancePhase, passedWhole, weightParts } from './weighted-choice.ts'

/** A table made ready for the hot path. Immutable; a request keeps the one it started with. */
export interface Routes {
  readonly table: RouteTable
  readonly hasRules: boolean
  readonly matches: RuleSet
  /** The canary's weight as `weighted-choice.ts` counts it. */
  readonly parts: number
}

/** The table of a sidecar that has heard nothing: everything goes to the app next door. */
export const localTable: RouteTable = {
  generation: 0,
  canary: '',
  self: 'primary',
  canaryWeightPercent: 0,
  match: [],
  endpoints: { primary: [], canary: [] },
  rescue: 'unsent',
  protocol: 'http',
  tickMs: 1000,
  silenceLimitMs: 0,
}

/** The table made ready, or why it cannot be: a regular expression that RE2 refuses. */
export function compileRoutes(table: RouteTable): Result<Routes> {
  const rules = compileRules(table.match, 'match')
  if (!rules.ok) return err(`${rules.error.path}: ${rules.error.reason}`)
  return ok({ table, hasRules: table.match.length > 0, matches: rules.value, parts: weightParts(table.canaryWeightPercent) })
}

/**
 * The weight that counts, after `silentForMs` without a line from the controller: nobody judges a canary that nobody hears of.
 * Rules go on: who asks for the canary by header gets it.
 */
export const effectiveParts = (routes: Routes, silentForMs: number): number =>
  routes.table.silenceLimitMs > 0 && silentForMs > routes.table.silenceLimitMs ? 0 : routes.parts

/** Where one request goes. Objects are shared: a choice costs no memory. */
export interface Choice {
  readonly track: Track
  readonly reason: Reason
  /** The weight has decided, so that it could have gone to the other track as well: such requests alone can be compared. */
  readonly isDrawn: boolean
}

const choices = {
  match: { track: 'canary', reason: 'match', isDrawn: false },
  canary: { track: 'canary', reason: 'weight', isDrawn: true },
  primary: { track: 'primary', reason: 'weight', isDrawn: true },
  primaryAlone: { track: 'primary', reason: 'weight', isDrawn: false },
} as const satisfies Record<string, Choice>

/** The accumulator of `weighted-choice.ts`, which outlives tables so that many small steps stay exact. */
export interface Phase {
  accumulator: number
}

/** Chooses for one request and moves `phase` on; a request that a rule decides leaves `phase` as it was. */
export function chooseTrack(routes: Routes, request: RequestView, silentForMs: number, phase: Phase): Choice {
  if (routes.hasRules && routes.matches(request) >= 0) return choices.match
  const parts = effectiveParts(routes, silentForMs)
  if (parts === 0) return choices.primaryAlone
  const before = phase.accumulator
  phase.accumulator = advancePhase(before, parts)
  return passedWhole(before, phase.accumulator, parts) ? choices.canary : choices.primary
}
