import { describe, expect, it } from 'vitest'
import { canaryAnnotation, settingAnnotations } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { objectAt, stringAt, type JsonObject } from '../../src/base/json.ts'
import { apply, tryApply } from './lib/apply.ts'
import { cluster, isSandbox } from './lib/cluster.ts'
import { eventually, staysTrue } from './lib/eventually.ts'
import { canary, deployment, service } from './lib/manifests.ts'
import { conditionWith, eventWith, get, getDeployment, rolledOut, specReplicas } from './lib/objects.ts'
import { scene } from './lib/scene.ts'

/** Then: the condition of the Canary and an event both say it. */
async function isSaid(namespace: string, name: string, message: RegExp): Promise<void> {
  await conditionWith(namespace, name, message)
  const event = await eventWith(namespace, name, message)
  expect(event).toMatchObject({ type: 'Warning', reason: 'Synced', component: 'flagger' })
}

const withAnalysis = (manifest: JsonObject, more: JsonObject): JsonObject => {
  const spec = objectAt(manifest, 'spec')
  return { ...manifest, spec: { ...spec, analysis: { ...objectAt(spec, 'analysis'), ...more } } }
}

describe('what the cluster contradicts is said in a condition and an event of the Canary', () => {
  const { namespace, explainOnFailure } = scene('bad-input')

  it('a target that does not exist', async () => {
    explainOnFailure('ghost')
    await apply(canary({ namespace, name: 'ghost' }))
    await isSaid(namespace, 'ghost', /ghost.* (not found|does not exist)/i)
  })

  it('a target that comes later is adopted', async () => {
    explainOnFailure('late')
    await apply(canary({ namespace, name: 'late' }))
    await conditionWith(namespace, 'late', /late/)
    await apply(deployment({ namespace, name: 'late', version: 'v1', replicas: 1 }), service({ namespace, name: 'late' }))
    await eventually('late is adopted', async () => JSON.stringify(await get(resources.canaries, namespace, 'late')).includes('"phase":"Initialized"'), 90_000)
  })

  it('a port that no container has', async () => {
    explainOnFailure('port')
    await apply(deployment({ namespace, name: 'port', version: 'v1', replicas: 1 }), service({ namespace, name: 'port' }))
    await apply(canary({ namespace, name: 'port', service: { port: 80, targetPort: 'grpc' } }))
    await isSaid(namespace, 'port', /grpc/)
  })

  it('a selector without one of the labels by which primaries are told apart', async () => {
    explainOnFailure('tier')
    const labels = { tier: 'web' }
    const manifest = deployment({ namespace, name: 'tier', version: 'v1', replicas: 1 })
    const spec = objectAt(manifest, 'spec')
    await apply({ ...manifest, spec: { ...spec, selector: { matchLabels: labels }, template: { ...objectAt(spec, 'template'), metadata: { labels } } } })
    await apply(canary({ namespace, name: 'tier' }))
    await isSaid(namespace, 'tier', /must contain one of/)
  })

  it('two Canaries on one target: the younger one is refused, the older one goes on', async () => {
    explainOnFailure('younger')
    await apply(deployment({ namespace, name: 'shared', version: 'v1', replicas: 1 }), service({ namespace, name: 'shared' }))
    await apply(canary({ namespace, name: 'older', target: 'shared' }))
    await conditionWith(namespace, 'older', /./)
    // Times of creation have the resolution of a second.
    await eventually('a second has passed', async () => {
      const older = await get(resources.canaries, namespace, 'older')
      return Date.now() - Date.parse(stringAt(older, 'metadata', 'creationTimestamp') ?? '') > 1500
    })
    await apply(canary({ namespace, name: 'younger', target: 'shared' }))
    await isSaid(namespace, 'younger', /older/)
    await eventually('the older one is initialized', async () => JSON.stringify(await get(resources.canaries, namespace, 'older')).includes('"phase":"Initialized"'), 90_000)
  })

  it('a kind that cannot be split', async () => {
    explainOnFailure('daemon')
    const manifest = canary({ namespace, name: 'daemon' })
    const spec = objectAt(manifest, 'spec')
    await apply({ ...manifest, spec: { ...spec, targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'daemon' } } })
    await isSaid(namespace, 'daemon', /DaemonSet/)
  })

  it('a Service that would be left without endpoints: nothing is touched until it is settled', async () => {
    explainOnFailure('busy')
    await apply(
      deployment({ namespace, name: 'busy', version: 'v1', replicas: 1 }),
      service({ namespace, name: 'busy' }),
      service({ namespace, name: 'busy-admin', app: 'busy', targetPort: 8080 }),
    )
    await rolledOut(namespace, 'busy')
    await apply(canary({ namespace, name: 'busy' }))
    await isSaid(namespace, 'busy', /busy-admin/)
    await staysTrue('the app is left as it is', async () => specReplicas(await getDeployment(namespace, 'busy')) === 1, 3000)
    await cluster().delete(resources.services, { namespace, name: 'busy-admin' })
    await eventually('busy is adopted', async () => JSON.stringify(await get(resources.canaries, namespace, 'busy')).includes('"phase":"Initialized"'), 90_000)
  })

  it('a Service that would lead its clients to both versions', async () => {
    explainOnFailure('mixed')
    const manifest = deployment({ namespace, name: 'mixed', version: 'v1', replicas: 1 })
    const spec = objectAt(manifest, 'spec')
    const labels = { app: 'mixed', tier: 'web' }
    const both = { ...service({ namespace, name: 'mixed-all' }), spec: { selector: { tier: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } }
    await apply({ ...manifest, spec: { ...spec, template: { ...objectAt(spec, 'template'), metadata: { labels } } } }, service({ namespace, name: 'mixed' }), both)
    await apply(canary({ namespace, name: 'mixed' }))
    await isSaid(namespace, 'mixed', /^Service mixed-all: it selects the pods of both tracks, so clients would reach new versions before they are judged\. Add app=mixed-primary to the selector, or annotate the Service with kinglet\.sh\/both-tracks=true/)
    expect(specReplicas(await getDeployment(namespace, 'mixed'))).toBe(1)
  })

  it('a bad value of an annotation: the event on the Deployment names the key', async () => {
    explainOnFailure('annotated')
    const annotations = { [canaryAnnotation]: 'enabled', [settingAnnotations.interval]: 'soon' }
    await apply(deployment({ namespace, name: 'annotated', version: 'v1', replicas: 1, annotations }), service({ namespace, name: 'annotated' }))
    const event = await eventWith(namespace, 'annotated', /kinglet\.sh\/interval.*soon/)
    expect(event).toMatchObject({ type: 'Warning', kind: 'Deployment' })
    expect(specReplicas(await getDeployment(namespace, 'annotated'))).toBe(1)
  })
})

