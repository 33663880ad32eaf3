import { describe, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { listAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { VirtualClock } from '../kube/virtual-clock.testkit.ts'
import { MemoryCluster } from './memory-cluster.testkit.ts'
import { reconcileOptIn } from './opt-in.ts'
import { appCanary, appDeployment, appService, namespace } from './stage.testkit.ts'

function given(annotations: JsonObject, services: readonly JsonObject[] = [appService]) {
  const cluster = new MemoryCluster()
  const events: string[] = []
  const app = appDeployment('v1')
  const annotate = (next: JsonObject): JsonObject => cluster.put(resources.deployments, { ...app, metadata: { ...objectAt(app, 'metadata'), annotations: next } })
  annotate(annotations)
  for (const service of services) cluster.put(resources.services, service)
  const sink = { record: ({ regarding, message }: { regarding: JsonObject; message: string }) => void events.push(`${stringAt(regarding, 'kind') ?? ''} ${message}`) }
  const told = new Map<string, string>()
  const look = () => reconcileOptIn(`${namespace}/web`, { cluster, cache: cluster, events: sink, clock: new VirtualClock(), told })
  return { cluster, events, annotate, look, canary: () => cluster.get(resources.canaries, namespace, 'web') }
}

const enabled = { 'kinglet.sh/canary': 'enabled' }

describe('the annotation kinglet.sh/canary: enabled', () => {
  it('makes a Canary from the Service and the port that there are, owned by the Deployment', async () => {
    const { look, canary, cluster } = given(enabled)
    await look()
    const uid = stringAt(cluster.get(resources.deployments, namespace, 'web'), 'metadata', 'uid')
    expect(canary()).toMatchObject({ spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { name: 'web', port: 80 }, analysis: { stepWeight: 10, maxWeight: 50 } }, metadata: { ownerReferences: [{ uid }] } })
    await look()
    expect(cluster.writes).toEqual(['create canaries web'])
  })

  it('names the Deployment’s autoscaler', async () => {
    const { look, canary, cluster } = given(enabled)
    cluster.put(resources.horizontalPodAutoscalers, { metadata: { name: 'hpa', namespace }, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } } })
    await look()
    expect(canary()).toMatchObject({ spec: { autoscalerRef: { kind: 'HorizontalPodAutoscaler', name: 'hpa' } } })
  })

  it('changes the Canary with the other annotations, and deletes it when it goes', async () => {
    const { look, canary, annotate, cluster } = given(enabled)
    await look()
    annotate({ ...enabled, 'kinglet.sh/step-weight': '5' })
    await look()
    expect(canary()).toMatchObject({ spec: { analysis: { stepWeight: 5 } } })
    annotate({})
    await look()
    expect(cluster.writes.at(-1)).toBe('delete canaries web')
  })

  it('says so where the name is taken by a Canary for something else, and goes on when it is free', async () => {
    const { look, cluster, events } = given(enabled)
    cluster.put(resources.canaries, { metadata: { name: 'web', namespace }, spec: { targetRef: { kind: 'Deployment', name: 'api' } } })
    await look()
    await look()
    expect(events).toEqual(['Deployment Canary web: it exists already, for Deployment api, and the Canary of this Deployment would have its name. Give it another name.'])
    expect(cluster.writes).toEqual([])
    cluster.remove(resources.canaries, { namespace, name: 'web' })
    await look()
    expect(cluster.writes).toEqual(['create canaries web'])
  })

  it('leaves alone what a person wrote', async () => {
    const { look, cluster, annotate } = given(enabled)
    cluster.put(resources.canaries, appCanary())
    await look()
    annotate({})
    await look()
    expect(cluster.writes).toEqual([])
  })

  it.each(['81', 'grpc'])('takes the port that the annotation calls %s', async (port) => {
    const { look, canary } = given({ ...enabled, 'kinglet.sh/port': port }, [{ ...appService, spec: { selector: { app: 'web' }, ports: [{ port: 80, name: 'http' }, { port: 81, name: 'grpc' }] } }])
    await look()
    expect(canary()).toMatchObject({ spec: { service: { port: 81 } } })
  })

  it.each<[string, JsonObject, readonly JsonObject[], RegExp]>([
    ['no Service', {}, [], /kinglet\.sh\/service: no Service in namespace shop selects the pods of Deployment web/],
    ['several Services', {}, [appService, { ...appService, metadata: { name: 'other', namespace } }], /several Services select the pods of Deployment web: web, other\. .*kinglet\.sh\/service/],
    ['a Service that does not exist', { 'kinglet.sh/service': 'nope' }, [appService], /Service nope\.shop does not exist/],
    ['several ports', {}, [{ ...appService, spec: { selector: { app: 'web' }, ports: [{ port: 80, name: 'http' }, { port: 81 }] } }], /kinglet\.sh\/port: Service web has 2 ports: 80 \(http\), 81/],
    ['a port that there is not', { 'kinglet.sh/port': '9' }, [appService], /Service web has no port 9, it has 80/],
    ['a bad value', { 'kinglet.sh/interval': 'soon' }, [appService], /annotation kinglet\.sh\/interval: "soon" is not a duration/],
  ])('with %s makes nothing and says on the Deployment which annotation decides', async (_name, annotations, services, message) => {
    const { look, events, cluster } = given({ ...enabled, ...annotations }, services)
    await look()
    expect(events).toEqual([expect.stringMatching(message)])
    expect(events[0]).toMatch(/^Deployment /)
    expect(cluster.writes).toEqual([])
  })

  it.each<[string, JsonObject, RegExp]>([
    ['another value than enabled', { 'kinglet.sh/canary': 'true' }, /^Deployment annotation kinglet\.sh\/canary: "true" does not opt in\. Write "enabled"/],
    ['a misspelt key', { ...enabled, 'kinglet.sh/intervall': '5s' }, /^Deployment annotation kinglet\.sh\/intervall: it means nothing on a Deployment\. Perhaps kinglet\.sh\/interval is meant\./],
    ['an unknown key', { ...enabled, 'kinglet.sh/colour': 'blue' }, /^Deployment annotation kinglet\.sh\/colour: it means nothing on a Deployment\. Those that do are kinglet\.sh\/: service, port, interval/],
    ['a key that belongs to the pods', { ...enabled, 'kinglet.sh/proxy-cpu-limit': '1' }, /proxy-cpu-limit.*spec\.template\.metadata\.annotations/],
  ])('says what means nothing: %s', async (_name, annotations, message) => {
    const { look, events, canary } = given(annotations)
    await look()
    expect(events).toEqual([expect.stringMatching(message)])
    expect(canary() !== undefined).toBe(annotations['kinglet.sh/canary'] === 'enabled')
  })

  it('says which annotation of the pod template cannot be read', async () => {
    const { look, events, cluster } = given(enabled)
    cluster.put(resources.deployments, { metadata: { name: 'web', namespace }, spec: { template: { metadata: { labels: { app: 'web' }, annotations: { 'kinglet.sh/proxy-idle-timeout': 'soon' } } } } })
    await look()
    expect(events).toEqual(['Deployment annotation kinglet.sh/proxy-idle-timeout: "soon" is not a duration such as 75s. Correct or remove it: the default is used until then.'])
  })

  it('says it once, and again when it has been something else in between', async () => {
    const { look, events, annotate } = given({ ...enabled, 'kinglet.sh/interval': 'soon' })
    await look()
    await look()
    expect(events).toHaveLength(1)
    annotate(enabled)
    await look()
    annotate({ ...enabled, 'kinglet.sh/interval': 'soon' })
    await look()
    expect(events).toHaveLength(2)
  })

  it.each<JsonObject>([{}, { 'kinglet.sh/canary': 'disabled' }, { 'kinglet.sh/interval': '5s' }, { ...enabled, 'kinglet.sh/replicas': '2', 'kinglet.sh/status': '{}', 'kinglet.sh/pause': 'false' }])('is silent about %j', async (annotations) => {
    const { look, events } = given(annotations)
    await look()
    expect(events).toEqual([])
  })

  it('waits for a Service that is applied a moment later', async () => {
    const { cluster, events } = given(enabled, [])
    const clock = new VirtualClock(Date.parse('2026-01-01T00:00:03Z'))
    const sink = { record: ({ message }: { message: string }) => void events.push(message) }
    expect(await reconcileOptIn(`${namespace}/web`, { cluster, cache: cluster, events: sink, clock, told: new Map() })).toEqual({ afterMs: 7000 })
    expect(events).toEqual([])
  })

  it('takes a Service by what its owner wrote, not by where Kinglet points it', async () => {
    const record = { canary: 'web', desired: { selector: { app: 'web-primary' }, targetPorts: {} }, original: { selector: { app: 'web' }, targetPorts: {} } }
    const managed = { ...appService, metadata: { name: 'web', namespace, annotations: { 'kinglet.sh/managed-service': JSON.stringify(record) } }, spec: { ...objectAt(appService, 'spec'), selector: { app: 'web-primary' } } }
    const { look, canary } = given(enabled, [managed])
    await look()
    expect(listAt(canary(), 'metadata', 'ownerReferences')).toHaveLength(1)
  })
})
