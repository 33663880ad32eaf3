import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { describe, expect, it } from 'vitest'
import { writeManagedService } from '../api/managed-service.ts'
import { writeTargetStatus } from '../api/target.ts'
import { listAt, objectAt, stringAt, valueAt, type JsonObject } from '../base/json.ts'
import type { InjectionConfig } from '../injection/inject.ts'
import { mutateDeployment } from './deployment.ts'
import { noticeMisplaced } from './misplaced.ts'
import type { Mutate, Write } from './mutation.ts'
import { mutatePod } from './pod.ts'
import { answer, readReview } from './review.ts'
import { mutateService } from './service.ts'

const injection: InjectionConfig = { image: 'kinglet:dev', imagePullPolicy: 'IfNotPresent', caPem: 'PEM', controllerAddress: 'c:14090', logLevel: 'info' }
const pods: Mutate = (write) => mutatePod(write, injection)
const status = (phase: 'adopting' | 'idle' | 'active') => writeTargetStatus({ phase, canary: 'myapp', appPort: 8080 })

interface Shape {
  readonly replicas?: number
  readonly image?: string
  readonly annotations?: JsonObject
  readonly marked?: boolean
}
const deployment = ({ replicas = 3, image = 'myapp:1', annotations = {}, marked = false }: Shape = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'myapp', namespace: 'shop', annotations: { 'kinglet.sh/canary': 'enabled', ...annotations } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'myapp' } },
    template: {
      metadata: marked ? { labels: { app: 'myapp', 'kinglet.sh/inject': 'true' }, annotations: { 'kinglet.sh/app-port': '8080' } } : { labels: { app: 'myapp' } },
      spec: { containers: [{ name: 'app', image }] },
    },
  },
})
const idle = (shape: Shape = {}) => deployment({ replicas: 0, ...shape, annotations: { 'kinglet.sh/status': status('idle'), ...shape.annotations } })
const active = (shape: Shape = {}) => deployment({ replicas: 2, marked: true, ...shape, annotations: { 'kinglet.sh/status': status('active'), ...shape.annotations } })
const update = (old: JsonObject, object: JsonObject): Write => ({ operation: 'UPDATE', object, old })
const replicasOf = (object: JsonObject): unknown => valueAt(object, 'spec', 'replicas')
const annotationsOf = (object: JsonObject): JsonObject => objectAt(object, 'metadata', 'annotations')

describe('a write to an idle target', () => {
  it('of the unchanged manifest starts no pod, notes the wish and says one line', () => {
    const { object, warnings } = mutateDeployment(update(idle({ marked: true }), idle({ replicas: 3, marked: true })))
    expect(replicasOf(object)).toBe(0)
    expect(annotationsOf(object)['kinglet.sh/replicas']).toBe('3')
    expect(warnings).toEqual(['kinglet holds deployment myapp at 0 replicas while myapp-primary serves; your 3 is noted in kinglet.sh/replicas'])
  })

  it('of a new revision stores the template as it is, marked for the sidecar', () => {
    const { object, warnings } = mutateDeployment(update(idle(), idle({ replicas: 3, image: 'myapp:2' })))
    expect(warnings).toEqual(['kinglet holds deployment myapp at 0 replicas while myapp-primary serves; your 3 is noted in kinglet.sh/replicas. The new version is released step by step: kubectl get canary myapp -n shop -w'])
    expect(valueAt(object, 'spec', 'template')).toEqual({
      metadata: { labels: { app: 'myapp', 'kinglet.sh/inject': 'true' }, annotations: { 'kinglet.sh/app-port': '8080' } },
      spec: { containers: [{ name: 'app', image: 'myapp:2' }] },
    })
  })

  it('says nothing when nothing is held back', () => {
    const { object, warnings } = mutateDeployment(update(idle({ marked: true }), idle({ marked: true, image: 'myapp:2' })))
    expect(warnings).toEqual([])
    expect(replicasOf(object)).toBe(0)
  })

  it('keeps what the controller knows when the whole object is replaced', () => {
    const { object } = mutateDeployment(update(idle({ marked: true }), deployment()))
    expect(annotationsOf(object)['kinglet.sh/status']).toBe(status('idle'))
  })

  it('may take the opt-in away', () => {
    const { object } = mutateDeployment(update(idle({ marked: true }), idle({ marked: true, annotations: { 'kinglet.sh/canary': 'disabled' } })))
    expect(annotationsOf(object)['kinglet.sh/canary']).toBe('disabled')
  })
})

