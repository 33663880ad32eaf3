import type { JsonObject } from '../../base/json.ts'

/** Who makes a request, as TokenReview tells it and as admission webhooks see it. */
export interface Caller {
  readonly username: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export const authenticatedGroup = 'system:authenticated'

export const adminCaller: Caller = { username: 'kubernetes-admin', groups: ['system:masters', authenticatedGroup] }

/** The identity of a ServiceAccount, e.g. of a controller in this process: `system:serviceaccount:<namespace>:<name>`. */
export const serviceAccountCaller = (namespace: string, name: string): Caller => ({
  username: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, authenticatedGroup],
})

export const userInfoOf = (caller: Caller): JsonObject => ({
  username: caller.username,
  ...(caller.uid === undefined ? {} : { uid: caller.uid }),
  groups: caller.groups,
  ...(caller.extra === undefined ? {} : { extra: caller.extra }),
})
