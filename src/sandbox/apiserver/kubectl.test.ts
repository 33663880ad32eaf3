import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject, type JsonObject, listAt, objectAt } from '../../base/json.ts'
import { type ServerFixture, startFixture } from './server-fixture.ts'

/** The server as a real kubectl sees it. */
const kubectlPath = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'kubectl')).find((path) => existsSync(path))

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

describe('kubectl', () => {
  if (kubectlPath === undefined) {
    it('is not on PATH, so that nothing is tried with it', () => expect(kubectlPath).toBeUndefined())
    return
  }

  let fixture: ServerFixture
  let dir = ''
  beforeAll(async () => {
    fixture = await startFixture()
    dir = mkdtempSync(join(tmpdir(), 'kinglet-kubectl-'))
    await applyText(manifest())
  })
  afterAll(async () => {
    await fixture.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** `stop` ends a command that would go on, when its output says enough. */
  const run = (args: readonly string[], options: { readonly stdin?: string; readonly stop?: (stdout: string) => boolean } = {}): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const child = spawn(kubectlPath, args, { env: { PATH: process.env['PATH'] ?? '', HOME: dir, KUBECACHEDIR: join(dir, 'cache'), KUBECONFIG: fixture.server.kubeconfigPath }, timeout: 20_000 })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        stdout += part
        if (options.stop?.(stdout) === true) child.kill()
      })
      child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, stdout, stderr }))
      child.stdin.end(options.stdin ?? '')
    })
  const kubectl = (line: string, stdin?: string): Promise<Outcome> => run(line.split(' '), stdin === undefined ? {} : { stdin })
  const applyText = (text: string, flags = ''): Promise<Outcome> => kubectl(`apply${flags} -f -`, text)
  const live = (name: string): JsonObject => fixture.store.get('apps/deployments', 'default', name) ?? {}
  const image = (name: string): unknown => objectAt({ first: listAt(live(name), 'spec', 'template', 'spec', 'containers')[0] }, 'first')['image']

  const manifest = (changes: { readonly name?: string; readonly image?: string; readonly replicas?: number } = {}): string => {
    const name = changes.name ?? 'web'
    const labels = { app: name }
    return JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: { replicas: changes.replicas ?? 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: changes.image ?? 'app:1', ports: [{ containerPort: 80, name: 'http' }] }] } } },
    })
  }

  it('prints the usual columns, wide ones too', async () => {
    const { stdout } = await kubectl('get deployments,services -o wide')
    expect(stdout).toMatch(/NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\ndeployment.apps\/web +0\/1 +0 +0 +\d+s +app +app:1 +app=web/)
    expect(stdout).toMatch(/service\/kubernetes +ClusterIP +127\.96\.0\.1 +<none> +443\/TCP/)
  })

  it('applies: created, unchanged, configured, in a dry run, and as the server does it', async () => {
    expect((await applyText(manifest({ name: 'a' }))).stdout).toBe('deployment.apps/a created\n')
    expect((await applyText(manifest({ name: 'a' }))).stdout).toBe('deployment.apps/a unchanged\n')
    expect((await applyText(manifest({ name: 'a', image: 'app:2' }), ' --dry-run=server')).stdout).toBe('deployment.apps/a configured (server dry run)\n')
    expect(image('a')).toBe('app:1')
    expect((await applyText(manifest({ name: 'a', image: 'app:2' }))).stdout).toBe('deployment.apps/a configured\n')
    expect(image('a')).toBe('app:2')
    expect((await applyText(manifest({ name: 'a', image: 'app:2' }), ' --server-side')).stdout).toBe('deployment.apps/a serverside-applied\n')
    await kubectl('scale deployment a --replicas=4')
    const refused = await applyText(manifest({ name: 'a', image: 'app:3' }), ' --server-side')
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas')
    expect((await applyText(manifest({ name: 'a', image: 'app:3' }), ' --server-side --force-conflicts')).code).toBe(0)
    expect([image('a'), objectAt(live('a'), 'spec')['replicas']]).toEqual(['app:3', 1])
  })

  it('refuses an unknown field, and shows a difference', async () => {
    expect((await applyText(manifest({ name: 'b' }).replace('"replicas"', '"replica"'))).stderr).toContain('strict decoding error: unknown field "spec.replica"')
    const { code, stdout } = await kubectl('diff -f -', manifest({ image: 'app:9' }))
    expect(code).toBe(1)
    expect(stdout).toMatch(/-\s+- image: app:1\n\+\s+- image: app:9/)
    expect((await kubectl('diff -f -', manifest())).code).toBe(0)
  })

  it('annotates, labels, sets an image, scales, patches and restarts', async () => {
    await applyText(manifest({ name: 'c' }))
    const lines = ['annotate deployment c note=hello', 'label deployment c tier=front', 'set image deployment/c app=app:7', 'scale deployment c --replicas=3', 'patch deployment c -p {"spec":{"minReadySeconds":5}}', 'rollout restart deployment c']
    for (const line of lines) expect(await kubectl(line)).toMatchObject({ code: 0 })
    expect(objectAt(live('c'), 'metadata')).toMatchObject({ annotations: { note: 'hello' }, labels: { tier: 'front' } })
    expect(objectAt(live('c'), 'spec')).toMatchObject({ replicas: 3, minReadySeconds: 5 })
    expect(image('c')).toBe('app:7')
  })

  it('describes, with the events of the object', async () => {
    fixture.store.create('/events', { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'default' }, involvedObject: { kind: 'Deployment', name: 'web', namespace: 'default', uid: objectAt(live('web'), 'metadata')['uid'] }, reason: 'Synced', message: 'all is well', type: 'Normal', count: 1, source: { component: 'flagger' }, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z' })
    const { stdout } = await kubectl('describe deployment web')
    expect(stdout).toContain('RollingUpdateStrategy:  25% max unavailable, 25% max surge')
    expect(stdout).toMatch(/Normal +Synced +\S+ +flagger +all is well/)
  })

  it('explains fields', async () => expect((await kubectl('explain deployment.spec.replicas')).stdout).toContain('FIELD: replicas <integer>'))

  it('waits for a condition and for a value', async () => {
    await applyText(manifest({ name: 'd' }))
    const waiting = [kubectl('wait --for=condition=Available deployment/d --timeout=15s'), kubectl('wait --for=jsonpath={.status.readyReplicas}=1 deployment/d --timeout=15s')]
    fixture.store.update('apps/deployments', { ...live('d'), status: { readyReplicas: 1, conditions: [{ type: 'Available', status: 'True' }] } })
    expect((await Promise.all(waiting)).map(({ stdout }) => stdout)).toEqual(['deployment.apps/d condition met\n', 'deployment.apps/d condition met\n'])
  })

  it('watches', async () => {
    await applyText(manifest({ name: 'e' }))
    // kubectl reads the object and only then watches; what changes in between it takes for the state that it printed already.
    let updated = 0
    const change = setInterval(() => fixture.store.update('apps/deployments', { ...live('e'), status: { updatedReplicas: (updated += 1) } }), 50)
    const { stdout } = await run(['get', 'deployment', 'e', '-w', '--no-headers'], { stop: (seen) => seen.split('\n').length > 3 })
    clearInterval(change)
    expect(stdout).toMatch(/^e +0\/1 +\d+ +0 +\S+\ne +0\/1 +\d+ +0 +\S+\n/)
  })

  it('deletes, and waits until it is gone', async () => {
    await applyText(manifest({ name: 'f' }))
    expect((await kubectl('delete deployment f')).stdout).toBe('deployment.apps "f" deleted\n')
    expect((await kubectl('get deployment f')).stderr).toBe('Error from server (NotFound): deployments.apps "f" not found\n')
  })

  it('creates with its own commands, which send protobuf', async () => {
    const lines = ['create namespace team', 'create configmap settings -n team --from-literal=a=b', 'create deployment more -n team --image=app:1 --replicas=0', 'create token default -n team']
    for (const line of lines) expect(await kubectl(line)).toMatchObject({ code: 0, stderr: '' })
    expect(fixture.store.get('/configmaps', 'team', 'settings')?.['data']).toEqual({ a: 'b' })
    expect((await kubectl('delete namespace team')).code).toBe(0)
  })

  it('asks for rights, its own and those of others', async () => {
    expect((await kubectl('auth can-i create deployments')).stdout).toBe('yes\n')
    expect((await kubectl('auth can-i create deployments --as=system:serviceaccount:default:default')).stdout).toBe('no\n')
    expect((await kubectl('get pods --as=somebody')).stderr).toContain('pods is forbidden: User "somebody" cannot list resource "pods" in API group "" in the namespace "default"')
  })

  it('reads a log', async () => {
    await kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'app', image: 'app:1' }] } }))
    expect((await kubectl('logs p')).stdout).toBe('p/app: one\ntwo\n')
  })

  it('knows a custom resource as soon as its definition is applied', async () => {
    const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', description: 'How big.' } } } } }
    const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }] }
    const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'boxes.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'boxes', kind: 'Box' }, versions: [version] } }
    await applyText(JSON.stringify(definition))
    expect((await kubectl('wait --for=condition=established crd/boxes.example.com')).code).toBe(0)
    expect((await applyText(JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 'b' }, spec: { size: 3 } }))).stdout).toBe('box.example.com/b created\n')
    expect((await kubectl('get boxes')).stdout).toBe('NAME   SIZE\nb      3\n')
    expect((await kubectl('explain box.spec.size')).stdout).toContain('How big.')
    const { stdout } = await kubectl('get box b -o json')
    const box: unknown = JSON.parse(stdout)
    expect(isObject(box) && box['spec']).toEqual({ size: 3 })
  })
})
