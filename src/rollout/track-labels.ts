import type { Canary } from '../api/canary.ts'
import { canaryNameLabel, injectLabel, primaryName } from '../api/keys.ts'
import { objectAt, type JsonObject } from '../base/json.ts'
import { nameOf } from './objects.ts'
import type { Split } from './resources/split.ts'

/** The pods of both tracks, by what tells them apart. */
export interface Tracks {
  /** Names of the Deployments. */
  readonly target: string
  readonly primary: string
  /** Labels of their pods. */
  readonly targetLabels: JsonObject
  readonly primaryLabels: JsonObject
  /** What a selector must say to take both. */
  readonly both: string
  /** Why one that takes the target's alone is wrong. */
  readonly leftOut: string
}

export function tracksOf(canary: Canary, { label, value, primaryValue }: Split, deployment: JsonObject): Tracks {
  const { [injectLabel]: _ours, ...labels } = objectAt(deployment, 'spec', 'template', 'metadata', 'labels')
  const target = nameOf(deployment)
  const primary = primaryName(target)
  return {
    target,
    primary,
    targetLabels: { ...labels, [injectLabel]: 'true' },
    primaryLabels: { ...labels, [label]: primaryValue, [canaryNameLabel]: canary.name },
    both: `${label} in (${value}, ${primaryValue})`,
    leftOut: `the pods of Deployment ${target} and not those of ${primary}, which serve and have the label ${label}=${primaryValue}`,
  }
}
