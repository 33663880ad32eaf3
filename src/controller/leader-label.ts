import { leaderLabel } from '../api/keys.ts'
import { resources } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { objectAt, stringAt } from '../base/json.ts'
import type { Cluster } from './ports.ts'

/**
 * Points the Service for sidecars at the leader: the label goes to our pod and from any other, where a leader that ended without
 * a word has left it. Errors: the cluster's.
 */
export async function claimLeaderLabel(cluster: Cluster, namespace: string, pod: string): Promise<void> {
  await label(cluster, namespace, pod, 'true')
  const marked = await cluster.list(resources.pods, { namespace, labelSelector: `${leaderLabel}=true` })
  for (const other of marked) {
    const name = stringAt(other, 'metadata', 'name') ?? ''
    if (name !== pod && objectAt(other, 'metadata')['deletionTimestamp'] === undefined) await label(cluster, namespace, name, null).catch(unlessGone)
  }
}

/** The pod of a leader that ended is on its way out, and may be gone between our look and our write. */
function unlessGone(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error
}

/** Takes the label off: no new sidecar comes here. */
export const dropLeaderLabel = (cluster: Cluster, namespace: string, pod: string): Promise<void> => label(cluster, namespace, pod, null)

async function label(cluster: Cluster, namespace: string, name: string, value: string | null): Promise<void> {
  await cluster.patch(resources.pods, { namespace, name }, { type: 'merge', body: { metadata: { labels: { [leaderLabel]: value } } } })
}