describe('a write to a target under analysis', () => {
  it('leaves the replicas to the controller and notes the wish', () => {
    const { object, warnings } = mutateDeployment(update(active(), active({ replicas: 5, image: 'myapp:3' })))
    expect(replicasOf(object)).toBe(2)
    expect(annotationsOf(object)['kinglet.sh/replicas']).toBe('5')
    expect(warnings).toHaveLength(1)
  })

  it('does not replace its pods by marking a template that has not changed', () => {
    const old = active({ marked: false })
    expect(mutateDeployment(update(old, structuredClone(old))).object).toEqual(old)
  })

  it('puts the mark back when the whole object is replaced', () => {
    const { object } = mutateDeployment(update(active(), active({ marked: false })))
    expect(valueAt(object, 'spec', 'template')).toEqual(valueAt(active(), 'spec', 'template'))
  })
})

describe('annotations that cannot be read', () => {
  const warningsOf = (object: JsonObject): readonly string[] => mutateDeployment({ operation: 'CREATE', object, old: undefined }).warnings
  const withTemplate = (annotations: JsonObject): JsonObject => ({ ...deployment(), spec: { template: { metadata: { annotations } } } })

  it.each<[string, JsonObject, string]>([
    ['a setting', deployment({ annotations: { 'kinglet.sh/interval': 'soon' } }), 'annotation kinglet.sh/interval: "soon" is not a duration of at least 1s, such as 30s or 1m30s. Correct or remove the annotation kinglet.sh/interval.'],
    ['a misspelt key', deployment({ annotations: { 'kinglet.sh/intervall': '5s' } }), 'annotation kinglet.sh/intervall: it means nothing on a Deployment. Perhaps kinglet.sh/interval is meant.'],
    ['a setting of the sidecar', withTemplate({ 'kinglet.sh/proxy-max-body': '10 MB' }), 'annotation kinglet.sh/proxy-max-body: "10 MB" is not a number of bytes such as 65536, 64Ki or 10Mi, or 0 for any. Correct or remove it: the default is used until then.'],
    ['one that belongs on the template', deployment({ annotations: { 'kinglet.sh/proxy-max-body': '1Mi' } }), 'annotation kinglet.sh/proxy-max-body: it means nothing on a Deployment. Set it in spec.template.metadata.annotations.'],
  ])('%s: kubectl shows the key and the remedy', (_which, object, text) => expect(warningsOf(object)).toEqual([`kinglet: Deployment myapp, ${text}`]))
})

describe('an opting out', () => {
  it('is not answered with what is wrong about settings', () => {
    const wrong = deployment({ annotations: { 'kinglet.sh/interval': 'soon' } })
    const left = { ...wrong, metadata: { name: 'myapp', annotations: { 'kinglet.sh/interval': 'soon' } } }
    expect(mutateDeployment(update(wrong, left)).warnings).toEqual([])
  })
})

