import { describe, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import type { Timing } from '../rollout/observation.ts'
import { AppError } from '../base/errors.ts'
import { listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import { reconcile } from './reconciler.ts'
import { appCanary, appDeployment, appService, catchUp, createStage, imageOf, live, namespace, statusOf, work, type Stage } from './stage.testkit.ts'

const replicasOf = (stage: Stage, name: string): number | undefined => numberAt(stage.cluster.get(resources.deployments, namespace, name), 'spec', 'replicas')
const apexOf = (stage: Stage): JsonObject => objectAt(stage.cluster.get(resources.services, namespace, 'web'), 'spec')

/** A person's `kubectl apply` of another version, seen by the webhook. */
function deploy(stage: Stage, version: string): void {
  const live = stage.cluster.get(resources.deployments, namespace, 'web') ?? {}
  const template = objectAt(live, 'spec', 'template')
  const [container] = listAt(template, 'spec', 'containers')
  const next = { ...template, spec: { ...objectAt(template, 'spec'), containers: [{ ...objectAt({ container }, 'container'), image: `web:${version}` }] } }
  stage.cluster.put(resources.deployments, { metadata: { name: 'web', namespace }, spec: { ...objectAt(live, 'spec'), template: next } })
}

function givenApp(canary: JsonObject = {}, deployment = appDeployment('v1'), timing?: Timing): Stage {
  const stage = createStage(timing)
  stage.cluster.put(resources.deployments, deployment)
  stage.cluster.put(resources.services, appService)
  stage.cluster.put(resources.canaries, appCanary(canary))
  catchUp(stage)
  return stage
}

async function givenAdopted(canary: JsonObject = {}, deployment = appDeployment('v1')): Promise<Stage> {
  const stage = givenApp(canary, deployment)
  await live(stage, 25)
  expect(statusOf(stage)['phase']).toBe('Initialized')
  return stage
}

describe('the life of an app', () => {
  it('is adopted: the primary serves with a sidecar, the target rests, the Service leads to the primary', async () => {
    const stage = await givenAdopted()
    expect(replicasOf(stage, 'web')).toBe(0)
    expect(replicasOf(stage, 'web-primary')).toBe(2)
    const primary = stage.cluster.get(resources.deployments, namespace, 'web-primary') ?? {}
    expect(objectAt(primary, 'spec', 'selector')).toEqual({ matchLabels: { app: 'web-primary' } })
    expect(listAt(primary, 'spec', 'template', 'spec', 'initContainers').map((container) => stringAt(container, 'name'))).toEqual(['kinglet-proxy'])
    expect(listAt(primary, 'spec', 'template', 'spec', 'containers')[0]).toMatchObject({ futureField: { kept: true } })
    expect(apexOf(stage)).toMatchObject({ clusterIP: '10.0.0.1', type: 'NodePort', selector: { app: 'web-primary' }, ports: [{ name: 'http', port: 80, targetPort: 'kinglet-route', nodePort: 30_080 }] })
    expect(stage.cluster.get(resources.services, namespace, 'web-canary')).toMatchObject({ spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'kinglet-direct' }] } })
    expect(objectAt(stage.cluster.get(resources.canaries, namespace, 'web'), 'metadata')['finalizers']).toEqual(['finalizer.flagger.app'])
  })

  it('writes a line of kubectl get canary -w for each visible change, and few that are equal', async () => {
    const stage = givenApp()
    const lines: string[] = []
    stage.cluster.onWrite = () => {
      if (stage.cluster.writes.at(-1)?.endsWith(' canaries web')) lines.push(`${stringAt(statusOf(stage), 'phase')} ${numberAt(statusOf(stage), 'canaryWeight')}`)
    }
    await live(stage, 30)
    // The finalizer and where the Service has to point are written before they are acted upon, and that the target rests after it does.
    expect(lines.splice(0)).toEqual(['Initializing 0', 'Initializing 0', 'Initializing 0', 'Initialized 0', 'Initialized 0'])
    deploy(stage, 'v2')
    await live(stage, 60)
    expect(lines.splice(0)).toEqual(['Progressing 0', 'Progressing 25', 'Progressing 50', 'Promoting 50', 'Finalising 0', 'Succeeded 0', 'Succeeded 0'])
    stage.traffic = { failing: 0.5, perSecond: 40 }
    deploy(stage, 'v3')
    await live(stage, 60)
    expect(lines).toEqual(['Progressing 0', 'Progressing 25', 'Failed 0', 'Failed 0'])
  })

  it('does not read the cluster over and over while it waits', async () => {
    const stage = givenApp()
    await work(stage)
    stage.clock.advance(1000)
    await work(stage)
    let reads = 0
    const find = stage.cluster.find.bind(stage.cluster)
    const counted: Pick<typeof stage.cluster, 'find' | 'list'> = { find: (resource, at) => ((reads += 1), find(resource, at)), list: (resource, options) => stage.cluster.list(resource, options) }
    const cluster = Object.assign(Object.create(stage.cluster) as typeof stage.cluster, counted)
    for (let second = 0; second < 5; second += 1) {
      stage.clock.advance(1000)
      await reconcile(`${namespace}/web`, { ...stage.options, cluster })
    }
    expect(reads).toBe(0)
  })

  it('names a PodDisruptionBudget that leaves the primary out, when it is adopted and with each release', async () => {
    const stage = givenApp()
    stage.cluster.put(resources.podDisruptionBudgets, { metadata: { name: 'web', namespace }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } } })
    const told = (): number => stage.events.filter((event) => event.startsWith('Warning PodDisruptionBudget web: ')).length
    await live(stage, 25)
    expect(statusOf(stage)['phase']).toBe('Initialized')
    expect(told()).toBe(1)
    deploy(stage, 'v2')
    await live(stage, 60)
    expect(statusOf(stage)['phase']).toBe('Succeeded')
    expect(told()).toBe(2)
  })

  it('waits for nobody who may not be looked at', async () => {
    const stage = givenApp()
    const list = stage.cluster.list.bind(stage.cluster)
    stage.cluster.list = (resource, options) =>
      resource === resources.podDisruptionBudgets ? Promise.reject(new AppError('FORBIDDEN', 'poddisruptionbudgets.policy is forbidden')) : list(resource, options)
    await live(stage, 25)
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })

  it('promotes a good version by its weights, tells the sidecars each, and rests again', async () => {
    const stage = await givenAdopted()
    deploy(stage, 'v2')
    const weights = new Set<unknown>()
    for (let second = 0; second < 60; second += 1) {
      await live(stage, 1)
      weights.add([...stage.tables.values()].find((table) => table.self === 'primary')?.canaryWeightPercent)
    }
    expect([...weights]).toEqual([0, 25, 50])
    expect(statusOf(stage)).toMatchObject({ phase: 'Succeeded', canaryWeight: 0, analysis: { result: 'pass' } })
    expect(imageOf(stage, 'web-primary')).toBe('web:v2')
    expect(replicasOf(stage, 'web')).toBe(0)
    expect(stage.events).toEqual(expect.arrayContaining(['Normal Advance web.shop canary weight 50', 'Normal Promotion completed! Scaling down web.shop']))
  })

  it('writes the status once a step: each is a line of kubectl get canary -w', async () => {
    const stage = await givenAdopted()
    const lines: string[] = []
    stage.cluster.onWrite = () => {
      if (stage.cluster.writes.at(-1)?.includes('canaries')) lines.push(`${stringAt(statusOf(stage), 'phase')} ${numberAt(statusOf(stage), 'canaryWeight')}`)
    }
    deploy(stage, 'v2')
    await live(stage, 60)
    expect(lines.filter((line) => line.startsWith('Progressing') && !line.endsWith(' 0'))).toEqual(['Progressing 25', 'Progressing 50'])
  })

  it('rolls back a version that fails, with the numbers in the status', async () => {
    const analysis = { interval: '10s', threshold: 2, stepWeight: 25, maxWeight: 50, guard: { enabled: false }, metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '10s' }] }
    const stage = await givenAdopted({ analysis })
    stage.traffic = { failing: 0.2, perSecond: 40 }
    deploy(stage, 'bad')
    await live(stage, 45)
    expect(statusOf(stage)).toMatchObject({ phase: 'Failed', canaryWeight: 0, failedChecks: 2, analysis: { result: 'fail', decidedBy: 'request-success-rate', canary: { successRatePercent: 80 } } })
    expect(imageOf(stage, 'web-primary')).toBe('web:v1')
    expect(replicasOf(stage, 'web')).toBe(0)
    expect(stage.events).toContain('Warning Rolling back web.shop failed checks threshold reached 2')
  })

  it('is given back when the Canary is deleted: as it was before, with the version of the day', async () => {
    const stage = await givenAdopted()
    stage.cluster.remove(resources.canaries, { namespace, name: 'web' })
    await live(stage, 25)
    expect(stage.cluster.get(resources.canaries, namespace, 'web')).toBeUndefined()
    expect(stage.cluster.all(resources.deployments).map((deployment) => stringAt(deployment, 'metadata', 'name'))).toEqual(['web'])
    expect(stage.cluster.all(resources.services).map((service) => stringAt(service, 'metadata', 'name'))).toEqual(['web'])
    expect(replicasOf(stage, 'web')).toBe(2)
    expect(apexOf(stage)).toEqual(appService['spec'])
    const target = stage.cluster.get(resources.deployments, namespace, 'web')
    expect(JSON.stringify(target)).not.toContain('kinglet.sh')
  })
})

