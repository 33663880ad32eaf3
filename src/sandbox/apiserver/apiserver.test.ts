import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type JsonObject, listAt, numberAt, objectAt, stringAt, valueAt } from '../../base/json.ts'
import { createAuthority, issueLeaf } from '../../certs/issue.ts'
import { type ServerFixture, startFixture, tokenIn } from './server-fixture.ts'

/** The server through its raw HTTPS interface. */
let fixture: ServerFixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture.close())

let count = 0
let namespace = ''
/** Each test has a namespace of its own. */
beforeEach(async () => {
  count += 1
  namespace = `app-${count}`
  await fixture.request('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } })
})

const deployments = (): string => `/apis/apps/v1/namespaces/${namespace}/deployments`
const configMaps = (): string => `/api/v1/namespaces/${namespace}/configmaps`
const deployment = (name = 'web', spec: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 80 }] }] } }, ...spec },
})
const messageOf = ({ body }: { readonly body: JsonObject }): string => stringAt(body, 'message') ?? ''

describe('given nobody', () => {
  it('answers health checks alone', async () => {
    const codes = await Promise.all(['/healthz', '/readyz', '/livez', '/api', '/api/v1/pods'].map(async (path) => (await fixture.request('GET', path, { token: '' })).code))
    expect(codes).toEqual([200, 200, 200, 401, 401])
  })
  it('refuses a wrong token', async () => expect((await fixture.request('GET', '/version', { token: 'wrong' })).code).toBe(401))
})

