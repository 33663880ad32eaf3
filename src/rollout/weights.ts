import type { AnalysisSpec } from '../api/canary.ts'

type Steps = Pick<AnalysisSpec, 'stepWeight' | 'stepWeights' | 'maxWeight'>

/**
 * The canary's weight after `weight`, percent; undefined when the last step has been reached. Flagger's arithmetic: fixed steps
 * may go beyond maxWeight (step 20, max 50: 20, 40, 60), a weight that is not in the list goes to 100.
 */
export function nextWeight(weight: number, { stepWeight, stepWeights, maxWeight }: Steps): number | undefined {
  if (weight >= maxWeight) return undefined
  if (stepWeight > 0 || stepWeights.length === 0) return Math.min(100, weight + stepWeight)
  const reached = stepWeights.indexOf(weight)
  const next = weight === 0 ? stepWeights[0] : reached === -1 ? undefined : stepWeights[reached + 1]
  return Math.min(100, next ?? 100)
}