describe('what a spec asks for in vain', () => {
  const spec = appCanary()['spec'] as JsonObject
  const analysis = objectAt(spec, 'analysis')

  it('is told when the spec is first seen, and again only when it changes', async () => {
    const asked = { service: { port: 80, gateways: ['mesh'] }, analysis: { ...analysis, webhooks: [{ name: 'gate', type: 'confirm-rollout', url: 'http://x' }] } }
    const stage = await givenAdopted(asked)
    const caveats = (): readonly string[] => stage.events.filter((event) => event.includes('without effect') || event.includes('Without effect') || event.includes('will wait'))
    expect(caveats()).toEqual([
      'Warning Without effect in Kinglet, which routes by its own sidecars: spec.service.gateways',
      'Warning A new revision will wait: webhook gate cannot be evaluated by this version of Kinglet. Remove from spec.analysis what you can do without.',
    ])
    await live(stage, 10)
    expect(caveats()).toHaveLength(2)
    const canary = stage.cluster.get(resources.canaries, namespace, 'web') ?? {}
    stage.cluster.put(resources.canaries, { metadata: { name: 'web', namespace }, spec: { ...objectAt(canary, 'spec'), analysis } })
    await live(stage, 5)
    expect(caveats()).toHaveLength(3)
  })

  it('an annotation that cannot be read any more is a condition of the Canary, and what was read before goes on', async () => {
    const stage = givenApp()
    stage.cluster.put(resources.canaries, { metadata: { name: 'web', namespace, labels: { 'app.kubernetes.io/managed-by': 'kinglet' } } })
    await live(stage, 25)
    stage.cluster.put(resources.deployments, { metadata: { name: 'web', namespace, annotations: { 'kinglet.sh/canary': 'enabled', 'kinglet.sh/interval': 'soon' } } })
    await live(stage, 2)
    expect(listAt(statusOf(stage), 'conditions')).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False', reason: 'BadAnnotation', message: expect.stringMatching(/kinglet\.sh\/interval: "soon" is not a duration/) }))
    expect(listAt(statusOf(stage), 'conditions')).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'False', message: 'Nothing stands still; see Ready.' }))
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })
})