describe('given an object', () => {
  it('creates it with defaults, reads it, and refuses a second one', async () => {
    const created = await fixture.request('POST', deployments(), { body: deployment() })
    expect(created.code).toBe(201)
    expect(created.body['spec']).toMatchObject({ replicas: 1, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } } })
    expect(created.body['metadata']).toMatchObject({ generation: 1, namespace })
    expect(await fixture.request('GET', `${deployments()}/web`)).toMatchObject({ code: 200, body: created.body })
    const again = await fixture.request('POST', deployments(), { body: deployment() })
    expect(again).toMatchObject({ code: 409, body: { kind: 'Status', reason: 'AlreadyExists', message: 'deployments.apps "web" already exists', details: { name: 'web', group: 'apps', kind: 'deployments' } } })
  })

  it('tells what is not there in words that kubectl prints', async () => {
    expect(messageOf(await fixture.request('GET', `${deployments()}/none`))).toBe('deployments.apps "none" not found')
    expect(messageOf(await fixture.request('GET', '/apis/apps/v1/nothings'))).toBe('the server could not find the requested resource')
    expect(messageOf(await fixture.request('POST', `/api/v1/namespaces/none/configmaps`, { body: { metadata: { name: 'a' } } }))).toBe('namespaces "none" not found')
  })

  it('refuses an update that rests on an older version, and lets one without a version through', async () => {
    const { body } = await fixture.request('POST', configMaps(), { body: { metadata: { name: 'a' }, data: { x: '1' } } })
    await fixture.request('PUT', `${configMaps()}/a`, { body: { metadata: { name: 'a' }, data: { x: '2' } } })
    const stale = await fixture.request('PUT', `${configMaps()}/a`, { body: { ...body, data: { x: '3' } } })
    expect(stale).toMatchObject({ code: 409, body: { reason: 'Conflict', message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again' } })
  })

  it('keeps the status out of a write of the object, and the object out of a write of the status', async () => {
    const { body } = await fixture.request('POST', deployments(), { body: deployment() })
    await fixture.request('PUT', `${deployments()}/web/status`, { body: { ...body, spec: { ...objectAt(body, 'spec'), replicas: 9 }, status: { replicas: 4 } } })
    await fixture.request('PATCH', `${deployments()}/web`, { contentType: 'application/merge-patch+json', body: { status: { replicas: 7 }, spec: { replicas: 2 } } })
    const now = (await fixture.request('GET', `${deployments()}/web`)).body
    expect([numberAt(now, 'spec', 'replicas'), numberAt(now, 'status', 'replicas'), numberAt(now, 'metadata', 'generation')]).toEqual([2, 4, 2])
  })

  it('scales through the subresource', async () => {
    await fixture.request('POST', deployments(), { body: deployment() })
    const scaled = await fixture.request('PATCH', `${deployments()}/web/scale`, { contentType: 'application/merge-patch+json', body: { spec: { replicas: 5 } } })
    expect(scaled.body).toMatchObject({ kind: 'Scale', spec: { replicas: 5 }, status: { selector: 'app=web' } })
    expect(numberAt((await fixture.request('GET', `${deployments()}/web`)).body, 'spec', 'replicas')).toBe(5)
  })

  it('changes nothing in a dry run', async () => {
    expect((await fixture.request('POST', `${deployments()}?dryRun=All`, { body: deployment() })).code).toBe(201)
    expect((await fixture.request('GET', `${deployments()}/web`)).code).toBe(404)
  })

  it('deletes with preconditions, and one with finalizers stays until they are gone', async () => {
    const { body } = await fixture.request('POST', configMaps(), { body: { metadata: { name: 'a', finalizers: ['x/y'] } } })
    expect((await fixture.request('DELETE', `${configMaps()}/a`, { body: { preconditions: { uid: 'other' } } })).code).toBe(409)
    const leaving = await fixture.request('DELETE', `${configMaps()}/a`, { body: { preconditions: { uid: stringAt(body, 'metadata', 'uid') } } })
    expect(leaving.body['metadata']).toHaveProperty('deletionTimestamp')
    await fixture.request('PATCH', `${configMaps()}/a`, { contentType: 'application/merge-patch+json', body: { metadata: { finalizers: null } } })
    expect((await fixture.request('GET', `${configMaps()}/a`)).code).toBe(404)
  })

  it('takes the namespace with all that is in it', async () => {
    await fixture.request('POST', deployments(), { body: deployment() })
    await fixture.request('DELETE', `/api/v1/namespaces/${namespace}`)
    expect((await fixture.request('GET', `/api/v1/namespaces/${namespace}`)).code).toBe(404)
    expect(fixture.store.list('apps/deployments', namespace)).toEqual([])
  })
})

describe('given bad input', () => {
  const cases: readonly { readonly what: string; readonly path: () => string; readonly body: JsonObject; readonly code: number; readonly says: string }[] = [
    { what: 'a bad name', path: configMaps, body: { metadata: { name: 'A_b' } }, code: 422, says: 'ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist' },
    { what: 'an unknown field, strictly', path: () => `${deployments()}?fieldValidation=Strict`, body: deployment('web', { replica: 2 }), code: 400, says: 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica"' },
    { what: 'a wrong type', path: deployments, body: deployment('web', { replicas: 'x' }), code: 400, says: 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32' },
    { what: 'a selector that misses the template', path: deployments, body: deployment('web', { selector: { matchLabels: { app: 'other' } } }), code: 422, says: '`selector` does not match template `labels`' },
    { what: 'another kind', path: configMaps, body: { kind: 'Secret', metadata: { name: 'a' } }, code: 400, says: 'Secret' },
    { what: 'a label that is none', path: configMaps, body: { metadata: { name: 'a', labels: { x: 'not good' } } }, code: 422, says: 'metadata.labels: Invalid value: "not good"' },
    { what: 'a Service without ports', path: () => `/api/v1/namespaces/${namespace}/services`, body: { metadata: { name: 'a' }, spec: {} }, code: 422, says: 'spec.ports: Required value' },
    { what: 'a pod with a mount of no volume', path: () => `/api/v1/namespaces/${namespace}/pods`, body: { metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'b', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] } }, code: 422, says: 'spec.containers[0].volumeMounts[0].name: Not found: "v"' },
    { what: 'a pod of an unknown account', path: () => `/api/v1/namespaces/${namespace}/pods`, body: { metadata: { name: 'a' }, spec: { serviceAccountName: 'x', containers: [{ name: 'a', image: 'b' }] } }, code: 403, says: 'serviceaccount "x" not found' },
  ]
  it.each([
    ['exec', 'the sandbox has no exec: its containers are processes of this machine'],
    ['portforward', 'the sandbox forwards no ports; each pod has an address of this machine'],
  ])('says what %s is here', async (subresource, says) => {
    const answer = await fixture.request('POST', `/api/v1/namespaces/${namespace}/pods/p/${subresource}`)
    expect(answer.code).toBe(501)
    expect(messageOf(answer)).toContain(says)
  })

  it.each(cases)('refuses $what with $code', async ({ path, body, code, says }) => {
    const answer = await fixture.request('POST', path(), { body })
    expect(answer.code).toBe(code)
    expect(messageOf(answer)).toContain(says)
  })

  it('warns of an unknown field where that is asked', async () => {
    const answer = await fixture.request('POST', `${deployments()}?fieldValidation=Warn`, { body: deployment('web', { replica: 2 }) })
    expect(answer).toMatchObject({ code: 201, warnings: ['299 - "unknown field \\"spec.replica\\""'] })
  })

  it('keeps a selector and a cluster IP as they are', async () => {
    await fixture.request('POST', deployments(), { body: deployment() })
    const moved = await fixture.request('PUT', `${deployments()}/web`, { body: deployment('web', { selector: { matchLabels: { app: 'web', more: 'x' } } }) })
    expect(messageOf(moved)).toContain('spec.selector: Invalid value')
    expect(messageOf(moved)).toContain('field is immutable')
    const services = `/api/v1/namespaces/${namespace}/services`
    const { body } = await fixture.request('POST', services, { body: { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } } })
    expect(stringAt(body, 'spec', 'clusterIP')).toMatch(/^127\.96\./)
    const changed = await fixture.request('PATCH', `${services}/web`, { contentType: 'application/merge-patch+json', body: { spec: { clusterIP: '127.96.9.9' } } })
    expect(messageOf(changed)).toContain('may not change once set')
  })
})

