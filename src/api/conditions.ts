import { isObject, numberAt, stringAt, type JsonArray } from '../base/json.ts'
import type { Phase } from './canary-phase.ts'

/**
 * Conditions of a Canary: Flagger's `Promoted` (CI waits for it, Argo CD reads it) and kstatus' Ready, Reconciling, Stalled,
 * by which Flux and others know whether to wait or to give up. `Stalled` names what a person has to mend.
 */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly lastUpdateTime: string
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

export type ConditionDraft = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** Status and message of `Promoted` for each phase: Flagger's words. The reason is the phase. */
export function promotedCondition(phase: Phase, kind: string): ConditionDraft {
  const [status, message] = promotedByPhase(phase, kind)
  return { type: 'Promoted', status, reason: phase, message }
}

function promotedByPhase(phase: Phase, kind: string): readonly [Condition['status'], string] {
  switch (phase) {
    case 'Initializing':
    case 'Terminating':
    case 'Terminated':
      return ['Unknown', `New ${kind} detected, starting initialization.`]
    case 'Initialized':
      return ['True', `${kind} initialization completed.`]
    case 'Waiting':
    case 'WaitingPromotion':
      return ['Unknown', 'Waiting for approval.']
    case 'Progressing':
      return ['Unknown', 'New revision detected, progressing canary analysis.']
    case 'Promoting':
      return ['Unknown', 'Canary analysis completed, starting primary rolling update.']
    case 'Finalising':
      return ['Unknown', 'Canary analysis completed, routing all traffic to primary.']
    case 'Succeeded':
      return ['True', 'Canary analysis completed successfully, promotion finished.']
    case 'Failed':
      return ['False', `Canary analysis failed, ${kind} scaled to zero.`]
  }
}

/** Something that keeps a Canary from going on, as a person must see it. */
export interface Stall {
  /** CamelCase, the condition's reason. */
  readonly reason: string
  readonly message: string
  /** True: nothing happens until somebody changes something. False: Kinglet waits for something that may come by itself. */
  readonly permanent: boolean
}

/** Ready, Reconciling and Stalled as kstatus reads them: Stalled = failed, Reconciling = in progress, else by Ready. */
export function kstatusConditions(phase: Phase, stall: Stall | undefined): readonly ConditionDraft[] {
  const resting = phase === 'Initialized' || phase === 'Succeeded'
  const stalled = phase === 'Failed' || stall?.permanent === true
  const reconciling = !resting && !stalled
  const { reason, message } = stall ?? { reason: phase, message: words[phase] }
  return [
    { type: 'Ready', status: resting && !stall ? 'True' : 'False', reason, message },
    { type: 'Reconciling', status: truth(reconciling), reason, message: reconciling ? message : 'Nothing is under way.' },
    { type: 'Stalled', status: truth(stalled), reason, message: stalled ? message : resting && stall ? 'Nothing stands still; see Ready.' : 'Nothing needs a person.' },
  ]
}

const truth = (value: boolean): 'True' | 'False' => (value ? 'True' : 'False')

const words: Readonly<Record<Phase, string>> = {
  Initializing: 'The primary is being made, a copy of the Deployment that serves from then on.',
  Initialized: 'The primary serves the revision that was promoted last.',
  Waiting: 'The new revision waits for approval.',
  Progressing: 'The new revision is being compared with the old one, step by step.',
  WaitingPromotion: 'The promotion waits for approval.',
  Promoting: 'The new revision has passed and is being copied to the primary.',
  Finalising: 'All requests go to the primary again.',
  Succeeded: 'The primary serves the revision that was promoted last.',
  Failed: 'The analysis failed; apply another revision to start again.',
  Terminating: 'The Deployment and the Service are being given back.',
  Terminated: 'The Deployment and the Service are given back.',
}

/** The drafts with their times: `lastTransitionTime` stays while the status does, all of it stays while nothing changed. */
export function mergeConditions(previous: readonly Condition[], drafts: readonly ConditionDraft[], now: string, generation: number): readonly Condition[] {
  return drafts.map((draft) => {
    const old = previous.find((condition) => condition.type === draft.type)
    const same = old && old.status === draft.status && old.reason === draft.reason && old.message === draft.message
    if (same && old.observedGeneration === generation) return old
    const lastUpdateTime = same ? old.lastUpdateTime : now
    const lastTransitionTime = old && old.status === draft.status ? old.lastTransitionTime : now
    return { ...draft, lastUpdateTime, lastTransitionTime, observedGeneration: generation }
  })
}

/** Conditions of a raw status; malformed ones are left out. */
export function parseConditions(raw: JsonArray): readonly Condition[] {
  return raw.flatMap((item) => {
    const type = stringAt(item, 'type')
    const status = stringAt(item, 'status')
    if (!isObject(item) || type === undefined || (status !== 'True' && status !== 'False' && status !== 'Unknown')) return []
    const generation = numberAt(item, 'observedGeneration')
    return [
      {
        type,
        status,
        reason: stringAt(item, 'reason') ?? '',
        message: stringAt(item, 'message') ?? '',
        lastUpdateTime: stringAt(item, 'lastUpdateTime') ?? '',
        lastTransitionTime: stringAt(item, 'lastTransitionTime') ?? '',
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      },
    ]
  })
}