describe('pods without a sidecar', () => {
  const complaints = (stage: Stage): readonly string[] => stage.events.filter((event) => event.includes('without a sidecar'))
  /** A pod of the target's that nobody removes, with these labels. */
  const leftOver = (stage: Stage, labels: JsonObject): void =>
    void stage.cluster.put(resources.pods, { metadata: { name: 'web-old-0', namespace, labels: { app: 'web', ...labels } }, spec: { containers: [] }, status: { phase: 'Running', podIP: '10.1.9.9', conditions: [{ type: 'Ready', status: 'True' }] } })

  it('of the template before, which asked for none, are the rollout’s to replace', async () => {
    const stage = await givenAdopted()
    leftOver(stage, {})
    deploy(stage, 'v2')
    await live(stage, 20)
    expect(complaints(stage)).toEqual([])
    expect(statusOf(stage)['canaryWeight']).toBe(25)
    expect(stage.cluster.get(resources.pods, namespace, 'web-old-0')).toBeDefined()
  })

  it('that asked for one are replaced', async () => {
    const stage = await givenAdopted()
    leftOver(stage, { 'kinglet.sh/inject': 'true' })
    deploy(stage, 'v2')
    await live(stage, 20)
    expect(stage.cluster.get(resources.pods, namespace, 'web-old-0')).toBeUndefined()
  })
})