describe('the annotation that opts in, where nobody reads it, is answered with a warning by kubectl', () => {
  const { namespace } = scene('misplaced')
  const annotations = { [canaryAnnotation]: 'enabled' }
  const metadata = { name: 'web', namespace, annotations }
  const template: JsonObject = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } }
  const selector = { matchLabels: { app: 'web' } }
  const job: JsonObject = { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'web', image: 'web:1' }] } } }
  const only = 'only Deployments are released step by step. Remove it, or run this app as a Deployment'
  const everywhere: readonly (readonly [JsonObject, string])[] = [
    [{ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }, 'on Service web has no effect: annotate the Deployment behind it'],
    [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, annotations } }, `on Namespace ${namespace} has no effect: annotate each Deployment in it`],
    [
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'inside', namespace }, spec: { replicas: 0, selector, template: { ...template, metadata: { labels: { app: 'web' }, annotations } } } },
      'on the pod template of Deployment inside has no effect: set it in metadata.annotations of the Deployment itself',
    ],
  ]
  const beyondTheSandbox: readonly (readonly [JsonObject, string])[] = [
    [{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { replicas: 0, serviceName: 'web', selector, template } }, `on StatefulSet web has no effect: ${only}`],
    [{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: { selector, template: { ...template, spec: { ...objectAt(template, 'spec'), nodeSelector: { no: 'node' } } } } }, `on DaemonSet web has no effect: ${only}`],
    [{ apiVersion: 'batch/v1', kind: 'CronJob', metadata, spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: job } } }, `on CronJob web has no effect: ${only}`],
  ]

  it('names the object and the remedy, and stores the object', async () => {
    for (const [manifest, text] of isSandbox() ? everywhere : [...everywhere, ...beyondTheSandbox]) {
      const { warnings } = await apply(manifest)
      expect(warnings).toContain(`kinglet: annotation ${canaryAnnotation} ${text}`)
    }
  })

  it('says nothing of what a Deployment that opted in is made of', async () => {
    const manifest = deployment({ namespace, name: 'right', version: 'v1', replicas: 0, annotations })
    expect((await apply(manifest)).warnings).toEqual([])
  })
})

describe('what contradicts itself is refused by the API server, with the field', () => {
  const { namespace } = scene('refused')
  const good = canary({ namespace })
  const targeting = (kind: string): JsonObject => ({ ...good, spec: { ...objectAt(good, 'spec'), targetRef: { apiVersion: 'apps/v1', kind, name: 'podinfo' } } })

  it.each([
    ['a name that leaves no room for the suffix', canary({ namespace, name: `long-${'x'.repeat(56)}` }), /-primary|longer than|at most/],
    ['both stepWeight and iterations', withAnalysis(good, { iterations: 5 }), /iterations|stepWeight|oneOf|validate one and only one/],
    ['an interval in hours', withAnalysis(good, { interval: '1h' }), /interval/],
    ['a kind that nobody splits', targeting('StatefulSet'), /targetRef\.kind/],
    ['a threshold that is no number', withAnalysis(good, { threshold: 'many' }), /threshold/],
    ['a success rate above 100 %', withAnalysis(good, { metrics: [{ name: 'request-success-rate', thresholdRange: { min: 101 }, interval: '1m' }] }), /request-success-rate|thresholdRange/],
    ['an expression that RE2 does not know', withAnalysis(good, { match: [{ headers: { 'x-canary': { regex: '(?=a)b' } } }] }), /analysis\.match\[0\]\.headers\[x-canary\]\.regex.*RE2/],
  ])('%s', async (_name, manifest, message) => {
    const result = await tryApply([manifest])
    if (result.exitCode === 0) {
      // The schema lets it pass, as Flagger's does: then the condition and the event say it.
      await isSaid(namespace, 'podinfo', message)
      await cluster().delete(resources.canaries, { namespace, name: 'podinfo' })
      await eventually('it is gone', async () => (await get(resources.canaries, namespace, 'podinfo')) === undefined)
    } else {
      expect(result.error).toMatch(message)
    }
  })
})
