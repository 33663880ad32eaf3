import { parseObject, type JsonObject } from '../base/json.ts'
import { targetStatusAnnotation } from './keys.ts'

/**
 * What the controller tells the webhook about a target Deployment, in the annotation `kinglet.sh/status`.
 * `adopting`: the target still serves, hands off. `idle`: the primary serves, the target is held at 0 replicas.
 * `active`: an analysis runs and the controller owns `spec.replicas`.
 */
export interface TargetStatus {
  readonly phase: 'adopting' | 'idle' | 'active'
  /** Name of the Canary that owns the split; for messages. */
  readonly canary: string
  /** The port on which the app answers inside its pod. */
  readonly appPort: number
}

/** The status in an object's annotations; undefined where it is absent or not ours. Never throws. */
export function readTargetStatus(annotations: JsonObject): TargetStatus | undefined {
  const { phase, canary, appPort } = parseObject(annotations[targetStatusAnnotation]) ?? {}
  if (phase !== 'adopting' && phase !== 'idle' && phase !== 'active') return undefined
  if (typeof canary !== 'string' || typeof appPort !== 'number') return undefined
  return { phase, canary, appPort }
}

export const writeTargetStatus = (status: TargetStatus): string =>
  JSON.stringify({ phase: status.phase, canary: status.canary, appPort: status.appPort })
