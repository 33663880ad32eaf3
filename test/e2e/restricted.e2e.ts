import { describe, expect, it } from 'vitest'
import { isSandbox } from './lib/cluster.ts'
import { getDeployment } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, versionOf } from './lib/story.ts'

describe('a namespace with Pod Security "restricted"', () => {
  const { namespace, explainOnFailure } = scene('restricted', { 'pod-security.kubernetes.io/enforce': 'restricted' })

  // The sandbox does not enforce Pod Security.
  it.skipIf(isSandbox())('admits the pods with their sidecars; the app is adopted and v2 promoted', async () => {
    explainOnFailure()
    const story = await givenAdoptedApp(namespace, { app: { restricted: true }, canary: { interval: '1s', strategy: { maxWeight: 50, stepWeight: 25 } } })
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    expectNoFailure(await story.load.settled())
  })
})