/** Somebody can be reached through the apex, and nobody but the primary while nothing has been judged. */
function clientsAreServed(stage: Stage): void {
  const selector = Object.entries(objectAt(apexOf(stage), 'selector'))
  const serving = stage.cluster.all(resources.pods).filter((pod) => selector.every(([key, value]) => objectAt(pod, 'metadata', 'labels')[key] === value))
  expect(serving.length, 'ready pods behind the apex').toBeGreaterThan(0)
}

/** Adoption, promotion and the way back, in simulated seconds; with short waits, so that it can be lived many times. */
async function wholeLife(stage: Stage): Promise<void> {
  await live(stage, 6)
  deploy(stage, 'v2')
  await live(stage, 14)
  stage.cluster.remove(resources.canaries, { namespace, name: 'web' })
  await live(stage, 7)
}
const shortLived = (): Stage => givenApp({ analysis: { interval: '2s', threshold: 2, stepWeights: [50], metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '2s' }] } }, appDeployment('v1'), { graceMs: 2000, ackLimitMs: 3000 })

function outcome(stage: Stage): JsonObject {
  const names = (objects: readonly JsonObject[]): readonly string[] => objects.map((object) => stringAt(object, 'metadata', 'name') ?? '').toSorted()
  return { deployments: names(stage.cluster.all(resources.deployments)), services: names(stage.cluster.all(resources.services)), image: imageOf(stage, 'web') ?? null, replicas: replicasOf(stage, 'web') ?? null, apex: objectAt(apexOf(stage), 'selector') }
}

describe('a write that fails', async () => {
  const undisturbed = shortLived()
  await wholeLife(undisturbed)
  const expected = outcome(undisturbed)
  const total = undisturbed.cluster.writes.length

  it('is expected in a life without any', () => expect(expected).toEqual({ deployments: ['web'], services: ['web'], image: 'web:v2', replicas: 2, apex: { app: 'web' } }))

  it.each(Array.from({ length: total }, (_unused, index) => [index, undisturbed.cluster.writes[index] ?? ''] as const))('number %d (%s) changes nothing in the end, and clients are served at every moment', async (failing) => {
    const stage = shortLived()
    stage.cluster.onWrite = () => clientsAreServed(stage)
    stage.cluster.failure = (_write, index) => (index === failing ? new AppError('UNAVAILABLE', 'the API server is away', { retryable: true }) : undefined)
    await wholeLife(stage)
    expect(outcome(stage)).toEqual(expected)
  })

  it('every second time only slows things down', async () => {
    const stage = shortLived()
    stage.cluster.onWrite = () => clientsAreServed(stage)
    stage.cluster.failure = (_write, index) => (index % 2 === 0 ? new AppError('CONFLICT', 'newer', { retryable: true }) : undefined)
    await wholeLife(stage)
    await live(stage, 10)
    expect(outcome(stage)).toEqual(expected)
  })
})

describe('a Canary that is gone', () => {
  it('is looked at no more', async () => {
    const stage = createStage()
    expect(await reconcile(`${namespace}/web`, stage.options)).toBeUndefined()
  })

  it('and still in the cache is looked at again after a while, not at once', async () => {
    const stage = givenApp()
    const cluster = createStage().cluster
    expect(await reconcile(`${namespace}/web`, { ...stage.options, cluster })).toEqual({ afterMs: 1000 })
  })
})

describe('a controller that takes over', () => {
  it('tells what the one before has decided and could not tell any more, once', async () => {
    const stage = givenApp({}, appDeployment('v1'), { graceMs: 1000, ackLimitMs: 3000 })
    await live(stage, 6)
    const done = 'Normal Initialization done! web.shop'
    expect(stage.events.filter((event) => event === done)).toHaveLength(1)
    // The one before wrote the status and was killed: nothing that it said has been heard.
    const successor: Stage = { ...stage, options: { ...stage.options, told: new Map() } }
    await live(successor, 3)
    expect(stage.events.filter((event) => event === done)).toHaveLength(2)
  })

  it('leaves old news alone', async () => {
    const stage = givenApp({}, appDeployment('v1'), { graceMs: 1000, ackLimitMs: 3000 })
    await live(stage, 6)
    stage.clock.advance(120_000)
    const before = stage.events.length
    await live({ ...stage, options: { ...stage.options, told: new Map() } }, 3)
    expect(stage.events).toHaveLength(before)
  })
})

