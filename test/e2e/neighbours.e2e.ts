import { describe, expect, it } from 'vitest'
import { resources } from '../../src/api/resources.ts'
import { numberAt, type JsonObject } from '../../src/base/json.ts'
import { apply } from './lib/apply.ts'
import { isSandbox } from './lib/cluster.ts'
import { eventually, staysTrue } from './lib/eventually.ts'
import { conditionsOf, eventsOf, get, getDeployment, patch, specReplicas } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { expectNoFailure, givenAdoptedApp, restsIdle, versionOf } from './lib/story.ts'

const quickly = { interval: '1s', strategy: { maxWeight: 50, stepWeight: 25 } } as const

describe('an app with a HorizontalPodAutoscaler', () => {
  const { namespace, explainOnFailure } = scene('hpa')

  it('gets one for its primary; its own rests while the target is at 0', async () => {
    explainOnFailure()
    const spec = {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
      minReplicas: 2,
      maxReplicas: 4,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 90 } } }],
    }
    await apply({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'podinfo', namespace }, spec })
    const story = await givenAdoptedApp(namespace, {
      app: { replicas: null },
      canary: { ...quickly, spec: { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'podinfo' } } },
    })
    const copy = await eventually('the autoscaler of the primary', () => get(resources.horizontalPodAutoscalers, namespace, 'podinfo-primary'))
    expect(copy).toMatchObject({ spec: { ...spec, scaleTargetRef: { name: 'podinfo-primary' } } })
    // The embedded cluster stores autoscalers and runs none.
    if (!isSandbox()) {
      await eventually('the autoscaler of the target rests', async () => {
        const own = await get(resources.horizontalPodAutoscalers, namespace, 'podinfo')
        return conditionsOf(own).some((condition) => condition.type === 'ScalingActive' && condition.reason === 'ScalingDisabled')
      })
    }
    await staysTrue('the target stays at 0', async () => specReplicas(await getDeployment(namespace, 'podinfo')) === 0, 2000)
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await restsIdle(story, 'Succeeded')
    await patch(resources.horizontalPodAutoscalers, namespace, 'podinfo', { spec: { maxReplicas: 6 } })
    await eventually('the copy follows while nothing is released', async () => {
      const follower = await get(resources.horizontalPodAutoscalers, namespace, 'podinfo-primary')
      return numberAt(follower, 'spec', 'maxReplicas') === 6
    })
    expectNoFailure(await story.load.settled())
  })
})

describe('two apps in one namespace', () => {
  const { namespace, explainOnFailure } = scene('two')

  it('do not touch each other', async () => {
    explainOnFailure('one')
    const [one, two] = await Promise.all([
      givenAdoptedApp(namespace, { name: 'one', canary: quickly, app: { replicas: 1 } }),
      givenAdoptedApp(namespace, { name: 'two', canary: quickly, app: { replicas: 1 } }),
    ])
    await one.deploy('v2')
    await one.watch.phase('Progressing')
    await restsIdle(one, 'Succeeded')
    expect(two.watch.rows.at(-1)?.phase).toBe('Initialized')
    expect(versionOf(await getDeployment(namespace, 'two-primary'))).toBe('v1')
    expectNoFailure([...(await one.load.settled()), ...(await two.load.settled())])
  })
})

describe('an app whose pods a PodDisruptionBudget and NetworkPolicies select by the label that tells the tracks apart', () => {
  const { namespace, explainOnFailure } = scene('selected')
  const selector = { matchLabels: { app: 'podinfo' } }
  const policy = (name: string, spec: JsonObject): JsonObject => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec })

  it('is adopted, and its owner told of each with the label and the remedy', async () => {
    explainOnFailure()
    await apply(
      { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'keep', namespace }, spec: { maxUnavailable: 1, selector } },
      policy('lock', { podSelector: selector, policyTypes: ['Egress'], egress: [{}] }),
      policy('database', { podSelector: { matchLabels: { app: 'database' } }, ingress: [{ from: [{ podSelector: selector }] }] }),
    )
    await givenAdoptedApp(namespace, { app: { replicas: 1 }, canary: quickly })
    const leftOut = 'the pods of Deployment podinfo and not those of podinfo-primary, which serve and have the label app=podinfo-primary'
    for (const text of [
      `PodDisruptionBudget keep: it protects ${leftOut}. Let it select app in (podinfo, podinfo-primary).`,
      `NetworkPolicy lock: it holds for ${leftOut}. Let it select app in (podinfo, podinfo-primary), and where it limits ports, admit 14080 from clients and 14081 between these pods.`,
      `NetworkPolicy database: its rules name ${leftOut}. Let them name app in (podinfo, podinfo-primary).`,
    ]) {
      const event = await eventually(`an event: ${text}`, async () => (await eventsOf(namespace, 'podinfo')).find(({ kind, message }) => kind === 'Canary' && message === text))
      expect(event).toMatchObject({ type: 'Warning', reason: 'Synced' })
    }
  })
})
