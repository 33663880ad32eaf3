import { failureOutcomes, outcomes, type Outcome } from '../api/protocol.ts'
import type { FailedAttempt } from '../routing/after-failure.ts'
import { isOutOfDescriptors } from './descriptors.ts'
import type { OwnAnswer } from './http/own-answer.ts'

export type Failure = FailedAttempt['failure']

/** What a track is charged with. */
export const outcomeOf: Readonly<Record<Failure, Outcome>> = { unsent: 'refused', lost: 'reset', timeout: 'timeout', status: '5xx' }

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/**
 * Whether a connection could not even be tried: no descriptor, memory or local port was left. That is nobody's fault at the other end.
 * Bun (1.4) says ECONNREFUSED where it got no descriptor.
 */
export function isOurShortage(error: NodeJS.ErrnoException | undefined): boolean {
  if (error?.code === undefined) return false
  return shortages.has(error.code) || (error.code === 'ECONNREFUSED' && isOutOfDescriptors())
}

/** Whether an outcome counts against its track. */
export const isFailure = Object.fromEntries(outcomes.map((outcome) => [outcome, failureOutcomes.some((failure) => failure === outcome)])) as Readonly<Record<Outcome, boolean>>

/** The class of a final status. */
export function classOf(status: number): Outcome {
  if (status >= 500) return '5xx'
  if (status >= 400) return '4xx'
  return status >= 300 ? '3xx' : '2xx'
}

const reset: OwnAnswer = { status: 502, code: 'reset', message: 'The app closed the connection without an answer.' }

/** What the client hears when nobody is left to ask. */
export const answerTo: Readonly<Record<Failure, OwnAnswer>> = {
  unsent: { status: 503, code: 'refused', message: 'The app does not accept connections.' },
  lost: reset,
  status: reset,
  timeout: { status: 504, code: 'timeout', message: 'The app did not answer in time.' },
}

export const malformedAnswer: OwnAnswer = { status: 502, code: 'bad-response', message: 'The app sent something that is not HTTP/1.1.' }
export const lateBodyAnswer: OwnAnswer = { status: 408, code: 'body-timeout', message: 'The body did not come in time.' }