describe('what a person must mend is said in a condition and an event, and nothing is touched', () => {
  const stalled = async (stage: Stage): Promise<JsonObject> => {
    await live(stage, 3)
    const condition = listAt(statusOf(stage), 'conditions').find((candidate) => valueAt(candidate, 'type') === 'Stalled')
    expect(statusOf(stage)).toMatchObject({ phase: 'Initializing', canaryWeight: 0 })
    expect(stage.cluster.writes.filter((write) => !write.includes('canaries'))).toEqual([])
    const message = stringAt(condition, 'message') ?? ''
    expect(stage.events).toEqual([`Warning ${message}`])
    return objectAt({ condition }, 'condition')
  }

  it.each<[string, (stage: Stage) => void, JsonObject, string, RegExp]>([
    ['no target', (stage) => stage.cluster.remove(resources.deployments, { namespace, name: 'web' }), {}, 'TargetNotFound', /web\.shop does not exist/],
    ['a port that the Service has not', () => undefined, { service: { port: 81 } }, 'PortNotFound', /Service web has no port 81, it has 80/],
    ['a port that no container has', () => undefined, { service: { port: 80, targetPort: 'grpc' } }, 'PortNotFound', /port named "grpc"/],
    ['no label to tell the tracks apart', (stage) => replaceSelector(stage, { tier: 'x' }), {}, 'NoSelectorLabel', /must contain one of \[app name app\.kubernetes\.io\/name\]/],
    ['a label whose value is too long', (stage) => replaceSelector(stage, { app: 'x'.repeat(60) }), {}, 'NameTooLong', /-primary would have 68 characters/],
    ['an autoscaler that does not exist', () => undefined, { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'hpa' } }, 'ScalerNotFound', /hpa/],
    ['two strategies', () => undefined, { analysis: { interval: '1m', stepWeight: 5, iterations: 3 } }, 'AmbiguousStrategy', /iterations and stepWeight/],
    ['a Service of somebody else', (stage) => stage.cluster.put(resources.services, { ...appService, spec: { selector: { app: 'other' }, ports: [{ port: 80 }] } }), {}, 'ServiceNotOfTarget', /Service web: it does not select/],
    ['a Service that would be left empty', (stage) => stage.cluster.put(resources.services, { metadata: { name: 'admin', namespace }, spec: { selector: { app: 'web' }, ports: [{ port: 1 }] } }), {}, 'ServiceLeftEmpty', /Service admin.*app=web-primary/],
    ['a Service that would lead past the judge', (stage) => stage.cluster.put(resources.services, { metadata: { name: 'all', namespace }, spec: { selector: { tier: 'front' }, ports: [{ port: 1 }] } }), {}, 'ServiceReachesCanary', /Service all: .*both tracks.*kinglet\.sh\/both-tracks=true/],
    ['a taken name', (stage) => stage.cluster.put(resources.services, { metadata: { name: 'web-canary', namespace }, spec: { selector: { a: 'b' }, ports: [] } }), {}, 'NameTaken', /Service web-canary/],
    ['a config whose copy would be written over a person’s own', (stage) => {
      stage.cluster.put(resources.deployments, appDeployment('v1', { volumes: [{ name: 'c', configMap: { name: 'db' } }] }))
      for (const name of ['db', 'db-primary']) stage.cluster.put(resources.configMaps, { metadata: { name, namespace }, data: { host: name } })
    }, {}, 'NameTaken', /ConfigMap db-primary: it exists already.*config-tracking=disabled/],
    ['pods that cannot have a sidecar', (stage) => stage.cluster.put(resources.deployments, appDeployment('v1', { hostNetwork: true })), {}, 'InjectionRefused', /hostNetwork/],
    ['an older Canary for the same target', (stage) => stage.cluster.put(resources.canaries, { metadata: { name: 'older', namespace, creationTimestamp: '2025-01-01T00:00:00Z' }, spec: appCanary()['spec'] ?? {} }), {}, 'TargetTaken', /Canary older is older/],
  ])('%s', async (_name, prepare, spec, reason, message) => {
    const stage = givenApp(spec)
    prepare(stage)
    const condition = await stalled(stage)
    expect(condition).toMatchObject({ status: 'True', reason })
    expect(condition['message']).toMatch(message)
  })

  function replaceSelector(stage: Stage, labels: JsonObject): void {
    const app = appDeployment('v1')
    stage.cluster.put(resources.deployments, { ...app, spec: { ...objectAt(app, 'spec'), selector: { matchLabels: labels } } })
  }

  it('a person’s config is left alone also where only a later version reads the one whose copy has its name', async () => {
    const stage = await givenAdopted()
    for (const name of ['db', 'db-primary']) stage.cluster.put(resources.configMaps, { metadata: { name, namespace }, data: { host: name } })
    const template = objectAt(appDeployment('v2', { volumes: [{ name: 'c', configMap: { name: 'db' } }] }), 'spec', 'template')
    stage.cluster.put(resources.deployments, { metadata: { name: 'web', namespace }, spec: { ...objectAt(stage.cluster.get(resources.deployments, namespace, 'web'), 'spec'), template } })
    await live(stage, 60)
    expect(stage.cluster.get(resources.configMaps, namespace, 'db-primary')).toMatchObject({ data: { host: 'db-primary' } })
    expect(imageOf(stage, 'web-primary')).toBe('web:v1')
    expect(listAt(statusOf(stage), 'conditions')).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'NameTaken' }))
  })

  it('goes on by itself when it is mended', async () => {
    const stage = givenApp()
    stage.cluster.put(resources.services, { metadata: { name: 'admin', namespace }, spec: { selector: { app: 'web' }, ports: [{ port: 1 }] } })
    await live(stage, 3)
    stage.cluster.remove(resources.services, { namespace, name: 'admin' })
    await live(stage, 25)
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })
})

