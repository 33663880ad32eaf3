import { describe, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { objectAt, stringAt } from '../base/json.ts'
import { claimLeaderLabel } from './leader-label.ts'
import { MemoryCluster } from './memory-cluster.testkit.ts'

const namespace = 'kinglet-system'

function givenLeaderBefore(): MemoryCluster {
  const cluster = new MemoryCluster()
  cluster.put(resources.pods, { metadata: { name: 'old', namespace, labels: { 'kinglet.sh/leader': 'true' } } })
  cluster.put(resources.pods, { metadata: { name: 'new', namespace, labels: {} } })
  return cluster
}
const leaders = (cluster: MemoryCluster): readonly (string | undefined)[] =>
  cluster.all(resources.pods).filter((pod) => objectAt(pod, 'metadata', 'labels')['kinglet.sh/leader'] === 'true').map((pod) => stringAt(pod, 'metadata', 'name'))

describe('the label of the leader', () => {
  it('goes to the new one, and from the one that has left it', async () => {
    const cluster = givenLeaderBefore()
    await claimLeaderLabel(cluster, namespace, 'new')
    expect(leaders(cluster)).toEqual(['new'])
  })

  it('is not missed at a pod that goes in this moment', async () => {
    const cluster = givenLeaderBefore()
    cluster.failure = (write) => (write === 'patch pods old' ? new AppError('NOT_FOUND', 'pods "old" not found') : undefined)
    await claimLeaderLabel(cluster, namespace, 'new')
    expect(leaders(cluster)).toContain('new')
  })

  it('that cannot be taken away is an error: two would be dialled', async () => {
    const cluster = givenLeaderBefore()
    cluster.failure = (write) => (write === 'patch pods old' ? new AppError('FORBIDDEN', 'no') : undefined)
    await expect(claimLeaderLabel(cluster, namespace, 'new')).rejects.toThrow('no')
  })
})
