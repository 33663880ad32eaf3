import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { createLogger } from '../runtime/log.ts'
import { MemoryStore } from './apiserver/store.ts'
import { startControllers } from './controllers/controllers.ts'
import { startKubelet, type Kubelet } from './kubelet/kubelet.ts'
import { startReaper, type Reaper } from './kubelet/reaper.ts'
import { claimBlock, type AddressBlock } from './network/addresses.ts'
import { startNetwork, type Network } from './network/network.ts'
import { findProgramFiles } from './program-files.ts'

/** Pods as processes, on the bare store: no API server stands between. */
let dir = ''
const store = new MemoryStore()
let block: AddressBlock
let reaper: Reaper
let network: Network
let kubelet: Kubelet
let controllers: ReturnType<typeof startControllers>
const logger = createLogger('error')

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kinglet-pods-'))
  reaper = startReaper(undefined)
  block = await claimBlock(Math.floor(Math.random() * 128))
  const files = findProgramFiles()
  network = startNetwork({ store, dir, logger })
  kubelet = startKubelet({ store, tokens: { mint: () => 'token' }, caPem: 'PEM', block, images: files.images, reaper, root: dir, namesFile: network.namesFile, preload: files.preload, logger })
  controllers = startControllers({ store, writes: { create: (resource, object) => Promise.resolve(store.create(resource, object)) }, logger })
})

afterAll(async () => {
  await controllers.stop()
  await kubelet.stop()
  network.stop()
  await reaper.close()
  block.release()
  rmSync(dir, { recursive: true, force: true })
})

const until = async <T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, ms = 20_000): Promise<T> => {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`waited in vain for: ${what}`)
}