describe('given many objects', () => {
  beforeEach(async () => {
    for (const name of ['a', 'b', 'c']) await fixture.request('POST', configMaps(), { body: { metadata: { name, labels: { app: name, tier: name === 'c' ? 'back' : 'front' } } } })
  })
  const names = (body: JsonObject): readonly unknown[] => listAt(body, 'items').map((item) => stringAt(item, 'metadata', 'name'))

  it.each([
    ['labelSelector=tier%3Dfront', ['a', 'b']],
    ['labelSelector=app%20in%20(a,c)', ['a', 'c']],
    ['fieldSelector=metadata.name%3Db', ['b']],
  ])('selects by %s', async (query, expected) => expect(names((await fixture.request('GET', `${configMaps()}?${query}`)).body)).toEqual(expected))

  it('refuses a field that the resource does not offer', async () => expect((await fixture.request('GET', `${configMaps()}?fieldSelector=data.x%3D1`)).code).toBe(400))

  it('pages', async () => {
    const first = (await fixture.request('GET', `${configMaps()}?limit=2`)).body
    const second = (await fixture.request('GET', `${configMaps()}?limit=2&continue=${stringAt(first, 'metadata', 'continue') ?? ''}`)).body
    expect([...names(first), ...names(second)]).toEqual(['a', 'b', 'c', 'kube-root-ca.crt'])
    expect(stringAt(second, 'metadata', 'continue')).toBeUndefined()
  })

  it('shows them as a table', async () => {
    const { body } = await fixture.request('GET', `${configMaps()}?labelSelector=app%3Da`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' })
    expect(listAt(body, 'columnDefinitions').map((column) => stringAt(column, 'name'))).toEqual(['Name', 'Data', 'Age'])
    expect(listAt(body, 'rows')[0]).toMatchObject({ cells: ['a', 0, expect.stringMatching(/s$/)], object: { kind: 'PartialObjectMetadata' } })
  })

  it('deletes a selection', async () => {
    await fixture.request('DELETE', `${configMaps()}?labelSelector=tier%3Dfront`)
    expect(names((await fixture.request('GET', `${configMaps()}?labelSelector=tier`)).body)).toEqual(['c'])
  })
})

describe('given a watch', () => {
  /** The events of a watch up to the one that `isLast` recognizes. */
  const watchUntil = async (query: string, isLast: (event: JsonObject) => boolean): Promise<readonly JsonObject[]> => {
    const events: JsonObject[] = []
    const request = https.get(`${fixture.server.url}${configMaps()}?watch=true&${query}`, { ca: fixture.server.caPem, headers: { authorization: `Bearer ${tokenIn(fixture.server.kubeconfig())}` } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let rest = ''
    for await (const part of response) {
      const lines = `${rest}${String(part)}`.split('\n')
      rest = lines.pop() ?? ''
      events.push(...lines.map((line) => JSON.parse(line) as JsonObject))
      if (events.some(isLast)) break
    }
    request.destroy()
    return events
  }
  const short = (event: JsonObject): string => `${stringAt(event, 'type') ?? ''} ${stringAt(event, 'object', 'metadata', 'name') ?? ''}`
  const create = (name: string, labels: JsonObject = {}) => fixture.request('POST', configMaps(), { body: { metadata: { name, labels } } })

  it('begins with what there is when it names no version', async () => {
    await create('a')
    expect((await watchUntil('', (event) => short(event) === 'ADDED kube-root-ca.crt')).map(short)).toEqual(['ADDED a', 'ADDED kube-root-ca.crt'])
  })

  it('begins after a version, and ends after timeoutSeconds', async () => {
    const { body } = await create('a')
    await create('b')
    await fixture.request('DELETE', `${configMaps()}/a`)
    const events = await watchUntil(`resourceVersion=${stringAt(body, 'metadata', 'resourceVersion') ?? ''}&timeoutSeconds=1`, () => false)
    expect(events.map(short)).toEqual(['ADDED b', 'DELETED a'])
  })

  it('shows an object that leaves the selection as deleted', async () => {
    const { body } = await create('a', { on: 'yes' })
    const patch = { contentType: 'application/merge-patch+json', body: { metadata: { labels: { on: 'no' } } } }
    await fixture.request('PATCH', `${configMaps()}/a`, patch)
    const events = await watchUntil(`resourceVersion=${numberBefore(body)}&labelSelector=on%3Dyes`, (event) => event['type'] === 'DELETED')
    expect(events.map(short)).toEqual(['ADDED a', 'DELETED a'])
  })

  it('sends the initial state, closed by a bookmark, to a client that asks for it', async () => {
    await create('a')
    const events = await watchUntil('sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan', (event) => event['type'] === 'BOOKMARK')
    expect(valueAt(events.at(-1), 'object', 'metadata', 'annotations', 'k8s.io/initial-events-end')).toBe('true')
  })

  it('answers 410 to a version that is forgotten', async () => {
    const { body } = await create('a')
    for (let value = 0; value < 60; value += 1) await fixture.request('PATCH', `${configMaps()}/a`, { contentType: 'application/merge-patch+json', body: { data: { value: String(value) } } })
    const answer = await fixture.request('GET', `${configMaps()}?watch=true&resourceVersion=${numberBefore(body)}`)
    expect(answer).toMatchObject({ code: 410, body: { reason: 'Expired' } })
  })

  const numberBefore = (object: JsonObject): number => Number(stringAt(object, 'metadata', 'resourceVersion')) - 1
})

describe('given patches of each kind', () => {
  beforeEach(() => fixture.request('POST', deployments(), { body: deployment() }))
  const patch = (contentType: string, body: unknown, query = '') => fixture.request('PATCH', `${deployments()}/web${query}`, { contentType, body })

  it('merges containers by name in a strategic merge', async () => {
    const { body } = await patch('application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'app', image: 'app:2' }] } } } })
    expect(listAt(body, 'spec', 'template', 'spec', 'containers')).toMatchObject([{ name: 'app', image: 'app:2', ports: [{ containerPort: 80, protocol: 'TCP' }] }])
  })
  it('follows RFC 6902, and refuses what does not apply', async () => {
    expect(numberAt((await patch('application/json-patch+json', [{ op: 'replace', path: '/spec/replicas', value: 3 }])).body, 'spec', 'replicas')).toBe(3)
    expect((await patch('application/json-patch+json', [{ op: 'test', path: '/spec/replicas', value: 4 }])).code).toBe(422)
  })
  it('refuses other types', async () => expect((await patch('text/plain', {})).code).toBe(415))

  it('owns what it applied, refuses what others own, and takes it by force', async () => {
    const applied = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 4 } }
    await patch('application/merge-patch+json', { spec: { replicas: 2 } }, '?fieldManager=someone')
    const refused = await patch('application/apply-patch+yaml', applied, '?fieldManager=me')
    expect(refused).toMatchObject({ code: 409, body: { message: 'Apply failed with 1 conflict: conflict with "someone" using apps/v1: .spec.replicas', details: { causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas' }] } } })
    const forced = await patch('application/apply-patch+yaml', applied, '?fieldManager=me&force=true')
    expect(numberAt(forced.body, 'spec', 'replicas')).toBe(4)
  })
  it('wants a manager for an apply', async () => expect((await patch('application/apply-patch+yaml', {})).code).toBe(400))
})

describe('given a CustomResourceDefinition', () => {
  const definition: JsonObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gears.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'gears', kind: 'Gear', shortNames: ['gr'], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: 'Teeth', type: 'integer', jsonPath: '.spec.teeth' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', required: ['teeth'], properties: { teeth: { type: 'integer', minimum: 3 }, way: { type: 'string', default: 'left' } }, 'x-kubernetes-validations': [{ rule: "self.way == 'left' || self.teeth < 100", message: 'too many' }] },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  }
  const gears = (): string => `/apis/example.com/v1/namespaces/${namespace}/gears`
  beforeAll(async () => {
    await fixture.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition })
  })

  it('is established and found by discovery, old and aggregated', async () => {
    const { body } = await fixture.request('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gears.example.com')
    expect(listAt(body, 'status', 'conditions').map((condition) => stringAt(condition, 'type'))).toContain('Established')
    expect(listAt((await fixture.request('GET', '/apis/example.com/v1')).body, 'resources')[0]).toMatchObject({ name: 'gears', kind: 'Gear', shortNames: ['gr'], categories: ['all'] })
    const { text } = await fixture.request('GET', '/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })
    expect(text).toContain('"gears"')
    expect((await fixture.request('GET', '/openapi/v3/apis/example.com/v1')).body).toHaveProperty('components')
  })
  it('prunes, defaults, and shows its columns', async () => {
    const { body } = await fixture.request('POST', gears(), { body: { metadata: { name: 'g' }, spec: { teeth: 7, colour: 'red' }, status: { x: 1 } } })
    expect(body['spec']).toEqual({ teeth: 7, way: 'left' })
    expect(body).not.toHaveProperty('status')
    const table = await fixture.request('GET', gears(), { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    expect(listAt(table.body, 'rows')[0]).toMatchObject({ cells: ['g', 7] })
  })
  it.each([
    [{ teeth: 2 }, 'spec.teeth: Invalid value: 2: spec.teeth in body should be greater than or equal to 3'],
    [{}, 'spec.teeth: Required value'],
    [{ teeth: 200, way: 'right' }, 'spec: Invalid value: "object": too many'],
  ])('refuses %j', async (spec, says) => expect(messageOf(await fixture.request('POST', gears(), { body: { metadata: { name: 'bad' }, spec } }))).toContain(says))
})

describe('given rights', () => {
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }] }
  const binding = { metadata: { name: 'reader' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }, subjects: [{ kind: 'ServiceAccount', name: 'default' }] }
  const rbac = (): string => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`

  it('allows a service account what a binding gives it, and no more', async () => {
    const token = fixture.server.tokenIssuer.mint({ namespace, serviceAccount: 'default', audiences: [], expirationSeconds: 600 })
    const refused = await fixture.request('GET', configMaps(), { token })
    expect(refused).toMatchObject({ code: 403, body: { reason: 'Forbidden', message: `configmaps is forbidden: User "system:serviceaccount:${namespace}:default" cannot list resource "configmaps" in API group "" in the namespace "${namespace}"` } })
    await fixture.request('POST', `${rbac()}/roles`, { body: role })
    await fixture.request('POST', `${rbac()}/rolebindings`, { body: binding })
    expect((await fixture.request('GET', configMaps(), { token })).code).toBe(200)
    expect((await fixture.request('POST', configMaps(), { token, body: { metadata: { name: 'a' } } })).code).toBe(403)
    expect((await fixture.request('GET', '/api/v1/namespaces/default/configmaps', { token })).code).toBe(403)
  })

  it('reviews tokens: whose they are, of which pod, and for whom', async () => {
    const { body: pod } = await fixture.request('POST', `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'b' }] } } })
    const uid = stringAt(pod, 'metadata', 'uid') ?? ''
    const token = fixture.server.tokenIssuer.mint({ namespace, serviceAccount: 'default', audiences: ['mine'], expirationSeconds: 600, pod: { name: 'p', uid } })
    const review = async (audiences: readonly string[]) => (await fixture.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec: { token, audiences } } })).body
    expect((await review(['mine']))['status']).toMatchObject({ authenticated: true, audiences: ['mine'], user: { username: `system:serviceaccount:${namespace}:default`, extra: { 'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': [uid] } } })
    expect((await review(['other']))['status']).toMatchObject({ authenticated: false })
    expect((await fixture.request('GET', configMaps(), { token })).code).toBe(401)
    await fixture.request('DELETE', `/api/v1/namespaces/${namespace}/pods/p`)
    expect((await review(['mine']))['status']).toMatchObject({ authenticated: false })
  })

  it('gives every pod its account and a projected token', async () => {
    const { body } = await fixture.request('POST', `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { generateName: 'p-' }, spec: { containers: [{ name: 'a', image: 'b' }] } } })
    expect(stringAt(body, 'spec', 'serviceAccountName')).toBe('default')
    expect(listAt(body, 'spec', 'containers')[0]).toMatchObject({ volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }] })
    expect(body['status']).toMatchObject({ phase: 'Pending', qosClass: 'BestEffort' })
  })
})

describe('given a pod with a log', () => {
  const evict = (body: JsonObject = {}) => fixture.request('POST', `/api/v1/namespaces/${namespace}/pods/p/eviction`, { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', namespace }, ...body } })
  const causesOf = ({ body }: { readonly body: JsonObject }) => listAt(body, 'details', 'causes').map((cause) => stringAt(cause, 'message'))
  const runs = (name: string) =>
    fixture.request('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { contentType: 'application/merge-patch+json', body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } })
  beforeEach(() => fixture.request('POST', `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'b' }], initContainers: [{ name: 'side', image: 'b', restartPolicy: 'Always' }] } } }))
  it('streams a container, and asks which one if there are several', async () => {
    const log = `/api/v1/namespaces/${namespace}/pods/p/log`
    expect((await fixture.request('GET', `${log}?container=a`)).text).toBe('p/a: one\ntwo\n')
    expect(messageOf(await fixture.request('GET', log))).toBe('a container name must be specified for pod p, choose one of: [a] or one of the init containers: [side]')
  })
  it('is evicted', async () => {
    expect((await evict()).code).toBe(201)
    expect((await fixture.request('GET', `/api/v1/namespaces/${namespace}/pods/p`)).code).toBe(404)
    expect((await evict()).code).toBe(404)
  })
  it('is evicted only as the pod that is meant', async () => {
    expect((await evict({ deleteOptions: { preconditions: { uid: 'another' } } })).code).toBe(409)
  })
  it('is not evicted where a PodDisruptionBudget keeps it, until it may go; then the budget is used up at once', async () => {
    await runs('p')
    const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`
    expect((await fixture.request('POST', budgets, { body: { metadata: { name: 'keep' }, spec: { minAvailable: 1, selector: { matchLabels: {} } } } })).code).toBe(201)
    expect(causesOf(await evict())).toEqual(['The disruption budget keep is still being processed by the server.'])
    const allow = (disruptionsAllowed: number) =>
      fixture.request('PATCH', `${budgets}/keep/status`, { contentType: 'application/merge-patch+json', body: { status: { observedGeneration: 1, expectedPods: 2, desiredHealthy: 1, currentHealthy: 1, disruptionsAllowed } } })
    await allow(0)
    const refused = await evict()
    expect([refused.code, messageOf(refused)]).toEqual([429, "Cannot evict pod as it would violate the pod's disruption budget."])
    expect(causesOf(refused)).toEqual(['The disruption budget keep needs 1 healthy pods and has 1 currently'])
    await allow(1)
    expect((await evict()).code).toBe(201)
    expect(numberAt((await fixture.request('GET', `${budgets}/keep`)).body, 'status', 'disruptionsAllowed')).toBe(0)
  })
})

describe('given events of both APIs', () => {
  it('shows one event under both names of its fields', async () => {
    const event = { metadata: { name: 'e', namespace }, regarding: { kind: 'Pod', name: 'p', namespace }, note: 'it happened', reason: 'Because', type: 'Normal', eventTime: '2026-01-02T03:04:05.000000Z', reportingController: 'c', reportingInstance: 'i', action: 'Act' }
    expect((await fixture.request('POST', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, { body: event })).code).toBe(201)
    const listed = await fixture.request('GET', `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod`)
    expect(listAt(listed.body, 'items')).toMatchObject([{ message: 'it happened', involvedObject: { name: 'p' }, reportingComponent: 'c' }])
  })
})

describe('given mutating and validating webhooks', () => {
  const calls: JsonObject[] = []
  let respond: (request: JsonObject) => JsonObject = () => ({ allowed: true })
  let webhookServer: https.Server
  let caBundle = ''
  let port = 0

  beforeAll(async () => {
    const authority = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    const leaf = await issueLeaf(authority, { names: ['hook.hooks.svc', '127.0.0.1'], validMs: 3_600_000, now: Date.now() })
    caBundle = Buffer.from(authority.certPem).toString('base64')
    webhookServer = https.createServer({ cert: leaf.certPem, key: leaf.keyPem }, (request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const review = JSON.parse(Buffer.concat(parts).toString('utf8')) as JsonObject
        calls.push(objectAt(review, 'request'))
        if (request.url?.startsWith('/hang') === true) return
        const answer = respond(objectAt(review, 'request'))
        response.end(JSON.stringify({ ...review, request: undefined, response: { uid: stringAt(review, 'request', 'uid'), ...answer } }))
      })
    })
    webhookServer.listen(0, '127.0.0.1')
    await once(webhookServer, 'listening')
    port = (webhookServer.address() as AddressInfo).port
    await fixture.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'hooks' } } })
    await fixture.request('POST', '/api/v1/namespaces/hooks/services', { body: { metadata: { name: 'hook' }, spec: { ports: [{ port: 443, targetPort: port }] } } })
    fixture.store.create('discovery.k8s.io/endpointslices', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      metadata: { name: 'hook-1', namespace: 'hooks', labels: { 'kubernetes.io/service-name': 'hook' } },
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      ports: [{ name: '', port, protocol: 'TCP' }],
    })
  })
  afterAll(() => {
    webhookServer.closeAllConnections()
    webhookServer.close()
  })
  beforeEach(async () => {
    calls.length = 0
    respond = () => ({ allowed: true })
    await fixture.request('DELETE', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations')
    await fixture.request('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations')
  })

  const webhook = (more: JsonObject = {}): JsonObject => ({
    name: 'a.hooks.example.com',
    rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }],
    clientConfig: { service: { namespace: 'hooks', name: 'hook', path: '/mutate' }, caBundle },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: 2,
    ...more,
  })
  const install = async (kind: 'Mutating' | 'Validating', ...webhooks: readonly JsonObject[]): Promise<void> => {
    const answer = await fixture.request('POST', `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`, { body: { metadata: { name: `${kind.toLowerCase()}-test` }, webhooks } })
    expect(answer.code).toBe(201)
  }
  const patchOf = (...operations: readonly JsonObject[]): JsonObject => ({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') })
  const setReplicas = (value: number): JsonObject => ({ op: 'replace', path: '/spec/replicas', value })

  it('calls a Service by its own name, applies the patch and passes on the warning', async () => {
    await install('Mutating', webhook())
    respond = () => ({ ...patchOf(setReplicas(7)), warnings: ['seven it is'] })
    const created = await fixture.request('POST', deployments(), { body: deployment() })
    expect(created).toMatchObject({ code: 201, warnings: ['299 - "seven it is"'], body: { spec: { replicas: 7 } } })
    expect(calls[0]).toMatchObject({ operation: 'CREATE', namespace, name: 'web', oldObject: null, dryRun: false, kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, resource: { group: 'apps', version: 'v1', resource: 'deployments' }, userInfo: { username: 'kubernetes-admin' } })
    expect(objectAt(calls[0], 'object', 'spec')['replicas']).toBe(1)
  })

  it('does so in a dry run, and by URL', async () => {
    await install('Mutating', webhook({ clientConfig: { url: `https://127.0.0.1:${port}/x`, caBundle } }))
    respond = () => patchOf(setReplicas(7))
    const answer = await fixture.request('POST', `${deployments()}?dryRun=All`, { body: deployment() })
    expect(numberAt(answer.body, 'spec', 'replicas')).toBe(7)
    expect(calls[0]).toMatchObject({ dryRun: true })
  })

  it('leaves the fields of the applier to the applier when a webhook changes them', async () => {
    await install('Mutating', webhook())
    respond = () => patchOf(setReplicas(7))
    const apply = () => fixture.request('PATCH', `${deployments()}/web?fieldManager=me`, { contentType: 'application/apply-patch+yaml', body: deployment('web', { replicas: 2 }) })
    const first = await apply()
    expect(numberAt(first.body, 'spec', 'replicas')).toBe(7)
    const second = await apply()
    expect(second.code).toBe(200)
    expect(stringAt(second.body, 'metadata', 'resourceVersion')).toBe(stringAt(first.body, 'metadata', 'resourceVersion'))
  })

  const skipped: readonly { readonly what: string; readonly more: () => JsonObject }[] = [
    { what: 'another namespace', more: () => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } }) },
    { what: 'another label', more: () => ({ objectSelector: { matchLabels: { wanted: 'yes' } } }) },
    { what: 'another operation', more: () => ({ rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['DELETE'], resources: ['deployments'] }] }) },
    { what: 'another scope', more: () => ({ rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'], scope: 'Cluster' }] }) },
    { what: 'a condition that is false', more: () => ({ matchConditions: [{ name: 'c', expression: 'has(object.metadata.annotations)' }] }) },
    { what: 'a false condition beside one that fails', more: () => ({ matchConditions: [{ name: 'broken', expression: 'object.nothing.there' }, { name: 'c', expression: 'false' }] }) },
    { what: 'a condition that fails, with Ignore', more: () => ({ failurePolicy: 'Ignore', matchConditions: [{ name: 'broken', expression: 'object.nothing.there' }] }) },
  ]
  it.each(skipped)('does not call for $what', async ({ more }) => {
    await install('Mutating', webhook(more()))
    expect((await fixture.request('POST', deployments(), { body: deployment() })).code).toBe(201)
    expect(calls).toEqual([])
  })

  it('calls where an old object matched that the new one does not', async () => {
    await fixture.request('POST', deployments(), { body: { ...deployment(), metadata: { name: 'web', labels: { wanted: 'yes' }, annotations: { on: 'yes' } } } })
    await install('Mutating', webhook({ objectSelector: { matchLabels: { wanted: 'yes' } }, matchConditions: [{ name: 'c', expression: "(has(object.metadata.annotations) && 'on' in object.metadata.annotations) || (oldObject != null && has(oldObject.metadata.annotations) && 'on' in oldObject.metadata.annotations)" }] }))
    await fixture.request('PATCH', `${deployments()}/web`, { contentType: 'application/merge-patch+json', body: { metadata: { labels: null, annotations: null } } })
    expect(calls).toMatchObject([{ operation: 'UPDATE', oldObject: { metadata: { labels: { wanted: 'yes' } } } }])
  })

  it('does not call for status and scale, which the rule does not name', async () => {
    await fixture.request('POST', deployments(), { body: deployment() })
    await install('Mutating', webhook())
    await fixture.request('PATCH', `${deployments()}/web/scale`, { contentType: 'application/merge-patch+json', body: { spec: { replicas: 3 } } })
    await fixture.request('PATCH', `${deployments()}/web/status`, { contentType: 'application/merge-patch+json', body: { status: { replicas: 3 } } })
    expect(calls).toEqual([])
  })

  it('fails the request or lets it pass, by policy, when a webhook cannot be reached', async () => {
    const nowhere = { service: { namespace: 'hooks', name: 'gone' }, caBundle }
    await install('Mutating', webhook({ clientConfig: nowhere, failurePolicy: 'Fail' }))
    const refused = await fixture.request('POST', deployments(), { body: deployment() })
    expect(refused.code).toBe(500)
    expect(messageOf(refused)).toBe('Internal error occurred: failed calling webhook "a.hooks.example.com": failed to call webhook: Post "https://gone.hooks.svc:443/?timeout=2s": service "gone" not found')
    await fixture.request('PATCH', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/mutating-test', { contentType: 'application/json-patch+json', body: [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }] })
    expect((await fixture.request('POST', deployments(), { body: deployment() })).code).toBe(201)
  })

  it('asks again when the webhook closed a kept connection meanwhile', async () => {
    await install('Mutating', webhook())
    await fixture.request('POST', deployments(), { body: deployment('one') })
    webhookServer.closeAllConnections()
    expect((await fixture.request('POST', deployments(), { body: deployment('two') })).code).toBe(201)
    expect(calls).toHaveLength(2)
  })

  it('gives up after timeoutSeconds', async () => {
    await install('Mutating', webhook({ timeoutSeconds: 1, clientConfig: { url: `https://127.0.0.1:${port}/hang`, caBundle } }))
    expect(messageOf(await fixture.request('POST', deployments(), { body: deployment() }))).toContain('context deadline exceeded')
  })

  it('trusts the caBundle alone', async () => {
    const other = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    await install('Mutating', webhook({ clientConfig: { service: { namespace: 'hooks', name: 'hook' }, caBundle: Buffer.from(other.certPem).toString('base64') } }))
    expect(messageOf(await fixture.request('POST', deployments(), { body: deployment() }))).toContain('failed to call webhook: Post "https://hook.hooks.svc:443/?timeout=2s"')
  })

  it('calls an earlier webhook again, if it wants, when a later one changed the object', async () => {
    await install('Mutating', webhook({ reinvocationPolicy: 'IfNeeded' }), webhook({ name: 'b.hooks.example.com', clientConfig: { service: { namespace: 'hooks', name: 'hook', path: '/second' }, caBundle } }))
    let turn = 0
    respond = () => {
      turn += 1
      return turn === 2 ? patchOf(setReplicas(5)) : { allowed: true }
    }
    await fixture.request('POST', deployments(), { body: deployment() })
    expect(calls.map((call) => numberAt(call, 'object', 'spec', 'replicas'))).toEqual([1, 1, 5])
  })

  it('lets a validating webhook refuse, with its reason', async () => {
    await install('Validating', webhook())
    respond = () => ({ allowed: false, status: { message: 'not on a Friday', code: 403, reason: 'Forbidden' } })
    const refused = await fixture.request('POST', deployments(), { body: deployment() })
    expect(refused).toMatchObject({ code: 403, body: { message: 'admission webhook "a.hooks.example.com" denied the request: not on a Friday' } })
  })

  it('is not asked about webhook configurations', async () => {
    await install('Mutating', webhook({ failurePolicy: 'Fail', namespaceSelector: {}, rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }], clientConfig: { service: { namespace: 'hooks', name: 'gone' }, caBundle } }))
    expect((await fixture.request('POST', configMaps(), { body: { metadata: { name: 'a' } } })).code).toBe(500)
    expect((await fixture.request('DELETE', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/mutating-test')).code).toBe(200)
  })

  it('sees the pods that controllers in this process make', async () => {
    await install('Mutating', webhook({ rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] }))
    respond = () => patchOf({ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } })
    const pod = await fixture.server.writes.create('/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'web-', namespace }, spec: { containers: [{ name: 'a', image: 'b' }] } }, 'system:serviceaccount:kube-system:replicaset-controller')
    expect(objectAt(pod, 'metadata', 'labels')).toEqual({ seen: 'yes' })
    expect(calls[0]).toMatchObject({ userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' } })
    expect(stringAt(pod, 'metadata', 'name')).toMatch(/^web-.{5}$/)
  })
})
