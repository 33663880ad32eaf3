import type { RetryCondition, RetryPolicy } from '../api/routing.ts'
import type { FailedAttempt } from './after-failure.ts'

/** How an attempt ended: a failure without an answer, or an answer that nobody has seen yet. */
export interface Ending {
  readonly failure: FailedAttempt['failure']
  /** Of the answer; 0 without one. */
  readonly status: number
  /** `grpc-status` in the head of the answer. */
  readonly grpcStatus?: string
}

const grpcConditions: Readonly<Record<string, RetryCondition>> = { 1: 'cancelled', 4: 'deadline-exceeded', 8: 'resource-exhausted', 13: 'internal', 14: 'unavailable' }

/** Whether Envoy, told so, would try again after such an ending; see x-envoy-retry-on in its router's documentation. */
export function isRetriable({ retryOn, statuses }: RetryPolicy, { failure, status, grpcStatus }: Ending): boolean {
  const on = (condition: RetryCondition): boolean => retryOn.includes(condition)
  if (failure === 'status') {
    const grpc = grpcStatus === undefined ? undefined : grpcConditions[grpcStatus]
    return (
      (on('5xx') && status >= 500) ||
      (on('gateway-error') && status >= 502 && status <= 504) ||
      (on('retriable-4xx') && status === 409) ||
      statuses.includes(status) ||
      (grpc !== undefined && on(grpc))
    )
  }
  if (on('5xx') || on('gateway-error') || on('reset')) return true
  return failure === 'unsent' && (on('connect-failure') || on('refused-stream') || on('reset-before-request'))
}

/** The wait before the n-th retry, from 1, milliseconds: Envoy's base of 25 ms, doubled each time, at most ten times that. */
export const retryWaitMs = (retry: number): number => Math.min(250, 25 * (2 ** retry - 1))
