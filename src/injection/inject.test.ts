import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, listAt, objectAt, valueAt, type JsonObject } from '../base/json.ts'
import { injectPod, type InjectionConfig, type PodLike } from './inject.ts'
import { parseQuantity } from '../base/quantity.ts'

const config: InjectionConfig = {
  image: 'kinglet:dev',
  imagePullPolicy: 'IfNotPresent',
  caPem: '-----BEGIN CERTIFICATE-----\n',
  controllerAddress: 'kinglet-controller.kinglet-system.svc:14090',
  logLevel: 'info',
}

const pod = (spec: JsonObject = {}, annotations: JsonObject = {}): PodLike => ({
  metadata: { labels: { app: 'myapp', 'kinglet.sh/inject': 'true' }, annotations: { 'kinglet.sh/app-port': '8080', ...annotations } },
  spec: { containers: [{ name: 'app', image: 'myapp:1', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
})

function injected(input: PodLike, changed: Partial<InjectionConfig> = {}): { readonly pod: PodLike; readonly sidecar: JsonObject; readonly warnings: readonly string[] } {
  const result = injectPod(input, { ...config, ...changed })
  if (result.kind !== 'injected') throw new Error(`not injected: ${JSON.stringify(result)}`)
  const sidecar = listAt(result.pod.spec, 'initContainers')[0]
  if (!isObject(sidecar)) throw new Error('no init container')
  return { pod: result.pod, sidecar, warnings: result.warnings }
}

describe('injecting the sidecar', () => {
  it('puts it first among the init containers, as one that keeps running', () => {
    const { pod: result, sidecar } = injected(pod({ initContainers: [{ name: 'migrate', image: 'm' }] }))
    expect(listAt(result.spec, 'initContainers').map((container) => valueAt(container, 'name'))).toEqual(['kinglet-proxy', 'migrate'])
    expect(sidecar).toMatchObject({ restartPolicy: 'Always', args: ['proxy'], image: 'kinglet:dev' })
    expect(sidecar['command']).toEqual(['/app/dist/kinglet-proxy'])
  })

  it('names the three ports that Services select by', () =>
    expect(listAt(injected(pod()).sidecar, 'ports')).toEqual([
      { name: 'kinglet-route', containerPort: 14080, protocol: 'TCP' },
      { name: 'kinglet-direct', containerPort: 14081, protocol: 'TCP' },
      { name: 'kinglet-admin', containerPort: 14082, protocol: 'TCP' },
    ]))

  it('tells it where the app is', () =>
    expect(listAt(injected(pod({}, { 'kinglet.sh/app-port': '9898' })).sidecar, 'env')).toContainEqual({ name: 'KINGLET_APP', value: '127.0.0.1:9898' }))

  const told = (annotations: JsonObject): { readonly env: JsonObject; readonly warnings: readonly string[] } => {
    const { sidecar, warnings } = injected(pod({}, annotations))
    return { env: Object.fromEntries(listAt(sidecar, 'env').map((one) => [valueAt(one, 'name'), valueAt(one, 'value')])), warnings }
  }

  it.each([
    ['protocol', 'tcp', 'KINGLET_PROTOCOL', 'tcp'],
    ['proxy-log-level', 'debug', 'KINGLET_LOG_LEVEL', 'debug'],
    ['proxy-forwarded', 'overwrite', 'KINGLET_FORWARDED', 'overwrite'],
    ['proxy-request-id', 'make', 'KINGLET_REQUEST_ID', 'make'],
    ['proxy-max-connections', '500', 'KINGLET_MAX_CONNECTIONS', '500'],
    ['proxy-max-body', '10Mi', 'KINGLET_MAX_BODY_BYTES', '10485760'],
    ['proxy-max-body', '0', 'KINGLET_MAX_BODY_BYTES', '0'],
    ['proxy-idle-timeout', '1m30s', 'KINGLET_IDLE_TIMEOUT_MS', '90000'],
    ['proxy-max-connection-age', '0.5ms', 'KINGLET_MAX_CONNECTION_AGE_MS', '1'],
    ['proxy-max-connection-age', '0', 'KINGLET_MAX_CONNECTION_AGE_MS', '0'],
  ])('tells it what the annotation %s: %s says', (key, text, name, value) => expect(told({ [`kinglet.sh/${key}`]: text })).toEqual({ env: expect.objectContaining({ [name]: value }), warnings: [] }))

  it.each([
    ['protocol', 'quic', 'one of http, tcp'],
    ['proxy-log-level', 'loud', 'one of debug, info, warn, error'],
    ['proxy-max-connections', '0', 'a whole number from 1'],
    ['proxy-max-fields', '501', 'a whole number from 1 to 500'],
    ['proxy-max-body', '1.5', 'a number of bytes such as 65536, 64Ki or 10Mi, or 0 for any'],
    ['proxy-idle-timeout', '30', 'a duration such as 75s'],
    ['proxy-idle-timeout', '0', 'a duration such as 75s'],
    ['proxy-max-connection-age', '99999999h', 'a duration such as 30m, or 0 for any'],
  ])('does not tell it what it would not understand, and says so: %s: %s', (key, text, wanted) =>
    expect(told({ [`kinglet.sh/${key}`]: text })).toEqual({ env: told({}).env, warnings: [`annotation kinglet.sh/${key}: "${text}" is not ${wanted}. Correct or remove it: the default is used until then.`] }))

  it.each([
    ['proxy-idle-timeout-ms', 'Perhaps kinglet.sh/proxy-idle-timeout is meant'],
    ['proxy-colour', 'Remove it'],
  ])('names a key that means nothing: %s', (key, remedy) => expect(told({ [`kinglet.sh/${key}`]: '1' }).warnings).toEqual([`annotation kinglet.sh/${key}: it means nothing on a pod template. ${remedy}.`]))

  it('asks for nothing that Pod Security restricted forbids', () =>
    expect(injected(pod()).sidecar['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    }))

  it.each([
    ['the installation says so', pod(), { runAsUser: null }],
    ['OpenShift has assigned a range', pod({}, { 'openshift.io/scc': 'restricted-v2' }), {}],
  ])('names no user where %s', (_case, input, changed) => expect(objectAt(injected(input, changed).sidecar, 'securityContext')).not.toHaveProperty('runAsUser'))

  it('has a token of its own, even where the pod mounts none', () => {
    const { pod: result } = injected(pod({ automountServiceAccountToken: false, volumes: [{ name: 'data', emptyDir: {} }] }))
    expect(listAt(result.spec, 'volumes')[1]).toMatchObject({
      name: 'kinglet-token',
      projected: { sources: [{ serviceAccountToken: { audience: 'kinglet.sh/controller', path: 'token' } }] },
    })
  })

  it('leaves the word of a pod that says what Prometheus should scrape', () => {
    expect(objectAt(injected(pod({}, { 'prometheus.io/scrape': 'false' })).pod.metadata, 'annotations')).not.toHaveProperty('prometheus.io/port')
    expect(objectAt(injected(pod()).pod.metadata, 'annotations')).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': '14082' })
  })

  it('adds pull secrets that are missing', () =>
    expect(injected(pod({ imagePullSecrets: [{ name: 'a' }] }), { imagePullSecrets: ['a', 'b'] }).pod.spec['imagePullSecrets']).toEqual([{ name: 'a' }, { name: 'b' }]))
})

describe('a pod that cannot have a sidecar', () => {
  it.each<[string, PodLike, string]>([
    ['hostNetwork', pod({ hostNetwork: true }), 'hostNetwork'],
    ['Windows', pod({ os: { name: 'windows' } }), 'Windows'],
    ['no app port', pod({}, { 'kinglet.sh/app-port': '' }), 'kinglet.sh/app-port'],
    ['a bad app port', pod({}, { 'kinglet.sh/app-port': '70000' }), 'kinglet.sh/app-port'],
    ['an app at our port', pod({}, { 'kinglet.sh/app-port': '14081' }), '14081'],
    ['a container that declares our port', pod({ containers: [{ name: 'x', ports: [{ containerPort: 14080 }] }] }), 'container x'],
    ['a container with our port name', pod({ containers: [{ name: 'x', ports: [{ name: 'kinglet-route', containerPort: 1 }] }] }), 'kinglet-route'],
    ['a volume with our name', pod({ volumes: [{ name: 'kinglet-token', emptyDir: {} }] }), 'kinglet-token'],
  ])('%s is refused with the reason', (_case, input, word) => {
    const result = injectPod(input, config)
    expect(result.kind).toBe('refused')
    if (result.kind === 'refused') expect(result.reason).toContain(word)
  })

  it.each(['containers', 'initContainers'])('one that has it among its %s is left alone', (field) =>
    expect(injectPod(pod({ [field]: [{ name: 'kinglet-proxy' }] }), config)).toEqual({ kind: 'already' }))
})

const limits = { limits: { cpu: '1', memory: '1Gi' } }

describe('resources of the sidecar', () => {
  it.each<[string, PodLike, JsonObject]>([
    ['defaults', pod(), { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '192Mi' } }],
    [
      'annotations',
      pod({}, { 'kinglet.sh/proxy-cpu-request': '50m', 'kinglet.sh/proxy-cpu-limit': '1', 'kinglet.sh/proxy-memory-request': '80Mi', 'kinglet.sh/proxy-memory-limit': '100Mi' }),
      { requests: { cpu: '50m', memory: '80Mi' }, limits: { cpu: '1', memory: '100Mi' } },
    ],
    ['a request above the default limit raises the limit', pod({}, { 'kinglet.sh/proxy-memory-request': '1Gi' }), { requests: { cpu: '10m', memory: '1Gi' }, limits: { memory: '1Gi' } }],
    ['a limit below the default request lowers the request', pod({}, { 'kinglet.sh/proxy-cpu-limit': '5m' }), { requests: { cpu: '5m', memory: '64Mi' }, limits: { cpu: '5m', memory: '192Mi' } }],
    [
      'a Guaranteed pod stays Guaranteed',
      pod({ containers: [{ name: 'app', resources: { ...limits, requests: { cpu: '1000m', memory: '1Gi' } } }] }),
      { requests: { cpu: '100m', memory: '192Mi' }, limits: { cpu: '100m', memory: '192Mi' } },
    ],
    ['limits alone make a pod Guaranteed too', pod({ containers: [{ name: 'app', resources: limits }] }), { requests: { cpu: '100m', memory: '192Mi' }, limits: { cpu: '100m', memory: '192Mi' } }],
    ['a pod that bounds its containers together', pod({ resources: limits }), {}],
  ])('%s', (_case, input, expected) => expect(injected(input).sidecar['resources']).toEqual(expected))

  it('a value that is no quantity is the default and a warning with the key', () => {
    const { sidecar, warnings } = injected(pod({}, { 'kinglet.sh/proxy-memory-limit': 'lots' }))
    expect(sidecar['resources']).toMatchObject({ limits: { memory: '192Mi' } })
    expect(warnings).toEqual([expect.stringContaining('kinglet.sh/proxy-memory-limit')])
  })

  it.each([
    ['50m', 0.05],
    ['1Ki', 1024],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['-1', undefined],
    ['', undefined],
    ['1 Mi', undefined],
  ])('quantity %j is %s', (text, value) => expect(parseQuantity(text)).toBe(value))
})

describe('for any pod', () => {
  const text = fc.string({ maxLength: 12 })
  const container = fc.record({ name: fc.constantFrom('a', 'b', 'kinglet-proxy'), image: text, ports: fc.array(fc.record({ containerPort: fc.integer({ min: 1, max: 65535 }) }), { maxLength: 2 }) }, { requiredKeys: ['name'] })
  const spec = fc.record({ containers: fc.array(container, { maxLength: 3 }), initContainers: fc.array(container, { maxLength: 2 }), hostNetwork: fc.boolean(), futureField: fc.jsonValue() }, { requiredKeys: ['containers'] })
  const annotations = fc.dictionary(fc.constantFrom('kinglet.sh/app-port', 'kinglet.sh/proxy-cpu-limit', 'kinglet.sh/proxy-log-level', 'x'), fc.oneof(text, fc.constant('8080')))
  const anyPod = fc.record({ metadata: fc.record({ annotations }, { requiredKeys: [] }), spec }) as fc.Arbitrary<PodLike>

  it('the second time changes nothing', () =>
    fc.assert(
      fc.property(anyPod, (input) => {
        const first = injectPod(input, config)
        if (first.kind === 'injected') expect(injectPod(first.pod, config)).toEqual({ kind: 'already' })
      }),
    ))

  it('the same pod gives the same text, and what was there stays, known or not', () =>
    fc.assert(
      fc.property(anyPod, (input) => {
        const first = injectPod(input, config)
        expect(JSON.stringify(injectPod(structuredClone(input), config))).toBe(JSON.stringify(first))
        if (first.kind !== 'injected') return
        const { initContainers, volumes: _volumes, ...rest } = first.pod.spec
        const { initContainers: before, volumes: _before, ...kept } = input.spec
        expect(rest).toEqual(kept)
        expect(initContainers).toEqual([expect.anything(), ...((before as unknown[] | undefined) ?? [])])
        expect(first.pod.metadata['annotations']).toMatchObject(objectAt(input.metadata, 'annotations'))
      }),
    ))
})
