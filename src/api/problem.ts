/** Something that a person must mend before Kinglet goes on. */
export interface Problem {
  /** CamelCase and stable: the reason of the condition. */
  readonly code: string
  /** Field, annotation or object that is wrong, e.g. `spec.analysis.metrics[0].thresholdRange`. */
  readonly path: string
  /** What is wrong, naming the object or the value. One sentence, without the remedy. */
  readonly message: string
  /** What to do. One sentence. */
  readonly remedy: string
}

/** The text of a condition or an event. */
export const describeProblem = ({ path, message, remedy }: Problem): string => `${path}: ${message}. ${remedy}.`
