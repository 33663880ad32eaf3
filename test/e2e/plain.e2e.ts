import { describe, expect, it } from 'vitest'
import { cluster } from './lib/cluster.ts'
import { resources } from '../../src/api/resources.ts'
import { apply } from './lib/apply.ts'
import { deployment, service } from './lib/manifests.ts'
import { isOwnFault, startLoad } from './lib/load.ts'
import { rolledOut } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { served, versions } from './lib/shares.ts'
import { expectNoFailure } from './lib/story.ts'

/** The yardstick: what the same load sees of the same app where nothing of Kinglet's is involved. */
describe('an app that has not opted in', () => {
  const { namespace, explainOnFailure } = scene('plain')

  it('is left alone: no sidecar, its pods answer; and a bad version hits everybody', async () => {
    explainOnFailure()
    await apply(deployment({ namespace, version: 'v1' }), service({ namespace }))
    await rolledOut(namespace, 'podinfo')
    const load = await startLoad(namespace)
    await load.more(200)
    const lines = await load.settled()
    expectNoFailure(lines)
    expect(versions(lines)).toEqual({ v1: served(lines, 'podinfo').total })
    expect(served(lines, 'podinfo').byCanary).toBe(served(lines, 'podinfo').total)
    const pods = await cluster().list(resources.pods, { namespace, labelSelector: 'app=podinfo' })
    expect(JSON.stringify(pods)).not.toContain('kinglet')

    await apply(deployment({ namespace, version: 'v2', fault: 'errors' }))
    await rolledOut(namespace, 'podinfo')
    await load.more(300)
    const failures = (await load.settled()).flatMap((line) => line.failures)
    expect(failures.filter(isOwnFault).length).toBeGreaterThan(50)
    expectNoFailure(await load.settled(), isOwnFault)
  })
})
