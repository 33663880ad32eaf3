import { describe, expect, it } from 'vitest'
import { timeoutMs } from './lib/load.ts'
import { grpcPort } from './lib/manifests.ts'
import { getDeployment } from './lib/objects.ts'
import { sidecarCount } from './lib/probe.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, expectSteps, givenAdoptedApp, restsIdle, since, versionOf, type Story } from './lib/story.ts'

describe('an app that speaks gRPC', () => {
  const { namespace, explainOnFailure } = scene('grpc')
  let story: Story

  it('is released call by call: over one connection each weight is the share of the calls, and none fails', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, {
      app: { isGrpc: true },
      canary: { interval: '4s', strategy: { stepWeights: [20, 50] }, service: { port: grpcPort, targetPort: 'grpc', portName: 'grpc' } },
      streams: [{ name: 'calls', url: `http://podinfo:${grpcPort}/info.InfoService/Info`, rate: 60, protocol: 'grpc', timeoutMs }],
    })
    const beganAt = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    const lines = since(await story.load.settled(), beganAt)
    expectNoFailure(lines)
    expectSteps([20, 50], lines, story, { from: beganAt, intervalMs: 4000 })
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
  })

  it('is taken back by its grpc-status, whatever HTTP says', async () => {
    explainOnFailure()
    const beganAt = Date.now()
    await story.deploy('v3', { fault: 'broken' })
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Failed')
    const lines = since(await story.load.settled(), beganAt)
    const failures = lines.flatMap((line) => line.failures)
    expect(failures.length).toBeGreaterThan(0)
    expectNoFailure(lines, ({ detail }) => detail === 'grpc-status 13')
    expect(await sidecarCount(namespace, 'podinfo-primary', 'kinglet_requests_total', { track: 'canary', protocol: 'grpc', outcome: '5xx' })).toBeGreaterThanOrEqual(failures.length)
  })
})