describe('a write that is none of our business', () => {
  it.each<[string, Write]>([
    ['creation keeps its replicas', { operation: 'CREATE', object: deployment(), old: undefined }],
    ['a Deployment without a status', update(deployment(), deployment({ replicas: 5 }))],
    ['a target that is being adopted', update(deployment({ annotations: { 'kinglet.sh/status': status('adopting') } }), deployment({ replicas: 5, annotations: { 'kinglet.sh/status': status('adopting') } }))],
    ['a status that cannot be read', update(deployment({ annotations: { 'kinglet.sh/status': '{' } }), deployment({ replicas: 5, annotations: { 'kinglet.sh/status': '{' } }))],
  ])('%s', (_case, write) => expect(mutateDeployment(write)).toEqual({ object: write.object, warnings: [] }))

  it('a copy does not bring the status of its original along', () => {
    const { object } = mutateDeployment({ operation: 'CREATE', object: idle({ replicas: 3 }), old: undefined })
    expect(annotationsOf(object)).toEqual({ 'kinglet.sh/canary': 'enabled' })
    expect(replicasOf(object)).toBe(3)
  })
})

const record = {
  canary: 'myapp',
  desired: { selector: { app: 'myapp-primary' }, targetPorts: { '80': 'kinglet-route' } },
  original: { selector: { app: 'myapp' }, targetPorts: { '80': 8080 } },
}
const service = (selector: JsonObject, ports: readonly JsonObject[], annotation: string | undefined = writeManagedService(record)): JsonObject => ({
  metadata: { name: 'myapp', annotations: annotation === undefined ? {} : { 'kinglet.sh/managed-service': annotation } },
  spec: { type: 'LoadBalancer', selector, ports },
})
const managed = service({ app: 'myapp-primary' }, [{ port: 80, targetPort: 'kinglet-route', nodePort: 30080 }])
const originalOf = (object: JsonObject): unknown => (JSON.parse(stringAt(object, 'metadata', 'annotations', 'kinglet.sh/managed-service') ?? '{}') as JsonObject)['original']

describe('a write to a Service that Kinglet manages', () => {
  it('of the old manifest keeps clients where they are served, without a word: it asks for nothing new', () => {
    const { object, warnings } = mutateService(update(managed, service({ app: 'myapp' }, [{ port: 80, targetPort: 8080, nodePort: 30080 }])))
    expect(object).toEqual(managed)
    expect(warnings).toEqual([])
  })

  it('notes a new wish for the day when Kinglet leaves', () => {
    const { object, warnings } = mutateService(update(managed, service({ app: 'myapp', tier: 'web' }, [{ port: 80, targetPort: 9090 }])))
    expect(warnings).toEqual(['kinglet keeps the selector and target ports of service myapp while canary myapp manages it'])
    expect(objectAt(object, 'spec', 'selector')).toEqual({ app: 'myapp-primary' })
    expect(originalOf(object)).toEqual({ selector: { app: 'myapp', tier: 'web' }, targetPorts: { '80': 9090 } })
  })

  it('does not take our own selector for a wish', () => {
    const { object } = mutateService(update(managed, service({ app: 'myapp-primary', tier: 'web' }, [{ port: 80, targetPort: 'kinglet-route' }])))
    expect(originalOf(object)).toEqual(record.original)
  })

  it('lets everything else through', () => {
    const wanted = { ...service({ app: 'myapp-primary' }, [{ port: 80, targetPort: 'kinglet-route' }, { port: 9000, targetPort: 9000 }]) }
    expect(mutateService(update(managed, wanted))).toEqual({ object: wanted, warnings: [] })
  })

  it('puts the record back when the whole object is replaced', () => {
    const { object } = mutateService(update(managed, service({ app: 'myapp' }, [{ port: 80, targetPort: 8080 }], '')))
    expect(annotationsOf(object)).toEqual(annotationsOf(managed))
  })

  it('leaves a Service alone that it does not know', () => {
    const plain = service({ app: 'x' }, [{ port: 80 }], 'nonsense')
    expect(mutateService(update(plain, plain))).toEqual({ object: plain, warnings: [] })
  })
})

