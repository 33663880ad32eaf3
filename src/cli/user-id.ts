import { InvalidArgumentError } from 'commander'

/** The user of the sidecar: a number above 0, or null for `assigned`, where the cluster gives one (OpenShift). */
export function parseUserId(text: string): number | null {
  if (text === 'assigned') return null
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is neither a user id above 0 nor "assigned".')
  return Number(text)
}
