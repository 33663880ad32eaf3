import { afterAll, describe, expect, it } from 'vitest'
import { appPortAnnotation, injectLabel, proxyContainerName } from '../../../src/api/keys.ts'
import { resources } from '../../../src/api/resources.ts'
import { isObject, listAt, stringAt, type JsonObject } from '../../../src/base/json.ts'
import { cluster } from '../lib/cluster.ts'
import { eventually, staysTrue } from '../lib/eventually.ts'
import { kill, recovered, takeAway } from '../lib/kinglet.ts'
import { podinfoImage } from '../lib/manifests.ts'
import { getDeployment, podsOf } from '../lib/objects.ts'
import { scene } from '../lib/scene.ts'
import { served } from '../lib/shares.ts'
import { expectNoFailure, expectShareWithinWeight, givenAdoptedApp, restsIdle, since, versionOf, type Story } from '../lib/story.ts'

const hasSidecar = (pod: JsonObject): boolean => listAt(pod, 'spec', 'initContainers').some((container) => isObject(container) && stringAt(container, 'name') === proxyContainerName)

/** A pod that the webhook would inject. */
const trial = (namespace: string): JsonObject => ({
  metadata: { name: 'trial', namespace, labels: { [injectLabel]: 'true' }, annotations: { [appPortAnnotation]: '8080' } },
  spec: { containers: [{ name: 'app', image: podinfoImage }] },
})

/** With the webhook away the API server lets writes pass as they are (failurePolicy Ignore). */
describe('the webhook is away', () => {
  const { namespace, explainOnFailure } = scene('webhook-killed')
  let story: Story
  let bringBack: () => Promise<void> = () => recovered('webhook')
  afterAll(() => bringBack())

  it('and v2 is applied: the apply works, and no client reaches v2 unjudged', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace, { canary: { interval: '2s', strategy: { maxWeight: 50, stepWeight: 25 } } })
    bringBack = await takeAway('webhook')
    await eventually('nobody injects a pod any more', async () => !hasSidecar(await cluster().create(resources.pods, trial(namespace), { dryRun: true })))
    const at = Date.now()
    await story.deploy('v2')
    await story.watch.phase('Progressing')
    await eventually('pods of v2 run', async () => (await podsOf(namespace, 'app=podinfo')).some((pod) => stringAt(pod, 'status', 'phase') === 'Running'))
    expect((await podsOf(namespace, 'app=podinfo')).some(hasSidecar), 'nobody was there to inject them').toBe(false)
    await staysTrue('the weight stays 0', () => (story.watch.rows.at(-1)?.weight ?? 0) === 0, 6000)
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expect(served(lines, 'podinfo').byCanary, 'requests that v2 answered').toBe(0)
  })

  it('and comes back: the pods are replaced by injected ones, and v2 is judged and promoted', async () => {
    explainOnFailure()
    const at = Date.now()
    await bringBack()
    await eventually('the pods of v2 are injected', async () => {
      const pods = await podsOf(namespace, 'app=podinfo')
      return pods.length > 0 && pods.every(hasSidecar)
    })
    await restsIdle(story, 'Succeeded')
    expect(versionOf(await getDeployment(namespace, 'podinfo-primary'))).toBe('v2')
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
    expect(stringAt(await getDeployment(namespace, 'podinfo'), 'spec', 'template', 'metadata', 'labels', injectLabel)).toBe('true')
  })

  it('and dies in the middle of an analysis: it goes on, and is promoted', async () => {
    explainOnFailure()
    const at = Date.now()
    await story.deploy('v3')
    await story.watch.until('weight 25', (row) => row.at > at && row.phase === 'Progressing' && row.weight === 25)
    await kill('webhook')
    await restsIdle(story, 'Succeeded')
    await recovered('webhook')
    const lines = since(await story.load.settled(), at)
    expectNoFailure(lines)
    expectShareWithinWeight(lines, story)
  })
})
