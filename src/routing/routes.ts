/**
 * What a sidecar does with a request at its route port. Answers: which track, and why. Must not: know sockets, clocks or chance;
 * they come in as parameters. Precedence: match rules > affinity > weight.
 */
import type { Reason, RouteTable, Track } from '../api/protocol.ts'
import type { Affinity } from '../api/routing.ts'
import { err, ok, type Result } from '../base/result.ts'
import { compileRules, type RuleSet } from './match-rules.ts'
import { compilePolicy, type CompiledPolicy } from './policy.ts'
import type { RequestView } from './request-view.ts'
import { carries, positionOf } from './sticky.ts'
import { countHeld, drawBesideHeld, drawCanary, weightParts, type Phase } from './weighted-choice.ts'

/** A table made ready for the hot path. Immutable; a request keeps the one it started with. */
export interface Routes {
  readonly table: RouteTable
  readonly hasRules: boolean
  readonly matches: RuleSet
  /** Some users stay where they are. */
  readonly isSticky: boolean
  /** What is done to requests on their way. */
  readonly policy: CompiledPolicy | undefined
  /** The canary's weight as `weighted-choice.ts` counts it. */
  readonly parts: number
  /** Share of the primary's requests that are copied, in the same unit. */
  readonly mirrorParts: number
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
  const policy = table.policy && compilePolicy(table.policy)
  if (policy && !policy.ok) return err(`policy.${policy.error.path}: ${policy.error.reason}`)
  return ok({
    table,
    policy: policy?.value,
    hasRules: table.match.length > 0,
    matches: rules.value,
    isSticky: table.affinity !== undefined || table.stickyHash !== undefined,
    parts: weightParts(table.canaryWeightPercent),
    mirrorParts: weightParts(table.mirrorPercent ?? 0),
  })
}

/**
 * The weight that counts, after `silentForMs` without a line from the controller: nobody judges a canary that nobody hears of.
 * Rules go on: who asks for the canary by header gets it.
 */
export const effectiveParts = (routes: Routes, silentForMs: number): number => (isUnjudged(routes, silentForMs) ? 0 : routes.parts)

/** The share of requests to copy that counts, by the same rule. */
export const effectiveMirrorParts = (routes: Routes, silentForMs: number): number => (isUnjudged(routes, silentForMs) ? 0 : routes.mirrorParts)

const isUnjudged = ({ table }: Routes, silentForMs: number): boolean => table.silenceLimitMs > 0 && silentForMs > table.silenceLimitMs

/** Where one request goes. Objects are shared: a choice costs no memory. */
export interface Choice {
  readonly track: Track
  readonly reason: Reason
  /** The weight has decided, so that it could have gone to the other track as well: such requests alone can be compared. */
  readonly isDrawn: boolean
  /** Values of Set-Cookie for the answer of that track. */
  readonly setCookies: readonly string[]
}

const none: readonly string[] = []
export const choices = {
  match: { track: 'canary', reason: 'match', isDrawn: false, setCookies: none },
  canary: { track: 'canary', reason: 'weight', isDrawn: true, setCookies: none },
  primary: { track: 'primary', reason: 'weight', isDrawn: true, setCookies: none },
  primaryAlone: { track: 'primary', reason: 'weight', isDrawn: false, setCookies: none },
  heldOnCanary: { track: 'canary', reason: 'affinity', isDrawn: false, setCookies: none },
  heldOnPrimary: { track: 'primary', reason: 'affinity', isDrawn: false, setCookies: none },
} as const satisfies Record<string, Choice>

/** Chooses for one request and moves `phase` on; a request that a rule or a hash decides leaves `phase` as it was. */
export function chooseTrack(routes: Routes, request: RequestView, silentForMs: number, phase: Phase): Choice {
  if (routes.hasRules && routes.matches(request) >= 0) return choices.match
  const parts = effectiveParts(routes, silentForMs)
  if (routes.isSticky) return chooseSticky(routes, request, parts, phase)
  if (parts === 0) return choices.primaryAlone
  return drawCanary(phase, parts) ? choices.canary : choices.primary
}

function chooseSticky({ table: { affinity, stickyHash } }: Routes, request: RequestView, parts: number, phase: Phase): Choice {
  if (stickyHash !== undefined) return chooseByHash(positionOf(request, stickyHash), parts, phase)
  return affinity === undefined ? choices.primaryAlone : chooseByCookie(affinity, request, parts, phase)
}

function chooseByHash(position: number | undefined, parts: number, phase: Phase): Choice {
  if (parts === 0) return choices.primaryAlone
  if (position === undefined) return drawCanary(phase, parts) ? choices.canary : choices.primary
  return position < parts ? choices.heldOnCanary : choices.heldOnPrimary
}

function chooseByCookie(affinity: Affinity, request: RequestView, parts: number, phase: Phase): Choice {
  if (parts > 0 && carries(request, affinity.canary)) {
    countHeld(phase, parts, true)
    return choices.heldOnCanary
  }
  if (parts > 0 && carries(request, affinity.primary)) {
    countHeld(phase, parts, false)
    return choices.heldOnPrimary
  }
  // Whoever is not held is drawn. Of how many the canary gets is not the weight: what the held ones have too much of is made good with these.
  const drawn = parts > 0 && drawBesideHeld(phase, parts) ? choices.canary : choices.primary
  const choice = parts > 0 ? drawn : choices.primaryAlone
  const given = parts === 0 ? undefined : affinity[choice.track]
  // A cookie of the same name that is given anew replaces the old one by itself.
  const withdrawn = carries(request, affinity.previous) && given?.name !== affinity.previous?.name ? affinity.previous : undefined
  if (given === undefined && withdrawn === undefined) return choice
  return { ...choice, setCookies: [given, withdrawn].flatMap((cookie) => cookie?.setCookie ?? []) }
}