describe('around an analysis', () => {
  it('pods that came up without a sidecar get no traffic and are replaced once the webhook answers', async () => {
    const stage = await givenAdopted()
    stage.cluster.injects = false
    deploy(stage, 'v2')
    await live(stage, 25)
    expect(statusOf(stage)).toMatchObject({ phase: 'Progressing', canaryWeight: 0 })
    expect(stage.events.join()).toContain('Pods without a sidecar (web-')
    expect(stage.cluster.writes.filter((write) => write.startsWith('delete pods'))).toEqual([])
    stage.cluster.injects = true
    await live(stage, 45)
    expect(statusOf(stage)).toMatchObject({ phase: 'Succeeded' })
  })

  it('a pod that alone is sick is evicted, so that the Deployment makes another; a version that is sick in all of them is not excused', async () => {
    const atFirstWeight = async (): Promise<readonly [Stage, string | undefined]> => {
      const stage = await givenAdopted({ analysis: { interval: '10s', threshold: 5, stepWeight: 25, maxWeight: 50 } })
      deploy(stage, 'v2')
      while (statusOf(stage)['canaryWeight'] !== 25) await live(stage, 1)
      return [stage, stage.cluster.all(resources.pods).map((pod) => stringAt(pod, 'metadata', 'name')).find((name) => name?.startsWith('web-') && !name.startsWith('web-primary'))]
    }
    const [one, sickPod = ''] = await atFirstWeight()
    one.traffic = { failing: 0, perSecond: 80, sickPod }
    await live(one, 3)
    expect(statusOf(one)).toMatchObject({ phase: 'Progressing' })
    expect(one.cluster.writes).toContain(`evict pods ${sickPod}`)
    expect(one.events).toContainEqual(expect.stringMatching(new RegExp(`^Warning Pod ${sickPod} alone makes the canary look bad: (\\d+) of its \\1 requests; it is replaced$`)))

    const [all] = await atFirstWeight()
    all.traffic = { failing: 1, perSecond: 80 }
    await live(all, 3)
    expect(statusOf(all)).toMatchObject({ phase: 'Failed', canaryWeight: 0 })
    expect(all.cluster.writes.filter((write) => /^(delete|evict) pods/.test(write))).toEqual([])
  })

  it('a sick pod that its PodDisruptionBudget keeps stays; that is told once, and it is tried again until it may go', async () => {
    const stage = await givenAdopted({ analysis: { interval: '10s', threshold: 5, stepWeight: 25, maxWeight: 50 } })
    deploy(stage, 'v2')
    while (statusOf(stage)['canaryWeight'] !== 25) await live(stage, 1)
    const sickPod = stage.cluster.all(resources.pods).map((pod) => stringAt(pod, 'metadata', 'name')).find((name) => name?.startsWith('web-') && !name.startsWith('web-primary')) ?? ''
    stage.traffic = { failing: 0, perSecond: 80, sickPod }
    let asked = 0
    stage.cluster.failure = (write) => {
      if (write !== `evict pods ${sickPod}`) return undefined
      asked += 1
      return new AppError('TOO_MANY_REQUESTS', "Cannot evict pod as it would violate the pod's disruption budget.", { retryable: true })
    }
    await live(stage, 5)
    expect(asked).toBeGreaterThan(1)
    expect(stage.cluster.get(resources.pods, namespace, sickPod)).toBeDefined()
    expect(stage.events.filter((event) => event.includes('is not replaced yet'))).toEqual([`Warning Pod ${sickPod} is not replaced yet: Cannot evict pod as it would violate the pod's disruption budget. It is tried again`])
    stage.cluster.failure = () => undefined
    await live(stage, 3)
    expect(stage.cluster.writes).toContain(`evict pods ${sickPod}`)
  })

  it('a sick pod that may not be evicted at all, because several budgets select it, stops nothing', async () => {
    const stage = await givenAdopted({ analysis: { interval: '10s', threshold: 5, stepWeight: 25, maxWeight: 50 } })
    deploy(stage, 'v2')
    while (statusOf(stage)['canaryWeight'] !== 25) await live(stage, 1)
    const sickPod = stage.cluster.all(resources.pods).map((pod) => stringAt(pod, 'metadata', 'name')).find((name) => name?.startsWith('web-') && !name.startsWith('web-primary')) ?? ''
    stage.traffic = { failing: 0, perSecond: 80, sickPod }
    stage.cluster.failure = (write) => (write === `evict pods ${sickPod}` ? new AppError('INTERNAL', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.', { retryable: true }) : undefined)
    await live(stage, 3)
    expect(await work(stage)).toEqual([])
    expect(stage.events).toContain(`Warning Pod ${sickPod} is not replaced yet: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support. It is tried again`)
  })

  it('a primary that a policy of the cluster denies is told, and made once it may be', async () => {
    const stage = givenApp()
    stage.cluster.failure = (write) => (write === 'create deployments web-primary' ? new AppError('FORBIDDEN', 'admission webhook "policies" denied the request: no owner label') : undefined)
    await live(stage, 5)
    expect(stage.events.filter((event) => event.includes('denied the request'))).toEqual(['Warning The cluster does not let this go on: admission webhook "policies" denied the request: no owner label. It is tried again'])
    stage.cluster.failure = () => undefined
    await live(stage, 25)
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })

  it('configs are copied for the primary, and a change of one is a revision', async () => {
    const stage = createStage()
    const config = (value: string): JsonObject => ({ metadata: { name: 'settings', namespace }, data: { value }, binaryData: { logo: 'AA==' } })
    stage.cluster.put(resources.configMaps, config('one'))
    stage.cluster.put(resources.deployments, appDeployment('v1', { volumes: [{ name: 'c', configMap: { name: 'settings' } }] }))
    stage.cluster.put(resources.services, appService)
    stage.cluster.put(resources.canaries, appCanary())
    await live(stage, 25)
    const copy = (): JsonObject | undefined => stage.cluster.get(resources.configMaps, namespace, 'settings-primary')
    expect(copy()).toMatchObject({ data: { value: 'one' }, binaryData: { logo: 'AA==' }, metadata: { ownerReferences: [{ kind: 'Canary', name: 'web' }] } })
    expect(listAt(stage.cluster.get(resources.deployments, namespace, 'web-primary'), 'spec', 'template', 'spec', 'volumes')[0]).toEqual({ name: 'c', configMap: { name: 'settings-primary' } })
    stage.cluster.put(resources.configMaps, config('two'))
    await live(stage, 2)
    expect(statusOf(stage)['phase']).toBe('Progressing')
    expect(copy()).toMatchObject({ data: { value: 'one' } })
    await live(stage, 50)
    expect(statusOf(stage)['phase']).toBe('Succeeded')
    expect(copy()).toMatchObject({ data: { value: 'two' } })
  })

  it('the autoscaler is cloned and kept in sync, also at rest', async () => {
    const stage = createStage()
    const scaler = (maxReplicas: number): JsonObject => ({ metadata: { name: 'hpa', namespace }, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas } })
    stage.cluster.put(resources.horizontalPodAutoscalers, scaler(5))
    stage.cluster.put(resources.deployments, appDeployment('v1'))
    stage.cluster.put(resources.services, appService)
    stage.cluster.put(resources.canaries, appCanary({ autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'hpa' } }))
    await live(stage, 25)
    const clone = (): JsonObject => objectAt(stage.cluster.get(resources.horizontalPodAutoscalers, namespace, 'hpa-primary'), 'spec')
    expect(clone()).toMatchObject({ scaleTargetRef: { name: 'web-primary' }, maxReplicas: 5 })
    stage.cluster.put(resources.horizontalPodAutoscalers, scaler(9))
    await live(stage, 2)
    expect(clone()).toMatchObject({ scaleTargetRef: { name: 'web-primary' }, maxReplicas: 9 })
  })

  it('`kubectl scale` of the resting target is a wish for the primary', async () => {
    const stage = await givenAdopted()
    stage.cluster.put(resources.deployments, { metadata: { name: 'web', namespace }, spec: { ...objectAt(stage.cluster.get(resources.deployments, namespace, 'web'), 'spec'), replicas: 4 } })
    await live(stage, 20)
    expect([replicasOf(stage, 'web'), replicasOf(stage, 'web-primary')]).toEqual([0, 4])
    expect(statusOf(stage)['phase']).toBe('Initialized')
  })

  it('a Service that was applied again with its old selector leads to the primary again', async () => {
    const stage = await givenAdopted()
    const managed = stage.cluster.get(resources.services, namespace, 'web') ?? {}
    stage.cluster.put(resources.services, { ...managed, spec: { ...objectAt(managed, 'spec'), ...objectAt(appService, 'spec') } })
    await work(stage)
    expect(objectAt(apexOf(stage), 'selector')).toEqual({ app: 'web-primary' })
  })
})

