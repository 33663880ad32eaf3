/** Where a Canary stands: Flagger's words. `Waiting`, `WaitingPromotion` and `Terminated` are only read, from what Flagger wrote. */
export const phases = [
  'Initializing',
  'Initialized',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Succeeded',
  'Failed',
  'Terminating',
  'Terminated',
] as const
export type Phase = (typeof phases)[number]
