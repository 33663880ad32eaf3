/**
 * What the split means for objects of the user that are about the target's pods: PodDisruptionBudgets and NetworkPolicies, which select
 * them by label, and autoscalers, which name the Deployment. The primary's pods have the target's labels but for one
 * (`app=web-primary`), so that a selector by that label leaves out the pods that serve. A person is told when an adoption or a release
 * begins; nothing is changed, and nothing waits for it.
 */
import type { Canary } from '../api/canary.ts'
import { primaryName } from '../api/keys.ts'
import { describeProblem, type Problem } from '../api/problem.ts'
import { objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { blockedWays, leftOutPolicies } from './network-policies.ts'
import { isSelected, nameOf } from './objects.ts'
import type { Split } from './resources/split.ts'
import { tracksOf, type Tracks } from './track-labels.ts'
import type { World } from './world.ts'

/** Sentences for events, each with the object, what is wrong and the remedy; none where nobody looked. */
export function neighbourCaveats({ neighbours, target }: Pick<World, 'neighbours' | 'target'>, canary: Canary, split: Split | undefined): readonly string[] {
  if (!neighbours || !target || !split) return []
  const { budgets, networkPolicies, scalers } = neighbours
  const tracks = tracksOf(canary, split, target)
  return [...leftOutBudgets(budgets, tracks), ...leftOutPolicies(networkPolicies, tracks), ...blockedWays(networkPolicies, tracks), ...restingScalers(scalers, canary)].map(describeProblem)
}

const leftOutBudgets = (budgets: readonly JsonObject[], { targetLabels, primaryLabels, both, leftOut }: Tracks): readonly Problem[] =>
  budgets
    .filter((budget) => isSelected(objectAt(budget, 'spec')['selector'], targetLabels) && !isSelected(objectAt(budget, 'spec')['selector'], primaryLabels))
    .map((budget) => ({ code: 'BudgetWithoutPrimary', path: `PodDisruptionBudget ${nameOf(budget)}`, message: `it protects ${leftOut}`, remedy: `Let it select ${both}` }))

/** Kinglet copies an autoscaler for the primary where the Canary names it. */
function restingScalers(scalers: readonly JsonObject[], { spec: { targetRef, autoscalerRef } }: Canary): readonly Problem[] {
  const isAbout = (scaler: JsonObject): boolean => stringAt(scaler, 'spec', 'scaleTargetRef', 'kind') === targetRef.kind && stringAt(scaler, 'spec', 'scaleTargetRef', 'name') === targetRef.name
  return scalers
    .filter((scaler) => autoscalerRef === undefined && isAbout(scaler))
    .map((scaler) => ({ code: 'ScalerWithoutPrimary', path: `HorizontalPodAutoscaler ${nameOf(scaler)}`, message: `it scales Deployment ${targetRef.name}, which rests at 0 replicas, and not ${primaryName(targetRef.name)}, which serves`, remedy: `Name it in spec.autoscalerRef of the Canary, and ${primaryName(targetRef.name)} gets one like it` }))
}