const script = (name: string, code: string, more: JsonObject = {}): JsonObject => ({ name, image: 'any', command: ['node', '-e', code], ...more })
const createPod = (name: string, spec: JsonObject): void => {
  store.create('/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: name } }, spec })
}
const pod = (name: string): JsonObject | undefined => store.get('/pods', 'default', name)
const phase = (name: string): string | undefined => stringAt(pod(name), 'status', 'phase')
const container = (name: string, list = 'containerStatuses'): JsonObject => objectAt({ status: listAt(pod(name), 'status', list)[0] }, 'status')
const isReady = (name: string): boolean => listAt(pod(name), 'status', 'conditions').some((condition) => stringAt(condition, 'type') === 'Ready' && stringAt(condition, 'status') === 'True')
const lines = async (name: string, options: { container?: string; previous?: boolean } = {}): Promise<string[]> => {
  const all: string[] = []
  for await (const line of kubelet.access.logs('default', name, { follow: false, ...options }, new AbortController().signal)) all.push(line.trimEnd())
  return all
}
const events = (name: string): string[] => store.list('/events').filter((event) => stringAt(event, 'involvedObject', 'name') === name).map((event) => stringAt(event, 'message') ?? '')
const forever = 'setInterval(() => {}, 1000)'

describe('a pod', () => {
  it('runs its init containers in order, starts sidecars before the app, and ends as Succeeded with its log', async () => {
    createPod('job', {
      restartPolicy: 'Never',
      initContainers: [
        script('one', "require('fs').writeFileSync('/scratch/log', 'one ')"),
        script('side', `require('http').createServer((q, r) => r.end('side')).listen(7000); ${forever}`, { restartPolicy: 'Always', startupProbe: { httpGet: { port: 7000 }, periodSeconds: 1, failureThreshold: 20 } }),
        script('two', "require('fs').appendFileSync('/scratch/log', 'two')"),
      ].map((spec) => ({ ...spec, volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] })),
      containers: [
        script('app', "fetch('http://localhost:7000').then((r) => r.text()).then((text) => console.log(require('fs').readFileSync('/scratch/log', 'utf8'), text))", { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }),
      ],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    })
    await until('the end of the pod', () => phase('job') === 'Succeeded')
    expect(await lines('job', { container: 'app' })).toEqual(['one two side'])
  })

  it('tells its containers who they are', async () => {
    createPod('who', {
      restartPolicy: 'Never',
      serviceAccountName: 'robot',
      containers: [script('app', "console.log(process.env.ME, require('os').hostname(), require('fs').readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8'), process.env.KUBERNETES_SERVICE_HOST)", { env: [{ name: 'ME', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] })],
    })
    await until('the end of the pod', () => phase('who') === 'Succeeded')
    expect(await lines('who')).toEqual([`${stringAt(pod('who'), 'status', 'podIP')} who token ${block.apiAddress}`])
  })

  it('waits for a Secret, says so, and starts when it is there', async () => {
    createPod('late', { containers: [script('app', `console.log(require('fs').readdirSync('/etc/tls').join()); ${forever}`, { volumeMounts: [{ name: 'tls', mountPath: '/etc/tls' }] })], volumes: [{ name: 'tls', secret: { secretName: 'late-tls' } }] })
    await until('the event', () => events('late').includes('MountVolume.SetUp failed for volume "tls" : secret "late-tls" not found'))
    await until('the reason', () => stringAt(container('late'), 'state', 'waiting', 'reason') === 'ContainerCreating')
    store.create('/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late-tls', namespace: 'default' }, data: { 'tls.crt': '' } })
    await until('readiness', () => isReady('late'))
    await until('the log', async () => (await lines('late')).length > 0)
    expect((await lines('late'))[0]).toContain('tls.crt')
  })

  it('is restarted when it crashes, waits in CrashLoopBackOff, and keeps the log of the last run', async () => {
    createPod('crash', { containers: [script('app', "console.log('boom'); process.exit(3)")] })
    await until('back-off', () => stringAt(container('crash'), 'state', 'waiting', 'reason') === 'CrashLoopBackOff')
    expect(container('crash')).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 3, reason: 'Error' } } })
    expect(await lines('crash', { previous: true })).toEqual(['boom'])
    expect(events('crash')).toContain('Back-off restarting failed container app')
  })

  it('is restarted when its liveness probe fails', async () => {
    createPod('sick', { terminationGracePeriodSeconds: 1, containers: [script('app', forever, { livenessProbe: { exec: { command: ['node', '-e', 'process.exit(1)'] }, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 } })] })
    await until('a restart', () => (numberAt(container('sick'), 'restartCount') ?? 0) > 0)
    expect(events('sick')).toEqual(expect.arrayContaining(['Container app failed liveness probe, will be restarted', expect.stringMatching(/^Liveness probe failed/)]))
  })

  it('with an unknown image says which there are', async () => {
    createPod('unknown', { containers: [{ name: 'app', image: 'nginx:1' }] })
    await until('the reason', () => ['ErrImagePull', 'ImagePullBackOff'].includes(stringAt(container('unknown'), 'state', 'waiting', 'reason') ?? ''))
    expect(stringAt(container('unknown'), 'state', 'waiting', 'message')).toContain('podinfo:*')
  })

  it('stops its app first and then its sidecars in reverse, hooks before signals', async () => {
    const say = (name: string) => `console.log('${name} up'); process.on('SIGTERM', () => { require('fs').appendFileSync('/scratch/order', '${name} '); process.exit(0) }); ${forever}`
    const mount = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }
    createPod('orderly', {
      terminationGracePeriodSeconds: 20,
      initContainers: ['s1', 's2'].map((name) => script(name, say(name), { restartPolicy: 'Always', ...mount })),
      containers: [script('app', say('app'), { ...mount, lifecycle: { preStop: { exec: { command: ['node', '-e', "require('fs').appendFileSync('/scratch/order', 'hook ')"] } } } })],
      volumes: [{ name: 'scratch', hostPath: { path: dir } }],
    })
    await until('readiness', async () => isReady('orderly') && (await lines('orderly')).length > 0)
    store.delete('/pods', 'default', 'orderly')
    expect(stringAt(pod('orderly'), 'metadata', 'deletionTimestamp')).toBeDefined()
    await until('the end', () => pod('orderly') === undefined)
    expect(readFileSync(join(dir, 'order'), 'utf8')).toBe('hook app s2 s1 ')
  })

  it('that ignores SIGTERM is killed when its grace is over', async () => {
    createPod('stubborn', { terminationGracePeriodSeconds: 1, containers: [script('app', `process.on('SIGTERM', () => {}); console.log('up'); ${forever}`)] })
    await until('the log', async () => isReady('stubborn') && (await lines('stubborn')).length > 0)
    store.delete('/pods', 'default', 'stubborn')
    await until('the end', () => pod('stubborn') === undefined)
  })
})