const pod: JsonObject = {
  metadata: { generateName: 'myapp-', labels: { 'kinglet.sh/inject': 'true' }, annotations: { 'kinglet.sh/app-port': '8080' } },
  spec: { containers: [{ name: 'app', image: 'myapp:1' }] },
}
describe('a new pod', () => {
  it('that asks for it gets the sidecar', () =>
    expect(listAt(pods({ operation: 'CREATE', object: pod, old: undefined }).object, 'spec', 'initContainers')).toMatchObject([{ name: 'kinglet-proxy' }]))
  it('that cannot have it starts without, and the reason is said', () => {
    const object = { ...pod, spec: { ...objectAt(pod, 'spec'), hostNetwork: true } }
    const mutation = pods({ operation: 'CREATE', object, old: undefined })
    expect(mutation.object).toBe(object)
    expect(mutation.warnings).toEqual([expect.stringContaining('hostNetwork')])
  })
  it('that does not ask is left alone', () => {
    const object = { ...pod, metadata: { labels: {} } }
    expect(pods({ operation: 'CREATE', object, old: undefined }).object).toBe(object)
  })
})

describe('the annotation that opts in, where nobody reads it', () => {
  const annotated = (kind: string, value = 'enabled'): JsonObject => ({ kind, metadata: { name: 'web', annotations: { 'kinglet.sh/canary': value } } })
  const warningsOf = (object: JsonObject): readonly string[] => noticeMisplaced({ operation: 'CREATE', object, old: undefined }).warnings
  const onTemplate = (object: JsonObject): JsonObject => ({ kind: 'Deployment', ...object, spec: { template: { metadata: { annotations: { 'kinglet.sh/canary': 'enabled' } } } } })

  it.each([
    ['StatefulSet', 'only Deployments are released step by step. Remove it, or run this app as a Deployment'],
    ['DaemonSet', 'only Deployments are released step by step. Remove it, or run this app as a Deployment'],
    ['CronJob', 'only Deployments are released step by step. Remove it, or run this app as a Deployment'],
    ['Pod', 'annotate the Deployment that makes its pods'],
    ['Service', 'annotate the Deployment behind it'],
    ['Namespace', 'annotate each Deployment in it'],
  ])('is told on a %s, with the remedy', (kind, remedy) => expect(warningsOf(annotated(kind))).toEqual([`kinglet: annotation kinglet.sh/canary on ${kind} web has no effect: ${remedy}`]))

  it('is told on a pod template', () =>
    expect(warningsOf(onTemplate({ metadata: { name: 'web' } }))).toEqual(['kinglet: annotation kinglet.sh/canary on the pod template of Deployment web has no effect: set it in metadata.annotations of the Deployment itself']))

  it.each([
    ['where it asks for nothing', annotated('StatefulSet', 'disabled')],
    ['on a Deployment', annotated('Deployment')],
    ['on a Deployment and its template', onTemplate({ metadata: { annotations: { 'kinglet.sh/canary': 'enabled' } } })],
    ['where there is none', { kind: 'StatefulSet', metadata: { name: 'web' } }],
  ])('is not told %s', (_where, object) => expect(warningsOf(object)).toEqual([]))
})