describe('a Canary that Flagger brought here', () => {
  function givenFlaggers(image: string): Stage {
    const stage = createStage()
    const app = appDeployment('v1')
    const template = objectAt(app, 'spec', 'template')
    stage.cluster.put(resources.deployments, { ...app, spec: { ...objectAt(app, 'spec'), replicas: 0 } })
    stage.cluster.put(resources.services, { ...appService, spec: { ...objectAt(appService, 'spec'), selector: { app: 'web-primary' } } })
    const canary = stage.cluster.put(resources.canaries, { ...appCanary(), status: { phase: 'Succeeded', canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: '5f8fd4f546', lastPromotedSpec: '5f8fd4f546' } })
    stage.cluster.put(resources.deployments, {
      metadata: { name: 'web-primary', namespace, ownerReferences: [{ kind: 'Canary', name: 'web', uid: stringAt(canary, 'metadata', 'uid') ?? '' }] },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web-primary' } },
        template: { metadata: { labels: { app: 'web-primary', tier: 'front' }, annotations: { 'flagger-id': 'a-b-c' } }, spec: { ...objectAt(template, 'spec'), containers: listAt(template, 'spec', 'containers').map((container) => ({ ...objectAt({ container }, 'container'), image })) } },
      },
    })
    return stage
  }

  it('is taken over without an analysis where nothing is new', async () => {
    const stage = givenFlaggers('web:v1')
    stage.cluster.onWrite = () => clientsAreServed(stage)
    catchUp(stage)
    await live(stage, 30)
    expect(statusOf(stage)).toMatchObject({ phase: 'Initialized', lastPromotedSpec: expect.stringMatching(/^sha256:/) })
    expect(stage.events.join()).not.toContain('New revision')
    expect(apexOf(stage)).toMatchObject({ selector: { app: 'web-primary' }, ports: [{ targetPort: 'kinglet-route' }] })
  })

  it('keeps serving its promoted version while another one that the target has is judged', async () => {
    const stage = givenFlaggers('web:v0')
    stage.cluster.onWrite = () => clientsAreServed(stage)
    catchUp(stage)
    await live(stage, 25)
    expect(imageOf(stage, 'web-primary')).toBe('web:v0')
    expect(statusOf(stage)['phase']).toBe('Progressing')
    await live(stage, 50)
    expect(imageOf(stage, 'web-primary')).toBe('web:v1')
  })
})

