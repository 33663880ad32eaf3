import { describe, expect, it } from 'vitest'
import { appPort } from './lib/manifests.ts'
import { sidecarCount } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, expectSteps, givenAdoptedApp, restsIdle, since, versionOf } from './lib/story.ts'
import { getDeployment } from './lib/objects.ts'
import { timeoutMs } from './lib/load.ts'

describe('an app whose protocol is tcp to Kinglet', () => {
  const { namespace, explainOnFailure } = scene('tcp')

  it('is released by connection: each weight is the share of the new connections, and none is lost', async () => {
    explainOnFailure()
    const story = await givenAdoptedApp(namespace, {
      canary: { interval: '4s', strategy: { stepWeights: [20, 50] }, service: { port: 80, targetPort: appPort, appProtocol: 'tcp' } },
      streams: [{ name: 'connections', url: 'http://podinfo/', rate: 50, connections: 'fresh', timeoutMs }],
    })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expectSteps([20, 50], lines, story, { from: beganAt, intervalMs: 4000 })
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    expect(await sidecarCount(namespace, 'podinfo-primary', 'kinglet_requests_total', { protocol: 'http1', reason: 'weight' }), 'requests that were looked into').toBe(0)
  })
})