describe('an AdmissionReview', () => {
  const review = (request: JsonObject): JsonObject => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u1', operation: 'UPDATE', ...request } })
  const ask = (request: JsonObject, mutate: Mutate = mutateDeployment) => {
    const question = readReview(review(request))
    if (!question) throw new Error('not a review')
    return answer(question, mutate, 'system:serviceaccount:kinglet-system:kinglet-controller')
  }

  it('of a Service with three thousand ports is answered like any other', () => {
    const ports = (main: string | number): readonly JsonObject[] => [...Array.from({ length: 3000 }, (_none, index) => ({ port: 1000 + index, targetPort: 1000 + index })), { port: 80, targetPort: main }]
    const [old, object] = [service({ app: 'myapp-primary' }, ports('kinglet-route')), service({ app: 'myapp' }, ports(8080))]
    const result = ask({ object, oldObject: old }, mutateService)
    expect(result.fault).toBeUndefined()
    const operations = JSON.parse(Buffer.from(stringAt(result.review, 'response', 'patch') ?? '', 'base64').toString()) as Parameters<typeof jsonpatch.applyPatch>[1]
    expect(jsonpatch.applyPatch(structuredClone(object), operations, true).newDocument).toEqual(old)
  })

  it('with nothing to do gets no patch', () =>
    expect(ask({ object: deployment(), oldObject: deployment() }).review['response']).toEqual({ uid: 'u1', allowed: true }))
  it('of who is exempt passes unseen', () => {
    const userInfo = { username: 'system:serviceaccount:kinglet-system:kinglet-controller' }
    expect(ask({ object: idle({ replicas: 3 }), oldObject: idle(), userInfo }).changes).toBe(0)
  })
  it('that trips over a defect of ours passes with a warning', () => {
    const result = ask({ kind: { kind: 'Deployment' }, object: {} }, () => {
      throw new RangeError('too deep')
    })
    expect(result.review['response']).toEqual({ uid: 'u1', allowed: true, warnings: ['kinglet could not look at this Deployment; it was stored as it is'] })
    expect(result.fault).toBe('too deep')
  })
  it.each([undefined, null, 1, 'x', [], {}, { kind: 'AdmissionReview' }, { kind: 'AdmissionReview', request: {} }, { kind: 'Pod', request: { uid: 'x' } }])('%j is none', (body) =>
    expect(readReview(body)).toBeUndefined())
})