describe('a Service', () => {
  // A new connection for each request: one that is kept may be closed by its server at the moment of the next request, in any cluster.
  const load = (url: string) => `setInterval(() => require('http').get('${url}', { agent: false }, (r) => { r.resume(); console.log(r.statusCode) }).on('error', (e) => console.log('failed', e.code)), 20)`

  it('leads to its Deployment by name, without a failed request while it is rolled and scaled', async () => {
    const template = (tag: string): JsonObject => ({
      metadata: { labels: { app: 'podinfo' } },
      spec: { containers: [{ name: 'podinfo', image: `stefanprodan/podinfo:${tag}`, command: ['./podinfo', '--port=9898'], ports: [{ name: 'http', containerPort: 9898 }], readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 } }] },
    })
    store.create('/services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'podinfo', namespace: 'default' }, spec: { clusterIP: `${block.servicePrefix}.0.20`, selector: { app: 'podinfo' }, ports: [{ port: 80, targetPort: 'http' }] } })
    store.create('apps/deployments', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'podinfo', namespace: 'default' }, spec: { replicas: 2, selector: { matchLabels: { app: 'podinfo' } }, template: template('1.0.0') } })
    const available = (generation: number, replicas: number) => () => {
      const { status } = objectAt({ d: store.get('apps/deployments', 'default', 'podinfo') }, 'd')
      return (numberAt(status, 'observedGeneration') ?? 0) >= generation && ['updatedReplicas', 'availableReplicas', 'replicas'].every((count) => numberAt(status, count) === replicas)
    }
    await until('the Deployment', available(1, 2))
    createPod('load', { containers: [script('load', load('http://podinfo.default.svc/version'))] })
    await until('requests', async () => (await lines('load').catch(() => [])).length > 5)
    const change = (spec: JsonObject): number => {
      const before = store.get('apps/deployments', 'default', 'podinfo') ?? {}
      return numberAt(store.update('apps/deployments', { ...before, spec: { ...objectAt(before, 'spec'), ...spec } }), 'metadata', 'generation') ?? 0
    }
    await until('the second version', available(change({ template: template('2.0.0') }), 2))
    await until('three pods', available(change({ replicas: 3 }), 3))
    await until('one pod', available(change({ replicas: 1 }), 1))
    const seen = (await lines('load')).length
    await until('requests afterwards', async () => (await lines('load')).length > seen + 5)
    expect(new Set(await lines('load'))).toEqual(new Set(['200']))
  })

  it('without a ready pod refuses connections', async () => {
    store.create('/services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'nobody', namespace: 'default' }, spec: { clusterIP: `${block.servicePrefix}.0.21`, selector: { app: 'nobody' }, ports: [{ port: 80 }] } })
    createPod('caller', { restartPolicy: 'Never', containers: [script('app', "fetch('http://nobody').catch((e) => console.log(e.cause.code))")] })
    await until('the end', () => phase('caller') === 'Succeeded')
    expect(await lines('caller')).toEqual(['ECONNREFUSED'])
  })

  it('shows its pods the addresses of their clients', async () => {
    createPod('mirror', { containers: [script('app', "require('http').createServer((q, r) => r.end(q.socket.remoteAddress)).listen(80)", { readinessProbe: { tcpSocket: { port: 80 } } })] })
    store.create('/services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'mirror', namespace: 'default' }, spec: { clusterIP: `${block.servicePrefix}.0.22`, selector: { app: 'mirror' }, ports: [{ port: 80 }] } })
    await until('readiness', () => isReady('mirror'))
    createPod('looker', { containers: [script('app', `setInterval(() => fetch('http://mirror').then((r) => r.text()).then((t) => console.log(t), () => {}), 50); ${forever}`)] })
    const answer = await until('an answer', async () => (await lines('looker').catch(() => []))[0])
    expect(answer).toBe(stringAt(pod('looker'), 'status', 'podIP'))
  })
})
