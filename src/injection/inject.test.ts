import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, listAt, objectAt, valueAt, type JsonObject } from '../base/json.ts'
import { injectPod, sidecarNodeFlags, type InjectionConfig, type PodLike } from './inject.ts'
import { parseQuantity } from './resources.ts'

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
    expect(sidecar['command']).toEqual(['node', ...sidecarNodeFlags, '/app/dist/kinglet.js'])
  })

  it('names the three ports that Services select by', () =>
    expect(listAt(injected(pod()).sidecar, 'ports')).toEqual([
      { name: 'kinglet-route', containerPort: 14080, protocol: 'TCP' },
      { name: 'kinglet-direct', containerPort: 14081, protocol: 'TCP' },
      { name: 'kinglet-admin', containerPort: 14082, protocol: 'TCP' },
    ]))

  it('tells it where the app is', () =>
    expect(listAt(injected(pod({}, { 'kinglet.sh/app-port': '9898' })).sidecar, 'env')).toContainEqual({ name: 'KINGLET_APP', value: '127.0.0.1:9898' }))

  it.each([
    ['debug', 'debug', 0],
    ['loud', 'info', 1],
  ])('logs at the level of the annotation if there is such a level: %s', (text, level, warned) => {
    const { sidecar, warnings } = injected(pod({}, { 'kinglet.sh/proxy-log-level': text }))
    expect(listAt(sidecar, 'env')).toContainEqual({ name: 'KINGLET_LOG_LEVEL', value: level })
    expect(warnings).toHaveLength(warned)
  })

  it.each([
    ['protocol', 'KINGLET_PROTOCOL', 'tcp'],
    ['proxy-forwarded', 'KINGLET_FORWARDED', 'overwrite'],
    ['proxy-request-id', 'KINGLET_REQUEST_ID', 'make'],
  ])('tells it what the annotation %s says, and names a value that means nothing', (key, name, value) => {
    const told = (text: string) => {
      const { sidecar, warnings } = injected(pod({}, { [`kinglet.sh/${key}`]: text }))
      return { value: valueAt(listAt(sidecar, 'env').find((one) => valueAt(one, 'name') === name), 'value'), warnings }
    }
    expect(told(value)).toEqual({ value, warnings: [] })
    expect(told('quic')).toEqual({ value: undefined, warnings: [expect.stringContaining(`kinglet.sh/${key}: "quic" is neither`)] })
  })

  it.each([
    ['30m', '1800000', 0],
    ['0.5ms', '1', 0],
    ['0', '0', 0],
    ['30', undefined, 1],
    ['99999999h', undefined, 1],
  ])('tells it the greatest age of a connection in milliseconds, and names what is no duration: %s', (text, ms, warned) => {
    const { sidecar, warnings } = injected(pod({}, { 'kinglet.sh/proxy-max-connection-age': text }))
    expect(valueAt(listAt(sidecar, 'env').find((one) => valueAt(one, 'name') === 'KINGLET_MAX_CONNECTION_AGE_MS'), 'value')).toBe(ms)
    expect(warnings).toHaveLength(warned)
  })

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