describe('for any write', () => {
  const anyStatus = fc.constantFrom(undefined, status('adopting'), status('idle'), status('active'), '{}', 'x')
  const anyAnnotations = fc.record({ 'kinglet.sh/canary': fc.constantFrom('enabled', 'disabled'), 'kinglet.sh/status': anyStatus, 'kinglet.sh/replicas': fc.constantFrom('1', 'x'), other: fc.string({ maxLength: 3 }) }, { requiredKeys: [] })
  const defined = (object: object): JsonObject => JSON.parse(JSON.stringify(object)) as JsonObject
  const anyDeployment = fc
    .record({ replicas: fc.option(fc.nat(5), { nil: undefined }), image: fc.constantFrom('a', 'b'), marked: fc.boolean(), annotations: anyAnnotations, extra: fc.jsonValue({ maxDepth: 2 }) })
    .map(({ extra, replicas, ...shape }) => defined({ ...deployment(shape as Shape), spec: { ...objectAt(deployment(shape as Shape), 'spec'), replicas, extra } }))
  const anySelector = fc.dictionary(fc.constantFrom('app', 'tier'), fc.constantFrom('myapp', 'myapp-primary', 'x'))
  const anyPort = fc.record({ port: fc.constantFrom(80, 81), targetPort: fc.constantFrom<string | number>(8080, 'http', 'kinglet-route'), name: fc.constantFrom('a', 'b') }, { requiredKeys: ['port'] })
  const anyService = fc
    .record({ selector: anySelector, ports: fc.array(anyPort, { maxLength: 3 }), annotation: fc.constantFrom(undefined, writeManagedService(record), 'x') })
    .map(({ selector, ports, annotation }) => defined({ ...service(selector, ports as JsonObject[], ''), metadata: annotation === undefined ? { name: 's' } : { name: 's', annotations: { 'kinglet.sh/managed-service': annotation } } }))
  const anyPod = fc
    .record({ labelled: fc.boolean(), port: fc.constantFrom('8080', 'x', '14080'), level: fc.oneof(fc.constant('debug'), fc.string({ unit: 'binary', maxLength: 400 })), spec: fc.record({ containers: fc.array(fc.record({ name: fc.constantFrom('a', 'kinglet-proxy') }), { maxLength: 2 }), volumes: fc.array(fc.record({ name: fc.string({ maxLength: 2 }) }), { maxLength: 2 }) }) })
    .map(({ labelled, port, level, spec }) => defined({ metadata: { ...(labelled ? { labels: { 'kinglet.sh/inject': 'true' } } : {}), annotations: { 'kinglet.sh/app-port': port, 'kinglet.sh/proxy-log-level': level } }, spec }))

  const anyMisplaced = fc
    .record({ kind: fc.constantFrom('StatefulSet', 'Deployment', 'x'), name: fc.string({ unit: 'binary', maxLength: 400 }), value: fc.string({ maxLength: 3 }) })
    .map(({ kind, name, value }): JsonObject => ({ kind, metadata: { name, annotations: { 'kinglet.sh/canary': value } } }))

  const cases: readonly [string, Mutate, fc.Arbitrary<Write>][] = [
    ['deployments', mutateDeployment, fc.record({ operation: fc.constantFrom('CREATE', 'UPDATE'), object: anyDeployment, old: fc.option(anyDeployment, { nil: undefined }) })],
    ['services', mutateService, fc.record({ operation: fc.constant('UPDATE'), object: anyService, old: fc.option(anyService, { nil: undefined }) })],
    ['pods', pods, fc.record({ operation: fc.constant('CREATE'), object: anyPod, old: fc.constant(undefined) })],
    ['misplaced', noticeMisplaced, fc.record({ operation: fc.constant('CREATE'), object: anyMisplaced, old: fc.constant(undefined) })],
  ]

  it.each(cases)('%s: the second pass changes nothing and says nothing', (_name, mutate, writes) =>
    fc.assert(
      fc.property(writes, (write) => {
        const first = mutate(write).object
        const second = mutate({ ...write, object: first })
        expect(second.object).toEqual(first)
        // What cannot be read is said each time.
        if (mutate !== pods && mutate !== noticeMisplaced) expect(second.warnings.filter((text) => !text.startsWith('kinglet: Deployment'))).toEqual([])
      }),
    ))

  it.each(cases)('%s: the patch, applied by another implementation, gives the object', (_name, mutate, writes) =>
    fc.assert(
      fc.property(writes, fc.boolean(), (write, dryRun) => {
        const request = { uid: 'u', operation: write.operation, object: write.object, ...(write.old ? { oldObject: write.old } : {}), dryRun }
        const question = readReview({ kind: 'AdmissionReview', request })
        if (!question) throw new Error('not a review')
        const result = answer(question, mutate)
        const patch = stringAt(result.review, 'response', 'patch')
        const operations = patch === undefined ? [] : (JSON.parse(Buffer.from(patch, 'base64').toString()) as jsonpatch.Operation[])
        expect(operations.length === 0).toBe(patch === undefined)
        const patched = jsonpatch.applyPatch(structuredClone(write.object), operations, true).newDocument
        expect(patched).toEqual(mutate(write).object)
        // The dry run is the real run, and the same question has the same answer.
        expect(answer({ ...question, dryRun: !dryRun }, mutate)).toEqual(result)
      }),
    ))

  it.each(cases)('%s: every warning fits one line of the API server', (_name, mutate, writes) =>
    fc.assert(
      fc.property(writes, ({ operation, object, old }) => {
        const question = readReview({ kind: 'AdmissionReview', request: { uid: 'u', operation, object, ...(old ? { oldObject: old } : {}) } })
        if (!question) throw new Error('not a review')
        return answer(question, mutate).warnings.every((text) => text.length <= 250 && /^[\x20-\x7e]*$/.test(text))
      }),
    ))

  it('deployments: what the user wrote into the template is stored', () =>
    fc.assert(
      fc.property(anyDeployment, anyDeployment, (old, object) => {
        const { object: stored } = mutateDeployment(update(old, object))
        expect(valueAt(stored, 'spec', 'template', 'spec')).toEqual(valueAt(object, 'spec', 'template', 'spec'))
      }),
    ))
})
